#!/bin/sh
# Keeps PostgreSQL backed up, beside it: makes the stanza, takes the first backup and those that are
# overdue, starts the scheduled ones (supercronic, /etc/tasktracker/crontab), and keeps a status file
# for the health check. Nothing that fails here is given up: the repository may come back.
#
# Environment: MAX_BACKUP_AGE (seconds), and what backup-run and backup-health take.
set -u
export TZ=UTC

SOCKET=/run/postgresql
CRONTAB=/etc/tasktracker/crontab
OUTPUT=/tmp/backup.out
STATUS=/tmp/status.json
# Seconds between two looks at what is due, and before what has failed is tried again.
INTERVAL=60
RETRY=30

. /usr/local/share/tasktracker/repository.sh

say() {
    echo "backup: $*" >&2
}

# Runs a command in the background: a shell that waits heeds a signal at once.
attend() {
    "$@" &
    wait $!
}

# Everything ends, a running backup too: pgBackRest then leaves PostgreSQL and its own lock in order.
end() {
    trap - TERM INT
    kill -TERM -1
    wait
    exit 0
}

postgres_answers() {
    psql -XAtq -h "$SOCKET" -U postgres -d postgres -c 'SELECT 1' >"$OUTPUT" 2>&1
}

quiet_pgbackrest() {
    pgbackrest --stanza=main --log-level-console=warn --io-timeout=5 "$@" >"$OUTPUT" 2>&1 &
    wait $!
}

# Says why pgBackRest has failed, in its own words and in ours. The same reason is given once only.
explain() {
    reason=$(repository_error "$OUTPUT")
    if [ "$reason" != "$explained" ]; then
        # With a wrong passphrase it shows what it could not read.
        tr -cd '\11\12\40-\176' <"$OUTPUT" >&2
        say "$reason; trying again every $RETRY s"
        explained=$reason
    fi
}

# Only a newer PostgreSQL takes a stanza over by itself. Another cluster of the same version is more
# likely a stack that was pointed at another one's repository.
is_newer_postgres() {
    quiet_pgbackrest info --output=json || return 1
    jq -e --arg found "$(cat "$PGDATA/PG_VERSION")" \
        '.[0].db | length > 0 and all(.version | tonumber < ($found | tonumber))' "$OUTPUT" >/dev/null 2>&1
}

make_stanza() {
    quiet_pgbackrest stanza-create && return
    cp "$OUTPUT" "$OUTPUT.create"
    if is_newer_postgres; then
        say "PostgreSQL is newer than the stanza: upgrading that"
        quiet_pgbackrest stanza-upgrade && return
    else
        mv "$OUTPUT.create" "$OUTPUT"
    fi
    explain
    return 1
}

# Prints the type of the backup that should have been there by now, by the status; fails if none is missing.
overdue() {
    jq -er --argjson age "$MAX_BACKUP_AGE" --argjson days "$RETENTION_DAYS" '
        if .repository.reachable and .postgres.reachable and .running_since == null
            and (
                .last_good == null or now - .last_good.stop > $age
                # Since a restore: until then, one would begin with the history that was left.
                or (.timeline != null and .timeline != .last_good.timeline)
            )
        then if .last_good_full == null or now - .last_good_full.stop > $days * 86400 then "full" else "diff" end
        else empty end' "$STATUS"
}

trap end TERM INT
backup-status --watch &
supercronic -json -passthrough-logs "$CRONTAB" &
schedule=$!
ready=false
waits=false
explained=
while kill -0 "$schedule" 2>/dev/null; do
    pause=$RETRY
    # The status knows, once it is written.
    if ! $ready && ! postgres_answers; then
        $waits || say "waiting for PostgreSQL: $(cat "$OUTPUT")"
        waits=true
        pause=2
    elif $ready || make_stanza; then
        ready=true waits=false explained=
        # It takes long where the repository doesn't answer.
        attend backup-status
        if type=$(overdue); then
            say "no backup of this database is younger than $MAX_BACKUP_AGE s: taking one"
            # What fails now may be the stanza: looked at again.
            attend backup-run "$type" || ready=false
        fi
        pause=$INTERVAL
    fi
    attend sleep "$pause"
done
say "the schedule has ended: its messages stand above"
exit 70
