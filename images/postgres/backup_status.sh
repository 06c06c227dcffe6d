#!/bin/sh
# Writes what is known of backups and WAL to /tmp/status.json: once, or with --watch for ever. Times
# are in seconds since 1970.
set -u
export TZ=UTC PGCONNECT_TIMEOUT=5

SOCKET=/run/postgresql
STATUS=/tmp/status.json
STARTED=/tmp/backup-started
SHARE=/usr/local/share/tasktracker
# Seconds between two looks. When something is wrong, the end of it is worth knowing soon.
INTERVAL=60
INTERVAL_IN_TROUBLE=10
# Seconds for one answer of the repository, and for all of them: pgBackRest asks for four files, three times each.
ANSWER=5
ANSWERS=20

. "$SHARE/repository_error.sh"

# Another cluster's backups are none of this one's. The last of the stanza's clusters is the one it is for.
is_of_another_cluster() { # INFO
    theirs=$(grep -o '"system-id":[0-9]*' "$1" | tail -n 1)
    ours=$(pg_controldata "$PGDATA" 2>/dev/null | sed -n 's/^Database system identifier: *//p')
    [ -n "$theirs" ] && [ -n "$ours" ] && [ "${theirs#*:}" != "$ours" ]
}

write_status() {
    failure=
    work=$(mktemp -d /tmp/status.XXXXXX) || return
    if ! timeout "$ANSWERS" pgbackrest --stanza=main --output=json --log-level-console=warn --io-timeout="$ANSWER" info \
        >"$work/info" 2>"$work/errors"; then
        [ -s "$work/errors" ] || echo "no answer within $ANSWERS s" >>"$work/errors"
        failure=$(repository_error "$work/errors")
        : >"$work/info"
    # 99 is "other": the repository could not be read, and why is in there, sometimes with bytes that are no JSON.
    elif grep -q '"code":99' "$work/info"; then
        failure=$(repository_error "$work/info")
        : >"$work/info"
    elif is_of_another_cluster "$work/info"; then
        echo "the backups do not match the database" >"$work/errors"
        failure=$(repository_error "$work/errors")
        : >"$work/info"
    fi
    psql -XAtq -h "$SOCKET" -U postgres -d postgres -c "SET statement_timeout = '10s'" -c "
        SELECT json_build_object(
            'archive_mode', current_setting('archive_mode'),
            'last_archived', last_archived_wal,
            'last_archived_time', extract(epoch FROM last_archived_time),
            'failed_count', failed_count,
            'last_failed', last_failed_wal,
            'last_failed_time', extract(epoch FROM last_failed_time))
        FROM pg_stat_archiver" >"$work/archiver" 2>"$work/psql-errors" || : >"$work/archiver"
    # PostgreSQL's own list of what waits for the archive, there whether it runs or not.
    find "$PGDATA/pg_wal/archive_status" -name '*.ready' -printf '%T@\n' >"$work/waiting" 2>/dev/null
    stat --format=%Y "$STARTED" >"$work/started" 2>/dev/null
    [ -s "$STATUS" ] && cp "$STATUS" "$work/before" || : >"$work/before"
    jq -n --slurpfile info "$work/info" --slurpfile archiver "$work/archiver" --slurpfile waiting "$work/waiting" \
        --slurpfile started "$work/started" --slurpfile before "$work/before" --arg failure "$failure" \
        --rawfile psql_errors "$work/psql-errors" -f "$SHARE/status.jq" >"$work/status" &&
        mv "$work/status" "$STATUS"
    rm -rf "$work"
}

write_status
while [ "${1:-}" = --watch ]; do
    if backup-health >/dev/null; then sleep "$INTERVAL"; else sleep "$INTERVAL_IN_TROUBLE"; fi
    write_status
done
