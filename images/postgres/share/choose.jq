# The one program that decides which backup a restore begins with, from the list of backups: with $kind "set" the
# one called $value, with "latest" the newest good one, with "time" the newest good one from which the time $value
# (seconds) can be reached. Gives {backup}; or, where there is none, or none that PostgreSQL $major can begin with,
# {problem, reason}: a word for programs, and words for people; of a wrong version also label, version and major.
def text: strftime("%Y-%m-%d %H:%M:%S UTC");
def ranges:
    if .ranges == [] then "there is no good backup"
    else
        .ranges | map("\(.from | text) .. \(.to | text) (timeline \(.timeline))") | "one can restore to \(join(", "))"
    end;
. as $list
| (.backups | map(select(.error | not)) | sort_by(.stop)) as $good
| (if $kind == "set" then
    (.backups | map(select(.label == $value)) | last) as $found
    | if $found == null then
        ($list.backups | map(.label) | join(", ")) as $labels
        | {
            problem: "unknown",
            reason: "there is no backup \($value); there are \(if $labels == "" then "none" else $labels end)"
        }
    elif $found.error then
        {problem: "errors", reason: "backup \($value) has found pages with wrong checksums: it is not restored; choose another"}
    else {backup: $found} end
elif $kind == "latest" then
    if $good == [] then {problem: "none", reason: "there is no good backup in the repository"} else {backup: ($good | last)} end
else
    ($value | tonumber) as $time
    | [
        $good[]
        | select(.stop < $time)
        # The end is known to the second: what was written within it may be there, and recovery finds out.
        | select(.timeline as $timeline | $list.ranges | any(.timeline == $timeline and .to + 1 > $time))
      ]
    | if . == [] then
        {problem: "outside", reason: "\($time | text) can't be restored to: \($list | ranges)"}
    else {backup: last} end
end
)
| if .problem != null and $good == [] then .problem = "none"
elif .backup != null and .backup.database_version != $major then
    {
        problem: "version",
        reason: ("backup \(.backup.label) is of PostgreSQL \(.backup.database_version) and this image is \($major): restore"
            + " it with an image of PostgreSQL \(.backup.database_version), then dump there and load into a new volume"
            + " (pg_dumpall), or run pg_upgrade"),
        label: .backup.label,
        version: .backup.database_version,
        major: $major
    }
else . end
