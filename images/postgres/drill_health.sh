#!/bin/bash
# Says why the last drill was red or that it is too long ago, and exits 1 then. While the drill runs that follows on a
# start, what was before that start doesn't count.
#
# Environment: MAX_DRILL_AGE (seconds).
set -u

. /usr/local/share/tasktracker/repository.sh
. /usr/local/share/tasktracker/metrics.sh
. /usr/local/share/tasktracker/drill_result.sh

since=$(stat --format=%Y /var/lib/postgresql/.drills 2>/dev/null) || { echo "drills have not begun"; exit 1; }
result=$(read_result)
problems=$(jq -nr --argjson result "${result:-null}" --argjson since "$since" --argjson max "$MAX_DRILL_AGE" '
    if $result != null and ($result.ok | not) then "the last drill was red: \($result.reason)"
    elif now - ($result.time // $since) > $max then
        (now - ($result.time // $since) | floor) as $age
        | if $result then "the last drill was \($age) s ago" else "there has been no drill in \($age) s" end
    else empty end' 2>&1) || problems="the result of the last drill can't be read: $problems"
[ -n "$problems" ] || exit 0
fresh=$(stat --format=%Y /tmp/.drills-started 2>/dev/null) &&
    [ "$(jq -n --argjson result "${result:-null}" '$result.time // 0')" -lt "$fresh" ] &&
    ! flock --nonblock /var/lib/postgresql/.drill.lock true && exit 0
echo "$problems"
exit 1
