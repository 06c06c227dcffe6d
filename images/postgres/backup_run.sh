#!/bin/sh
# Takes a backup and removes the ones that are no longer wanted: backup-run full|diff.
#
# Environment: RETENTION_FULL (full backups without errors that stay at least), RETENTION_DAYS (days
# that a restore can go back to at least).
set -eu
# Labels of backups are times; in one zone they only grow.
export TZ=UTC

STARTED=/tmp/backup-started
SHARE=/usr/local/share/tasktracker

say() {
    echo "backup-run: $*" >&2
}

case ${1:-} in
    full | diff) ;;
    *)
        say "use: backup-run full|diff"
        exit 64
        ;;
esac

# The file stands for the backup that runs; one that finds another at work has no part in it.
exec 9>>"$STARTED.lock"
if ! flock --nonblock 9; then
    say "another backup is running: this one ($1) is not taken"
    exit 75
fi
trap 'rm -f "$STARTED"; backup-status' EXIT
touch "$STARTED"
pgbackrest --stanza=main --type="$1" backup
rm -f "$STARTED"

# How many of the newest full backups it takes for both of what is wanted; all of them, if too few.
keep=$(pgbackrest --stanza=main --output=json info |
    jq --argjson full "$RETENTION_FULL" --argjson days "$RETENTION_DAYS" -f "$SHARE/keep.jq")
if [ "$keep" -gt 0 ]; then
    pgbackrest --stanza=main --repo1-retention-full-type=count --repo1-retention-full="$keep" expire
fi
