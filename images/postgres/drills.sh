#!/bin/sh
# Starts drills by the schedule in /etc/tasktracker/crontab.
#
# Environment: MAX_DRILL_AGE (seconds; see drill-health), and what drill takes.
set -u
export TZ=UTC

# When there were drills for the first time: before the first is due, none is missed.
[ -e /var/lib/postgresql/.drills ] || touch /var/lib/postgresql/.drills || exit 73
# A bad result from before says nothing of what has been put right since, such as a wrong passphrase: another drill does.
touch /tmp/.drills-started
drill-health >/dev/null || drill --json &
exec supercronic -json -passthrough-logs /etc/tasktracker/crontab
