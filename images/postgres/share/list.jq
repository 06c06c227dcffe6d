# The backups, and for each timeline from when to when one can restore: from the end of its first good
# backup to the last WAL that the repository has of it, known by the time at which that arrived.
include "backups";
($info[0][0] // {} | backups) as $backups
| ($info[0][0].db // [] | last | .version) as $version
| {
    backups: [$backups[] | del(.wal_start, .wal_stop)],
    ranges: [
        $wal[]
        | .to as $to
        | (.wal | timeline) as $timeline
        | [$backups[] | select(.timeline == $timeline and .database_version == $version and (.error | not))]
        | min_by(.stop) as $first
        | select($first != null)
        | {timeline: $timeline, from: $first.stop, to: ([$to, $first.stop] | max)}
    ],
    archived_until: ($wal | map(.to) | max)
}
