# The backup to begin with, from the list of backups: the one called $set, or the newest good one, or the
# newest good one from which the time $time (seconds) can be reached; else the reason why there is none, or
# none that PostgreSQL $major can begin with. What is not asked for is empty.
def text: strftime("%Y-%m-%d %H:%M:%S UTC");
def ranges:
    if .ranges == [] then "there is no good backup"
    else
        .ranges | map("\(.from | text) .. \(.to | text) (timeline \(.timeline))") | "one can restore to \(join(", "))"
    end;
. as $list
| (.backups | map(select(.error | not)) | sort_by(.stop)) as $good
| (if $set != "" then
    (.backups | map(select(.label == $set)) | last) as $found
    | if $found == null then
        ($list.backups | map(.label) | join(", ")) as $labels
        | {reason: "there is no backup \($set); there are \(if $labels == "" then "none" else $labels end)"}
    elif $found.error then
        {reason: "backup \($set) has found pages with wrong checksums: it is not restored; choose another"}
    else {backup: $found} end
elif $time == "" then
    if $good == [] then {reason: "there is no good backup in the repository"} else {backup: ($good | last)} end
else
    ($time | tonumber) as $time
    | [
        $good[]
        | select(.stop < $time)
        # The end is known to the second: what was written within it may be there, and recovery finds out.
        | select(.timeline as $timeline | $list.ranges | any(.timeline == $timeline and .to + 1 > $time))
      ]
    | if . == [] then {reason: "\($time | text) can't be restored to: \($list | ranges)"} else {backup: last} end
end
)
| if .backup != null and .backup.database_version != $major then
    {reason: ("backup \(.backup.label) is of PostgreSQL \(.backup.database_version) and this image is \($major): restore"
        + " it with an image of PostgreSQL \(.backup.database_version), then dump there and load into a new volume"
        + " (pg_dumpall), or run pg_upgrade")}
else . end
