# The status, as metrics. What is not known has none.
include "metrics";
metric("backup_status_timestamp_seconds"; "When the state of backups was looked at."; .time),
metric("backup_repository_reachable"; "Whether the repository can be read."; .repository.reachable),
metric("backup_running"; "Whether a backup is being taken."; .running_since != null),
metric("backup_count"; "Backups in the repository."; .backups | length),
metric("backup_last_good_timestamp_seconds"; "When the last good backup ended."; .last_good.stop),
metric("backup_last_good_full_timestamp_seconds"; "When the last good full backup ended."; .last_good_full.stop),
metric("backup_last_good_size_bytes"; "Size of the database in the last good backup."; .last_good.size),
metric("backup_repository_size_bytes"; "Size of all backups in the repository."; .backups | map(.repository_size) | add // 0),
metric("backup_wal_archived_timestamp_seconds"; "When WAL was archived last."; .archive.last_archived_time),
metric("backup_wal_failures"; "Attempts to archive WAL that failed, since PostgreSQL counts."; .archive.failed_count),
metric("backup_wal_waiting"; "Segments that wait for the archive."; .archive.waiting),
metric("backup_wal_waiting_bytes"; "Size of the WAL that waits for the archive."; .archive.waiting_bytes),
metric("backup_disk_free_bytes"; "Space left on the disk of the database."; .disk.free),
metric("backup_disk_size_bytes"; "Size of the disk of the database."; .disk.size)
