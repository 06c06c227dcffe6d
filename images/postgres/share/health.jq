# What is wrong, one line each, by the status file. Ages are those of now.
def since($time): now - $time | floor;
def megabytes: . / 1048576 | floor;
# As the status is written each minute, and one may take as long.
180 as $max_status_age
# Seconds after which a backup that runs stands for the one that is missing: a small database's first
# one is waited for, and a large one's is not.
| 60 as $long_backup
# Seconds after which WAL that waits is no more just on its way, and the share of the disk that has to be free then.
| 60 as $long_wait
| 0.2 as $min_free
# Seconds in which a backup of a new timeline should have begun.
| 600 as $new_timeline
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
    # PostgreSQL keeps it all, so that none is lost, and stops when the disk is full.
    .archive.waiting_bytes // 0
    | if . > $max_wal_waiting then
        "\(megabytes) MB of WAL wait for the archive, more than \($max_wal_waiting | megabytes) MB"
    else empty end
  ), (
    if .archive.waiting_since != null and since(.archive.waiting_since) > $long_wait
        and .disk.free != null and .disk.free < $min_free * .disk.size then
        "WAL waits for the archive, and of the disk it waits on"
        + " \(.disk.free | megabytes) MB of \(.disk.size | megabytes) MB are free"
    else empty end
  ), (
    if ($under_way | not) and .running_since == null and .timeline != null and .last_good != null
        and .timeline != .last_good.timeline and since(.timeline_since) > $new_timeline then
        "no good backup is of the database as it was restored: the last, \(.last_good.label), is of timeline"
        + " \(.last_good.timeline), and the database has timeline \(.timeline)"
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
