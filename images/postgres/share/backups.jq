# What `pgbackrest info` says of a stanza's backups, in our words.
def hexadecimal: explode | map(if . > 57 then . - 55 else . - 48 end) | reduce .[] as $digit (0; . * 16 + $digit);
# Of a WAL file, by its name: the timeline and the number of the segment of 16 MB.
def timeline: .[:8] | hexadecimal;
def segment: (.[8:16] | hexadecimal) * 256 + (.[16:24] | hexadecimal);
def backups:
    (.db // [] | map({key: "\(.["repo-key"]).\(.id)", value: .version}) | from_entries) as $versions
    | [
        .backup[]?
        | {
            label, type,
            start: .timestamp.start,
            stop: .timestamp.stop,
            size: .info.size,
            repository_size: .info.repository.delta,
            wal_start: .archive.start,
            wal_stop: .archive.stop,
            timeline: (.archive.stop | if . then timeline else null end),
            database_version: $versions["\(.database["repo-key"]).\(.database.id)"],
            # Pages whose checksums are wrong; null from a backup that did not check.
            error: (.error // false)
        }
    ];
def newest(f): map(select(f)) | max_by(.stop);
