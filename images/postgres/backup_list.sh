#!/bin/sh
# Prints, as JSON, the backups that there are and the ranges of time that can be restored to. Times are in
# seconds since 1970, sizes in bytes.
#
# Exit codes, from sysexits.h: 69 the repository can't be read.
set -eu
export TZ=UTC

. /usr/local/share/tasktracker/repository.sh

work=$(mktemp -d /tmp/list.XXXXXX)
trap 'rm -rf "$work"' EXIT
if ! read_repository "$work" || ! list_backups "$work"; then
    echo "backup-list: $failure" >&2
    exit 69
fi
cat "$work/list"
