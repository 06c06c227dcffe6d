#!/bin/bash
# Proves that what is in the repository can be restored: writes a canary to the database, waits until its WAL is
# archived, restores the latest state to the volume /var/lib/postgresql, which is for drills alone, and checks
# it there. The result goes to /var/lib/metrics as well: drill.json and drill.prom.
#
# Use: drill [--json]. With --json it prints an object a line: {"event": "start" | "canary" | "archived" |
# "checking" | "done", ...} and those of restore in between; else a line of words each.
# Environment: POSTGRES_DB, ARCHIVE_TIMEOUT, MAX_WAL_AGE (seconds: WAL has their sum to arrive).
# Exit codes: 0 all was restored, 1 it wasn't; from sysexits.h: 64 wrong use, 70 no result, 73 volume not writable,
# 75 another drill is running, 78 wrong setting.
set -u
export TZ=UTC PGCONNECT_TIMEOUT=10
umask 077

VOLUME=/var/lib/postgresql
SOCKET=/run/postgresql
# Seconds between two looks at the archive.
INTERVAL=1

. /usr/local/share/tasktracker/repository.sh
. /usr/local/share/tasktracker/private_server.sh
. /usr/local/share/tasktracker/metrics.sh
. /usr/local/share/tasktracker/drill_result.sh

die() {
    code=$1
    shift
    echo "drill: $*" >&2
    exit "$code"
}

event() { # NAME [JQ-OPTIONS...] JQ-OBJECT
    jq -nc --arg event "$1" "${@:2:$#-2}" "{event: \$event} + ${*: -1}" >&3
}

ask() { # DATABASE PSQL-OPTIONS...
    psql -XAtq --no-password --host="$SOCKET" --username=postgres --dbname="$1" "${@:2}" 2>"$work/psql-errors"
}

# Ends the drill with its result; it is green without a REASON.
finish() { # [REASON]
    trap '' TERM INT
    remove_scratch
    local before
    before=$(read_result)
    jq -nc --arg reason "${1:-}" --argjson checks "$checks" --argjson rpo "$rpo" --argjson rto "$rto" --arg backup "$backup" \
        --argjson started "$started" --argjson before "${before:-null}" '(now | floor) as $time | {
            event: "done",
            ok: ($reason == ""),
            reason: (if $reason == "" then null else $reason end),
            rpo_seconds: $rpo,
            rto_seconds: $rto,
            backup: (if $backup == "" then null else $backup end),
            checks: $checks,
            seconds: ((now - $started) * 10 | round / 10),
            time: $time,
            last_ok: (if $reason == "" then $time else $before.last_ok end)
        }' >"$work/done" || die 70 "there is no result: the reason stands above"
    keep_result <"$work/done"
    cat "$work/done" >&3
    [ -z "${1:-}" ]
    exit
}

check() { # NAME OK NOTE
    checks=$(jq -c --arg name "$1" --argjson ok "$2" --arg note "$3" '.[$name] = {ok: $ok, note: $note}' <<<"$checks")
}

remove_scratch() {
    [ -z "${private_server:-}" ] || kill -QUIT "$private_server" 2>/dev/null
    wait "${private_server:-}" 2>/dev/null
    private_server=
    rm -rf "${VOLUME:?}"/17 "$VOLUME/.restored" "$VOLUME/.restored.new"
}

interrupted() {
    trap '' TERM INT
    [ -z "$restoring" ] || { kill -TERM "$restoring" && wait "$restoring"; } 2>/dev/null
    remove_scratch
    rm -rf "$work"
    exit 143
}

# Writes one row, and keeps none before it. Sets `canary` and the `segment` of WAL that it is in.
write_canary() {
    canary=$(cat /proc/sys/kernel/random/uuid)
    ask postgres --set=ON_ERROR_STOP=1 --set=canary="$canary" >"$work/canary" <<'SQL' ||
SET client_min_messages = warning;
CREATE TABLE IF NOT EXISTS drill_canary (id uuid PRIMARY KEY, written timestamptz NOT NULL DEFAULT now());
BEGIN;
DELETE FROM drill_canary;
INSERT INTO drill_canary (id) VALUES (:'canary');
COMMIT;
-- Its place is that of the canary or later, and it is there for certain, though segments may change in between.
SELECT pg_walfile_name(pg_logical_emit_message(false, 'drill', ''));
SQL
        finish "PostgreSQL does not take the canary: $(tail -n 1 "$work/psql-errors")"
    written=$EPOCHREALTIME
    segment=$(tail -n 1 "$work/canary")
    ask "$POSTGRES_DB" --file="$SHARE/drill_rows.sql" >"$work/before" ||
        finish "the rows of $POSTGRES_DB can't be counted: $(tail -n 1 "$work/psql-errors")"
    event canary --arg segment "$segment" '{segment: $segment}'
}

# Looks at the repository itself, with the rights that a restore has.
await_archive() {
    local limit=$((ARCHIVE_TIMEOUT + MAX_WAL_AGE)) archive
    read_repository "$work" || finish "$failure"
    archive=$(jq -r '.[0].archive // [] | last | .id // empty' "$work/info")
    [ -n "$archive" ] || finish "the repository holds no WAL"
    until list_folder "$work" "archive/main/$archive/${segment:0:16}" && grep -q "\"$segment-" "$work/files"; do
        [ "$EPOCHSECONDS" -le $((${written%.*} + limit)) ] ||
            finish "the WAL of the canary ($segment) was not archived within $limit s${failure:+: $failure}$(archiver)"
        failure=
        sleep "$INTERVAL"
    done
    rpo=$(seconds_since "$written")
    event archived --argjson rpo "$rpo" '{rpo_seconds: $rpo}'
}

