#!/bin/sh
# Takes a backup and removes the ones that are no longer wanted: backup-run full|diff.
#
# Environment: RETENTION_FULL (full backups without errors that stay at least), RETENTION_DAYS (days
# that a restore can go back to at least).
# Exit codes, from sysexits.h: 64 wrong use, 69 the repository can't be read, 75 another backup is running.
set -eu
# Labels of backups are times; in one zone they only grow.
export TZ=UTC

STARTED=/tmp/backup-started

. /usr/local/share/tasktracker/repository.sh

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
# pgBackRest itself would try for minutes.
work=$(mktemp -d /tmp/backup.XXXXXX)
trap 'rm -rf "$work"' EXIT
if ! read_repository "$work"; then
    say "$failure"
    exit 69
fi
trap 'rm -rf "$STARTED" "$work"; backup-status' EXIT
touch "$STARTED"
pgbackrest --stanza=main --type="$1" backup
rm -f "$STARTED"

# How many of the newest full backups it takes for both of what is wanted; all of them, if too few.
keep=$(pgbackrest --stanza=main --output=json info |
    jq --argjson full "$RETENTION_FULL" --argjson days "$RETENTION_DAYS" -f "$SHARE/keep.jq")
if [ "$keep" -gt 0 ]; then
    pgbackrest --stanza=main --repo1-retention-full-type=count --repo1-retention-full="$keep" expire
fi
