#!/bin/sh
# Prints the sets that there are, oldest first: {"sets": [{id, what, complete, before_restore, time, files,
# size, added, path}], "last_good": {uploads, nats}}. Times are in seconds since 1970, sizes in bytes;
# `added` is what a set took of the repository. What is `state` is Pulumi's.
set -u
. /usr/local/share/tasktracker/common.sh

[ $# -eq 0 ] || fail 64 "use: files-list"
files-status
reason=$(jq -r '.repository.error // empty' "$STATUS")
[ -z "$reason" ] || fail 69 "$reason"
jq -c '{sets, last_good}' "$STATUS"
