# What is wrong, one line each, by the status file. Ages are those of now.
def since($time): now - $time | floor;
# As the status is written each minute, and one may take as long.
180 as $max_status_age
# Seconds after which a backup that runs stands for the one that is missing: a small database's first
# one is waited for, and a large one's is not.
| 60 as $long_backup
| (.running_since != null and since(.running_since) >= $long_backup and since(.running_since) < $max_backup_age) as $under_way
| (
    if since(.time) > $max_status_age then
        "the status is \(since(.time)) s old: nobody writes it"
    else empty end
  ), (
    if .repository.reachable | not then
        .repository.error
    else empty end
  ), (
    if .postgres.reachable | not then
        "PostgreSQL does not answer: \(.postgres.error)"
    else
        .archive
        | if .archive_mode != "on" then
            "archive_mode is \(.archive_mode)"
        elif .last_failed_time != null and .last_failed_time > (.last_archived_time // 0) then
            "archiving fails, last \(since(.last_failed_time)) s ago with \(.last_failed)"
        else empty end
    end
  ), (
    if .archive.waiting_since != null and since(.archive.waiting_since) > $max_wal_age then
        "\(.archive.waiting) WAL files wait for the archive, the first since \(since(.archive.waiting_since)) s"
    else empty end
  ), (
    if $under_way then empty
    elif .last_good == null then
        if .repository.reachable then "there is no good backup" else empty end
    elif since(.last_good.stop) > $max_backup_age then
        "the last good backup, \(.last_good.label), is \(since(.last_good.stop)) s old"
    else empty end
  ), (
    .backups | max_by(.stop) | select(.error == true)
    | "the last backup, \(.label), has found pages with wrong checksums"
  )
