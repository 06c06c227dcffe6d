# The status, from what backup-status has found. Of a repository that doesn't answer, what was known
# before is kept.
include "backups";

($info[0][0] // {}) as $stanza
| ($archiver[0].timeline) as $timeline
| ($before[0] // {}) as $before
| ($failure == "" and $info != []) as $reachable
| (if $reachable then ($stanza | backups) else $before.backups // [] end) as $backups
| {
    time: (now | floor),
    repository: {
        reachable: $reachable,
        error: (if $reachable then null else $failure end)
    },
    running_since: $started[0],
    backups: $backups,
    last_good: ($backups | newest(.error | not)),
    last_good_full: ($backups | newest((.error | not) and .type == "full")),
    wal: (if $reachable then ($stanza.archive // [] | map({min, max}) | last) else $before.wal end),
    postgres: {
        reachable: ($archiver != []),
        started: (if $archiver == [] then $before.postgres.started else $archiver[0].started end),
        error: (if $archiver == [] then $psql_errors | rtrimstr("\n") else null end)
    },
    # A restore begins another; after that the backups are those of a history that was left.
    timeline: $timeline,
    timeline_since: (if $timeline == $before.timeline then $before.timeline_since else now | floor end),
    archive: (($archiver[0] // {} | del(.timeline, .started)) + {
        waiting: ($waiting | length),
        waiting_since: ($waiting | map(.since) | min),
        # Of 16 MB each; what else waits are a few bytes.
        waiting_bytes: ([$waiting[] | select(.file | test("^[0-9A-F]{24}[.]"))] | length * 16777216)
    }),
    disk: {free: $disk[0], size: $disk[1]}
}
