# What is wrong in the repository, from what `pgbackrest verify` logs, line by line.
include "backups";
def path: if test("^[0-9]+-[0-9]+/") then "archive/main/\(.)" else "backup/main/\(.)" end;
{
    "invalid checksum": "its checksum is wrong",
    "invalid size": "its size is wrong",
    "file missing": "it is missing"
} as $meanings
| [inputs] as $lines
| [
    $lines[]
    | capture("^[-0-9]+ [:.0-9]+ P[0-9]+ +(?<level>[A-Z]+): (?<text>.*)$")
    | .level as $level
    | .text
    | (
        capture("^(?<what>invalid checksum|invalid size|file missing) '(?<file>.*)'$")
        | {file: (.file | path), what: $meanings[.what]}
    ), (
        capture("^invalid result (?<file>[^:]*): (?<what>.*)$")
        | {file: (.file | path), what: "it can't be read: \(.what)"}
    ), (
        capture("^(?<file>[^ ]*) is missing or unusable, using copy$")
        | {file: (.file | path), what: "it is missing or damaged; its copy is used"}
    ), (
        select(($level == "ERROR" or $level == "WARN")) | {file: null, what: .}
    )
] as $found
| [
    $lines[]
    | capture("archiveId: (?<id>[-0-9]+), wal start: (?<start>[0-9A-F]{24}), wal stop: (?<stop>[0-9A-F]{24})$")
] as $ranges
| [
    range(1; $ranges | length)
    | $ranges[. - 1] as $before
    | $ranges[.] as $after
    | select(
        $before.id == $after.id
        and ($before.stop | timeline) == ($after.start | timeline)
        and ($before.stop | segment) + 1 != ($after.start | segment)
    )
    | {
        file: "archive/main/\($before.id)/\($after.start[:16])",
        what: "WAL is missing between \($before.stop) and \($after.start)"
    }
] as $gaps
| ($found + $gaps | unique) as $problems
| ([$lines[] | select(test("^ *(status: error|No usable |.*status: invalid)")) | ltrimstr(" ")] | last) as $verdict
| {
    ok: ($problems == [] and $verdict == null),
    problems: (
        if $problems == [] and $verdict != null then [{file: null, what: "pgBackRest says: \($verdict | gsub("^ +"; ""))"}]
        else $problems end
    )
}
