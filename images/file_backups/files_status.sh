#!/bin/sh
# Writes what is known of the sets to /tmp/status.json: once, or with --watch for ever. Times are in
# seconds since 1970. Of a repository that doesn't answer, what was known before is kept.
set -u
. /usr/local/share/tasktracker/common.sh

# Seconds between two looks. When something is wrong, the end of it is worth knowing soon.
INTERVAL=60
INTERVAL_IN_TROUBLE=10
# Seconds for restic's answer.
ANSWER=60
# Seconds for which a list is good while all is well. To open the repository takes half a second of a CPU, as its
# passphrase is made hard to guess; and who changes the sets has the list made anew.
LIST=600

write_status() { # [--watch]
    work=$(mktemp -d /tmp/status.XXXXXX) || return
    # What began earlier may not overwrite what was found later.
    exec 8>/tmp/status.lock
    flock 8
    [ -s "$STATUS" ] && cp "$STATUS" "$work/before" || echo '{"sets": []}' >"$work/before"
    failure=$(bucket_error)
    listed=$(jq -r '.listed // 0' "$work/before")
    if [ -n "$failure" ] || { [ "${1:-}" = --watch ] && is_listed; }; then
        jq -c .sets "$work/before" >"$work/sets"
    else
        result=0 listed=$(date +%s)
        timeout "$ANSWER" restic -o s3.region="$REGION" -o s3.bucket-lookup="$BUCKET_LOOKUP" \
            snapshots --no-lock --json >"$work/snapshots" 2>"$work/errors" || result=$?
        case $result in
            0) as_sets <"$work/snapshots" >"$work/sets" ;;
            10) echo '[]' >"$work/sets" ;;
            *)
                cat "$work/snapshots" >>"$work/errors"
                failure=$(repository_error "$work/errors")
                jq -c .sets "$work/before" >"$work/sets" ;;
        esac
    fi
    # A backup that was killed leaves its file.
    flock --nonblock "$WORK/.lock" rm -f "$STARTED"
    stat --format=%Y "$STARTED" >"$work/started" 2>/dev/null
    jq -n --slurpfile sets "$work/sets" --slurpfile started "$work/started" --argjson listed "$listed" --arg failure "$failure" '
        def newest(f): map(select(f and (.before_restore | not))) | max_by(.time);
        $sets[0] as $sets
        | {
            time: (now | floor),
            listed: $listed,
            repository: {reachable: ($failure == ""), error: (if $failure == "" then null else $failure end)},
            running_since: $started[0],
            sets: $sets,
            last: ({uploads: 0, nats: 0} | with_entries(.key as $what | .value = ($sets | newest(.what == $what)))),
            last_good: ({uploads: 0, nats: 0}
                | with_entries(.key as $what | .value = ($sets | newest(.what == $what and .complete))))
        }' >"$work/status" && mv "$work/status" "$STATUS"
    rm -rf "$work"
    exec 8>&-
}

is_listed() {
    files-health >/dev/null && [ "$(($(date +%s) - listed))" -lt "$LIST" ]
}

write_status
while [ "${1:-}" = --watch ]; do
    if files-health >/dev/null; then sleep "$INTERVAL"; else sleep "$INTERVAL_IN_TROUBLE"; fi
    write_status --watch
done
