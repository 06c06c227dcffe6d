#!/bin/sh
# Says what is wrong with the backups of files, and exits 1 if anything is.
#
# Environment: MAX_AGE (seconds).
set -u
# As the status is written each minute, and may take as long; a backup that runs for a minute stands
# for the one that is missing: a small one is waited for, and a large one is not.
problems=$(jq -r --argjson max_age "$MAX_AGE" '
    def since($time): now - $time | floor;
    (.running_since != null and since(.running_since) >= 60 and since(.running_since) < $max_age) as $under_way
    | .last as $last
    | (if since(.time) > 180 then "the status is \(since(.time)) s old: nobody writes it" else empty end),
      (if .repository.reachable then empty else .repository.error end),
      (.repository.reachable as $reachable | .last_good | to_entries[]
        | if .value == null then
            if $reachable and ($under_way | not) then "there is no good backup of \(.key)" else empty end
          elif since(.value.time) > $max_age and ($under_way | not) then
            "the last good backup of \(.key), \(.value.id), is \(since(.value.time)) s old"
          else empty end),
      ($last[] | select(. != null and (.complete | not)) | "the last backup of \(.what), \(.id), lacks files that could not be read")
    ' /tmp/status.json 2>&1) || problems="there is no status yet: $problems"
[ -z "$problems" ] || { echo "$problems"; exit 1; }
