#!/bin/sh
# Keeps the uploads and NATS' streams backed up: takes the first backup and those that are overdue,
# starts the scheduled ones (supercronic, /etc/tasktracker/crontab), and keeps a status file for the
# health check. Nothing that fails here is given up: the repository may come back.
#
# Environment: MAX_AGE (seconds), and what files-backup and files-health take.
set -u
. /usr/local/share/tasktracker/common.sh

CRONTAB=$FILES/crontab
OUTPUT=/tmp/backup.out
# Seconds between two looks at what is due, and before what has failed is tried again.
INTERVAL=60
RETRY=30

# Runs a command in the background: a shell that waits heeds a signal at once.
attend() {
    "$@" &
    wait $!
}

# Everything ends, a running backup too: restic then takes its own lock away.
end() {
    trap - TERM INT
    kill -TERM -1
    wait
    exit 0
}

# Whether a backup should have been there by now.
is_overdue() {
    jq -e --argjson age "$MAX_AGE" '.running_since == null
        and any(.last_good[]; . == null or now - .time > $age)' "$STATUS" >/dev/null
}

trap end TERM INT
files-status
files-status --watch &
supercronic -json -passthrough-logs "$CRONTAB" &
schedule=$!
explained=
while kill -0 "$schedule" 2>/dev/null; do
    pause=$INTERVAL
    if is_overdue; then
        if attend files-backup >"$OUTPUT" 2>&1; then
            explained=
            cat "$OUTPUT"
        else
            pause=$RETRY
            # The same reason is given once only.
            reason=$(jq -rR 'fromjson? | .reason? // empty' "$OUTPUT" | paste -sd';')
            if [ "$reason" != "$explained" ]; then
                cat "$OUTPUT"
                say "no good backup is younger than $MAX_AGE s; trying again every $RETRY s"
                explained=$reason
            fi
        fi
    fi
    attend sleep "$pause"
done
say "the schedule has ended: its messages stand above"
exit 70
