# The status, from what backup-status has found. Of a repository that doesn't answer, what was known
# before is kept.
def backup: {
    label, type,
    start: .timestamp.start,
    stop: .timestamp.stop,
    size: .info.size,
    repository_size: .info.repository.delta,
    wal_start: .archive.start,
    wal_stop: .archive.stop,
    # Pages whose checksums are wrong; null from a backup that did not check.
    error: (.error // false)
};
def newest(f): map(select(f)) | max_by(.stop);

($info[0][0] // {}) as $stanza
| ($before[0] // {}) as $before
| ($failure == "" and $info != []) as $reachable
| (if $reachable then [$stanza.backup[]? | backup] else $before.backups // [] end) as $backups
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
        error: (if $archiver == [] then $psql_errors | rtrimstr("\n") else null end)
    },
    archive: (($archiver[0] // {}) + {
        waiting: ($waiting | length),
        waiting_since: ($waiting | min)
    })
}
