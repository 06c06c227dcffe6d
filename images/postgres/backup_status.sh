#!/bin/sh
# Writes what is known of backups and WAL to /tmp/status.json, and as metrics to /var/lib/metrics/backup.prom:
# once, or with --watch for ever. Times are in seconds since 1970.
set -u
export TZ=UTC PGCONNECT_TIMEOUT=5

SOCKET=/run/postgresql
STATUS=/tmp/status.json
STARTED=/tmp/backup-started
# Seconds between two looks. When something is wrong, the end of it is worth knowing soon.
INTERVAL=60
INTERVAL_IN_TROUBLE=10

. /usr/local/share/tasktracker/repository.sh
. /usr/local/share/tasktracker/metrics.sh

# Another cluster's backups are none of this one's. The last of the stanza's clusters is the one it is for.
is_of_another_cluster() { # INFO
    theirs=$(grep -o '"system-id":[0-9]*' "$1" | tail -n 1)
    ours=$(pg_controldata "$PGDATA" 2>/dev/null | sed -n 's/^Database system identifier: *//p')
    [ -n "$theirs" ] && [ -n "$ours" ] && [ "${theirs#*:}" != "$ours" ]
}

# A checkpointer that was there before the startup's end heeds archive_timeout only once it has been awake,
# which without load is not before checkpoint_timeout. A reload wakes it; once for each start.
keep_archive_timeout() { # ARCHIVER
    started=$(jq -r 'if .timeline then .started else empty end' "$1")
    [ -n "$started" ] && [ "$started" != "$(jq -r '.postgres.started // empty' "$STATUS" 2>/dev/null)" ] || return 0
    psql -XAtq -h "$SOCKET" -U postgres -d postgres -c 'SELECT pg_reload_conf()' >/dev/null 2>&1 || :
}

write_status() {
    work=$(mktemp -d /tmp/status.XXXXXX) || return
    if ! read_repository "$work"; then
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
            'last_failed_time', extract(epoch FROM last_failed_time),
            'started', extract(epoch FROM pg_postmaster_start_time()),
            'timeline', CASE WHEN NOT pg_is_in_recovery()
                THEN ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int END)
        FROM pg_stat_archiver" >"$work/archiver" 2>"$work/psql-errors" || : >"$work/archiver"
    keep_archive_timeout "$work/archiver"
    # PostgreSQL's own list of what waits for the archive, there whether it runs or not.
    find "$PGDATA/pg_wal/archive_status" -name '*.ready' -printf '{"since": %T@, "file": "%f"}\n' \
        >"$work/waiting" 2>/dev/null
    df --output=avail,size --block-size=1 "$PGDATA" 2>/dev/null | tail -n +2 >"$work/disk"
    stat --format=%Y "$STARTED" >"$work/started" 2>/dev/null
    [ -s "$STATUS" ] && cp "$STATUS" "$work/before" || : >"$work/before"
    jq -n --slurpfile info "$work/info" --slurpfile archiver "$work/archiver" --slurpfile waiting "$work/waiting" \
        --slurpfile disk "$work/disk" --slurpfile started "$work/started" --slurpfile before "$work/before" \
        --arg failure "$failure" \
        --rawfile psql_errors "$work/psql-errors" -L "$SHARE" -f "$SHARE/status.jq" >"$work/status" &&
        mv "$work/status" "$STATUS" && jq -r -L "$SHARE" -f "$SHARE/backup_metrics.jq" "$STATUS" | publish backup.prom
    rm -rf "$work"
}

write_status
while [ "${1:-}" = --watch ]; do
    if backup-health >/dev/null; then sleep "$INTERVAL"; else sleep "$INTERVAL_IN_TROUBLE"; fi
    write_status
done
