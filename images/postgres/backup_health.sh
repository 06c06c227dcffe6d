#!/bin/sh
# Says what is wrong with backups and WAL archive, and exits 1 if anything is.
#
# Environment: MAX_BACKUP_AGE, MAX_WAL_AGE (seconds); MAX_WAL_WAITING (bytes of WAL that may wait, 4 GB by default).
set -u
problems=$(jq -r --argjson max_backup_age "$MAX_BACKUP_AGE" --argjson max_wal_age "$MAX_WAL_AGE" \
    --argjson max_wal_waiting "${MAX_WAL_WAITING:-4294967296}" \
    -f /usr/local/share/tasktracker/health.jq /tmp/status.json 2>&1) || problems="there is no status yet: $problems"
[ -z "$problems" ] || { echo "$problems"; exit 1; }
