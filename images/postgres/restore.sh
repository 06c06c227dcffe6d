#!/bin/bash
# Makes the cluster on the volume /var/lib/postgresql from the repository: chooses a backup, fetches it, recovers
# it up to what is asked for, and leaves it as a server does that was stopped in order. A volume that holds another
# cluster is left as it is. It may be run again: after the same request it finds its work done.
#
# Environment: RESTORE_TO (`latest`, or a time with its offset in ISO 8601) or RESTORE_SET (a backup's label),
# POSTGRES_DB (the database that has to be there in the end).
# Prints JSON, an object a line: {"event": "start" | "progress" | "recovering" | "done" | "failed", ...}.
# Exit codes, from sysexits.h: 64 wrong use, 65 nothing that can be restored, or another cluster on the volume,
# 69 the repository can't be read, 70 the restored cluster does not work, 73 no room or no right to write,
# 75 the volume is in use, 78 wrong setting.
set -u
export TZ=UTC
umask 077

VOLUME=/var/lib/postgresql
MAJOR=17
# The cluster is made here and renamed when complete, so PGDATA is whole or absent.
STAGING=$VOLUME/$MAJOR/.restoring
# What was asked for and what came of it.
MARKER=$VOLUME/.restored
# Seconds to wait for the container that had the volume before.
LOCK_WAIT=5
# Bytes that a restore needs beside the backup and a tenth of it: the WAL that is replayed.
ROOM=$((256 << 20))

. /usr/local/share/tasktracker/repository.sh
. /usr/local/share/tasktracker/private_server.sh

started=$EPOCHREALTIME
work=
private_server=
fetching=

event() { # NAME JQ-OPTIONS... [JQ-OBJECT]
    local name=$1
    shift
    jq -nc --arg event "$name" "${@:1:$#-1}" "{event: \$event} + ${*: -1}"
}