seconds_since() {
    jq -n --argjson since "$1" '(now - $since) * 10 | round / 10'
}

# What PostgreSQL says of its archive.
archiver() {
    ask postgres --command="SELECT '; PostgreSQL has archived ' || coalesce(last_archived_wal, 'nothing') || ' last'
        || CASE WHEN last_failed_time > coalesce(last_archived_time, '-infinity')
            THEN ', and fails with ' || last_failed_wal ELSE '' END FROM pg_stat_archiver" || :
}

restore_latest() {
    mkfifo "$work/events"
    # Its messages are in its events too.
    RESTORE_TO=latest restore >"$work/events" 2>"$work/restore-errors" &
    restoring=$!
    tee "$work/restore" <"$work/events" | jq -c --unbuffered 'select(.event | IN("done", "failed") | not)' >&3
    wait "$restoring"
    local code=$?
    restoring=
    if [ "$code" -ne 0 ]; then
        cat "$work/restore-errors" >&2
        finish "the restore failed: $(jq -r 'select(.event == "failed").reason' "$work/restore" 2>/dev/null | grep . ||
            tail -n 1 "$work/restore-errors")"
    fi
    backup=$(jq -r 'select(.event == "done").backup' "$work/restore")
    rto=$(jq -r 'select(.event == "done").seconds' "$work/restore")
}

check_restored() {
    local code
    event checking '{}'
    mkdir "$work/socket"
    start_private_server "$PGDATA" "$work/socket" ||
        finish "the restored server does not start: $(grep -o 'FATAL: .*\|PANIC: .*' "$work/socket/log" | head -n 1)"
    if [ "$(ask_private_server postgres 'SELECT id FROM drill_canary' 2>&1)" = "$canary" ]; then
        check canary true "the row that was written is there"
    else
        check canary false "the row that was written is not there"
    fi
    psql -XAtq --host="$private_socket" --username=postgres --dbname="$POSTGRES_DB" --file="$SHARE/drill_rows.sql" \
        >"$work/restored" 2>"$work/psql-errors"
    code=$?
    ask "$POSTGRES_DB" --file="$SHARE/drill_changes.sql" >"$work/after" || : >"$work/after"
    if [ "$code" -eq 0 ]; then
        local rows
        rows=$(jq -nc --slurpfile before "$work/before" --slurpfile restored "$work/restored" --slurpfile after "$work/after" \
            -f "$SHARE/drill_rows.jq")
        check rows "$(jq .ok <<<"$rows")" "$(jq -r .note <<<"$rows")"
    else
        check rows false "they can't be counted: $(tail -n 1 "$work/psql-errors")"
    fi
    # Every page of every table and B-tree, and that each index has all rows of its table.
    if pg_amcheck --host="$private_socket" --username=postgres --no-password --all --install-missing --heapallindexed \
        >"$work/amcheck" 2>&1; then
        check amcheck true "all tables and indexes are sound"
    else
        check amcheck false "$(grep -v '^ *$' "$work/amcheck" | head -n 3 | tr '\n' ' ')"
    fi
    if psql -XAtq --host="$private_socket" --username=postgres --dbname="$POSTGRES_DB" --file="$SHARE/drill_vectors.sql" \
        >"$work/vectors" 2>"$work/psql-errors"; then
        check vectors "$(jq -s 'if . == [] then null else all(.distance == 0) end' "$work/vectors")" \
            "$(jq -rs 'if . == [] then "there is none to look for"
                else map("\(.column): its nearest neighbour is at \(.distance)") | join("; ") end' "$work/vectors")"
    else
        check vectors false "they can't be asked for: $(tail -n 1 "$work/psql-errors")"
    fi
    stop_private_server || check server false "the restored server does not stop in order"
}

json=
case ${1:-} in
    --json) json=yes ;;
    '') ;;
    *) die 64 "use: drill [--json]" ;;
esac
[ $# -le 1 ] || die 64 "use: drill [--json]"
[[ ${POSTGRES_DB:-} =~ ^[a-z_][a-z0-9_]{0,62}$ ]] || die 78 "POSTGRES_DB='${POSTGRES_DB:-}': must be the name of the database"
for name in ARCHIVE_TIMEOUT MAX_WAL_AGE; do
    [[ ${!name:-} =~ ^[1-9][0-9]{0,8}$ ]] || die 78 "$name='${!name:-}': must be a number of seconds"
done
[ -w "$VOLUME" ] || die 73 "$VOLUME: uid $(id -u) may not write here; the volume's folder must belong to 10001:10001"
exec 8>"$VOLUME/.drill.lock" || die 73 "$VOLUME/.drill.lock: cannot be made"
flock --nonblock 8 || die 75 "another drill is running"

work=$(mktemp -d /tmp/drill.XXXXXX) || die 73 "/tmp: cannot be written to"
trap 'rm -rf "$work"' EXIT
trap interrupted TERM INT
exec 3>&1
[ -n "$json" ] || exec 3> >(jq -r --unbuffered -f "$SHARE/drill_words.jq")
started=$EPOCHREALTIME
checks='{}' rpo=null rto=null backup= restoring= private_server=
remove_scratch
event start '{}'
write_canary
await_archive
restore_latest
check_restored
wrong=$(jq -er '
    (["canary", "rows", "amcheck", "vectors"] - keys | map("\(.): it was not checked")) as $missed
    | [to_entries[] | select(.value.ok == false) | "\(.key): \(.value.note)"] + $missed
    | join("; ")' <<<"$checks") || wrong="the checks did not end: their messages stand above"
finish "$wrong"
