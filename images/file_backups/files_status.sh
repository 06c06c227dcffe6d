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

write_status() {
    work=$(mktemp -d /tmp/status.XXXXXX) || return
    [ -s "$STATUS" ] && cp "$STATUS" "$work/before" || echo '{"sets": []}' >"$work/before"
    failure=$(bucket_error)
    if [ -z "$failure" ]; then
        result=0
        timeout "$ANSWER" restic -o s3.region="$REGION" -o s3.bucket-lookup="$BUCKET_LOOKUP" \
            snapshots --no-lock --json >"$work/snapshots" 2>"$work/errors" || result=$?
        case $result in
            0) ;;
            10) echo '[]' >"$work/snapshots" ;;
            *) failure=$(cat "$work/snapshots" >>"$work/errors"; repository_error "$work/errors") ;;
        esac
    fi
    if [ -z "$failure" ]; then as_sets <"$work/snapshots" >"$work/sets"; else jq -c .sets "$work/before" >"$work/sets"; fi
    # A backup that was killed leaves its file.
    flock --nonblock "$WORK/.lock" rm -f "$STARTED"
    stat --format=%Y "$STARTED" >"$work/started" 2>/dev/null
    jq -n --slurpfile sets "$work/sets" --slurpfile started "$work/started" --arg failure "$failure" '
        def newest(f): map(select(f and (.before_restore | not))) | max_by(.time);
        $sets[0] as $sets
        | {
            time: (now | floor),
            repository: {reachable: ($failure == ""), error: (if $failure == "" then null else $failure end)},
            running_since: $started[0],
            sets: $sets,
            last: ({uploads: 0, nats: 0} | with_entries(.key as $what | .value = ($sets | newest(.what == $what)))),
            last_good: ({uploads: 0, nats: 0}
                | with_entries(.key as $what | .value = ($sets | newest(.what == $what and .complete))))
        }' >"$work/status" && mv "$work/status" "$STATUS"
    rm -rf "$work"
}

write_status
while [ "${1:-}" = --watch ]; do
    if files-health >/dev/null; then sleep "$INTERVAL"; else sleep "$INTERVAL_IN_TROUBLE"; fi
    write_status
done