fail() { # CODE REASON...
    local code=$1 reason=${*:2}
    # One line, whatever a setting holds.
    reason=${reason//[[:cntrl:]]/ }
    echo "restore: $reason" >&2
    event failed --arg reason "$reason" '{reason: $reason}'
    exit "$code"
}

clear_up() {
    local jobs
    jobs=$(jobs -p)
    # At once: an incomplete restore starts over.
    [ -z "$jobs" ] || kill -QUIT $jobs 2>/dev/null
    wait
    [ -z "$work" ] || rm -rf "$work"
    # Nobody else is at work here, as the volume is locked.
    rm -rf "$STAGING"
    rmdir "$VOLUME/$MAJOR" 2>/dev/null
}

check_environment() {
    [ "$(id -u)" -ne 0 ] || fail 64 "PostgreSQL doesn't run as root: start the container as its own user 10001:10001"
    [[ ${POSTGRES_DB:-} =~ ^[a-z_][a-z0-9_]{0,62}$ ]] ||
        fail 78 "POSTGRES_DB='${POSTGRES_DB:-}': must be the name of the database: a-z, 0-9 and _, no digit at the start"
    [ -n "${RESTORE_TO:-}${RESTORE_SET:-}" ] ||
        fail 78 "neither RESTORE_TO (latest, or a time) nor RESTORE_SET (the label of a backup) is set:" \
            "one of them says what to restore"
    [ -z "${RESTORE_TO:-}" ] || [ -z "${RESTORE_SET:-}" ] ||
        fail 78 "RESTORE_TO and RESTORE_SET are both set: only one can say what to restore"
    target= target_epoch=
    if [ -n "${RESTORE_SET:-}" ]; then
        [[ $RESTORE_SET =~ ^[0-9]{8}-[0-9]{6}F(_[0-9]{8}-[0-9]{6}[DI])?$ ]] ||
            fail 78 "RESTORE_SET='$RESTORE_SET': no label of a backup; one looks like 20261120-020000F or" \
                "20261120-020000F_20261121-020000D"
        request="set $RESTORE_SET"
    elif [ "$RESTORE_TO" = latest ]; then
        request=latest
    else
        local date='[0-9]{4}-[0-9]{2}-[0-9]{2}'
        local time='[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?'
        local offset='(Z|[+-][0-9]{2}(:?[0-9]{2})?)'
        [[ $RESTORE_TO =~ ^$date[T\ ]$time\ ?$offset$ ]] && target_epoch=$(date -d "$RESTORE_TO" +%s.%6N 2>/dev/null) ||
            fail 78 "RESTORE_TO='$RESTORE_TO': must be latest, or a time with its offset from UTC," \
                "as in 2026-11-20T14:05:00+02:00"
        target=$(date -u -d "@$target_epoch" '+%Y-%m-%d %H:%M:%S.%6N+00')
        # The same moment is the same request, whatever zone it is given in.
        request="time $target"
    fi
}

# Ends here if there is nothing to do or nothing that may be done.
look_at_volume() {
    [ -w "$VOLUME" ] ||
        fail 73 "$VOLUME: uid $(id -u) may not write here; the volume's folder must belong to 10001:10001"
    if [ -f "$PGDATA/PG_VERSION" ] && [ -f "$MARKER" ] && [ "$(jq -r .request "$MARKER" 2>/dev/null)" = "$request" ]; then
        echo "restore: this request ($request) is done already" >&2
        jq -c '.done + {repeated: true}' "$MARKER"
        exit 0
    fi
    local file
    for file in "$VOLUME"/PG_VERSION "$VOLUME"/data/PG_VERSION "$VOLUME"/*/data/PG_VERSION; do
        [ ! -f "$file" ] || fail 65 "${file%/PG_VERSION} holds a cluster that another request made: it is left as it is;" \
            "restore into an empty volume"
    done
    [ -z "$(ls -A "$PGDATA" 2>/dev/null)" ] ||
        fail 65 "$PGDATA has files of something that is no complete cluster: they are left as they are;" \
            "restore into an empty volume"
}

lock_volume() {
    exec 9>"$VOLUME/.lock" || fail 73 "$VOLUME/.lock: cannot be made"
    flock --wait "$LOCK_WAIT" 9 || fail 75 "$VOLUME: another container is at work on this volume"
}

# Sets `backup` to the one to begin with.
choose_backup() {
    local result
    result=$(jq -r --arg set "${RESTORE_SET:-}" --arg time "$target_epoch" --arg major "$MAJOR" \
        -f "$SHARE/choose.jq" "$work/list")
    backup=$(jq -c '.backup // empty' <<<"$result")
    [ -n "$backup" ] || fail 65 "$(jq -r .reason <<<"$result")"
    label=$(jq -r .label <<<"$backup")
    size=$(jq -r .size <<<"$backup")
}

check_room() {
    local needed free
    needed=$((size + size / 10 + ROOM))
    free=$(df --output=avail --block-size=1 "$VOLUME" | tail -n 1)
    [ "$free" -ge "$needed" ] ||
        fail 73 "$VOLUME has $((free >> 20)) MB free, and a restore of backup $label takes $((needed >> 20)) MB:" \
            "make room, or use another disk"
}

# Passes pgBackRest's log on as progress, at most one a second, and keeps what is no file in $work/log.
follow() {
    local line last=0
    while IFS= read -r line; do
        if [[ $line =~ DETAIL:\ restore\ file\ .*\ ([0-9]+)\.([0-9]+)%\) ]]; then
            [ "$EPOCHSECONDS" -gt "$last" ] || continue
            last=$EPOCHSECONDS
            printf '{"event":"progress","percent":%d.%s,"bytes":%d}\n' "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" \
                $((size / 10000 * (10#${BASH_REMATCH[1]} * 100 + 10#${BASH_REMATCH[2]})))
        elif ! [[ $line =~ ' DETAIL: ' ]]; then
            printf '%s\n' "$line" >>"$work/log"
        fi
    done
}

# Fetches the backup. Along its own timeline: a history that was left is none to go on with.
fetch_backup() {
    local type=(--type=default --target-timeline=current)
    if [ -n "${RESTORE_SET:-}" ]; then
        type=(--type=immediate --target-action=promote --recovery-option=recovery_target_timeline=current)
    elif [ -n "$target" ]; then
        type=(--type=time --target="$target" --target-action=promote --target-timeline=current)
    fi
    mkdir -p "$STAGING" || fail 73 "$STAGING: cannot be made"
    : >"$work/log"
    mkfifo "$work/pipe"
    pgbackrest --stanza=main --set="$label" --pg1-path="$STAGING" "${type[@]}" --no-delta \
        --log-level-console=detail restore >"$work/pipe" 2>&1 &
    fetching=$!
    follow <"$work/pipe"
    wait "$fetching" && return
    local code=$? reason
    say_log "$work/log"
    if grep -q 'No space left' "$work/log"; then
        fail 73 "$VOLUME ran out of space"
    fi
    reason=$(grep -o 'error restoring .*\|checksum .* does not match .*' "$work/log" | head -n 1)
    [ -z "$reason" ] || fail 65 "a file of backup $label is damaged: $reason"
    fail 69 "$(repository_error "$work/log") (pgBackRest: $code)"
}

say_log() {
    # With a wrong passphrase it shows what it could not read.
    tail -n 20 "$1" | tr -cd '\11\12\40-\176' >&2
}

recover() {
    # Whether it has to reach the end of the archive.
    local whole=
    [ "$request" != latest ] || whole=yes
    mkdir "$work/socket"
    event recovering '{}'
    if ! start_private_server "$STAGING" "$work/socket"; then
        if grep -q 'recovery ended before configured recovery target was reached' "$work/socket/log"; then
            # Nothing was written between the last transaction and what is asked for: the end is that moment's state.
            sed -i '/^recovery_target_time = /d; /^recovery_target_action = /d' "$STAGING/postgresql.auto.conf"
            rm -f "$STAGING/postmaster.pid"
            start_private_server "$STAGING" "$work/socket" || recovery_failed
            whole=yes
        else
            recovery_failed
        fi
    fi
    [ -z "$whole" ] || check_end
    local answer
    answer=$(ask_private_server "$POSTGRES_DB" "SELECT json_build_object(
        'recovered_to', to_char(pg_last_xact_replay_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),
        'timeline', ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int,
        'bytes', (SELECT sum(pg_database_size(oid)) FROM pg_database))" 2>"$work/answer") ||
        fail 70 "the database $POSTGRES_DB does not answer in the restored cluster: $(tail -n 1 "$work/answer")"
    recovered=$answer
    stop_private_server || fail 70 "the restored cluster could not be stopped in order"
}

# PostgreSQL takes WAL that can't be read for the end of the archive.
check_end() {
    local last
    last=$(jq -r --arg timeline "$(printf %08X "$(jq .timeline <<<"$backup")")" \
        'select(.wal | startswith($timeline)) | .wal[:24]' "$work/wal" | tail -n 1)
    # WAL in the archive ends with whole segments, so a record in it that is wrong is damage too.
    if { [ -n "$last" ] && ! grep -q "restored log file \"$last\" from archive" "$work/socket/log"; } ||
        grep -q 'checksum in record\|incorrect prev-link\|invalid magic number\|unexpected pageaddr' "$work/socket/log"; then
        say_log "$work/socket/log"
        fail 65 "the archive has WAL up to $last, and not all of it can be read: the recovery ended with" \
            "$(grep -o 'restored log file "[0-9A-F]*"' "$work/socket/log" | tail -n 1 | cut -d '"' -f 2);" \
            "backup-verify says what is damaged"
    fi
}

recovery_failed() {
    say_log "$work/socket/log"
    grep -q 'No space left' "$work/socket/log" && fail 73 "$VOLUME ran out of space"
    fail 70 "the recovery failed: $(grep -o 'FATAL: .*\|PANIC: .*' "$work/socket/log" | head -n 1)"
}

# Leaves no trace of the recovery that the server proper would stumble over.
finish() {
    local cluster=$STAGING
    sed -i '/^# Recovery settings generated by pgBackRest/d; /^restore_command = /d; /^recovery_target/d' \
        "$cluster/postgresql.auto.conf"
    # The old timeline's last segment, cut where the new one begins. The archive has the whole of it, and would
    # refuse the part when two restores end in the same segment.
    rm -f "$cluster"/pg_wal/*.partial "$cluster"/pg_wal/archive_status/*.partial.ready
    rm -f "$cluster/backup_label.old" "$cluster/tablespace_map.old"
    local done
    done=$(event "done" --argjson recovered "$recovered" --arg backup "$label" --argjson started "$started" \
        '{seconds: ((now - $started) * 10 | round / 10), backup: $backup} + $recovered')
    jq -n --arg request "$request" --argjson done "$done" '{request: $request, done: $done}' >"$MARKER.new"
    [ ! -d "$PGDATA" ] || rmdir "$PGDATA"
    sync -f "$VOLUME"
    mv -T "$MARKER.new" "$MARKER" && mv -T "$cluster" "$PGDATA" && sync "$VOLUME" "$VOLUME/$MAJOR" ||
        fail 73 "$PGDATA: cannot be made"
    echo "$done"
}

check_environment
look_at_volume
lock_volume
look_at_volume
trap clear_up EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
work=$(mktemp -d /tmp/restore.XXXXXX) || fail 73 "/tmp: cannot be written to"
# What an interrupted attempt has left.
rm -rf "$STAGING" "$MARKER" "$MARKER.new"
{ read_repository "$work" && list_backups "$work"; } || fail 69 "$failure"
choose_backup
check_room
event start --arg request "$request" --argjson backup "$backup" \
    '{request: $request, backup: $backup.label, bytes: $backup.size, timeline: $backup.timeline}'
fetch_backup
recover
finish
