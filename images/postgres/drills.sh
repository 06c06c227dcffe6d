#!/bin/sh
# Starts drills by the schedule in /etc/tasktracker/crontab.
#
# Environment: MAX_DRILL_AGE (seconds; see drill-health), and what drill takes.
set -u
export TZ=UTC

# When there were drills for the first time: before the first is due, none is missed.
[ -e /var/lib/postgresql/.drills ] || touch /var/lib/postgresql/.drills || exit 73
exec supercronic -json -passthrough-logs /etc/tasktracker/crontab
