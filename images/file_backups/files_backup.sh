#!/bin/sh
# Takes a backup of the uploads and of NATS' streams, each a set of its own, so that one does without
# the other, and removes the sets that are no longer wanted.
#
# Environment: RETENTION_DAYS (days that a restore can go back to), RETENTION_COUNT (sets that stay at least).
set -u
. /usr/local/share/tasktracker/common.sh

# Seconds to wait for what is running: files-status looks at the lock for an instant.
PATIENCE=5

[ $# -eq 0 ] || fail 64 "use: files-backup"
take_turn "$PATIENCE"
trap 'rm -f "$STARTED"; files-status' EXIT
touch "$STARTED"
emit start
started=$(date +%s)

if ! "$exists"; then
    say "there is no repository yet: making one"
    demand "$RUN/output" init
    touch "$WORK/pruned"
fi

failed=0
save uploads "$UPLOADS" || failed=74
if fetch_streams; then save nats "$STREAMS" || failed=74; else failed=69; fi
rm -rf "$STREAMS"

# Sets that are incomplete, or were taken before a restore, make no room in the count of the others.
demand "$RUN/output" forget --group-by paths,tags --keep-within "${RETENTION_DAYS}d" --keep-last "$RETENTION_COUNT"
# This reads the repository's whole index; once a day is enough.
if [ -z "$(find "$WORK/pruned" -mmin -1440 2>/dev/null)" ]; then
    demand "$RUN/output" prune
    touch "$WORK/pruned"
fi
[ "$failed" -eq 0 ] || exit "$failed"
emit "done" --argjson seconds "$(($(date +%s) - started))"
