#!/bin/sh
# Says what is wrong with backups and WAL archive, and exits 1 if anything is.
#
# Environment: MAX_BACKUP_AGE, MAX_WAL_AGE (seconds).
set -u
problems=$(jq -r --argjson max_backup_age "$MAX_BACKUP_AGE" --argjson max_wal_age "$MAX_WAL_AGE" \
    -f /usr/local/share/tasktracker/health.jq /tmp/status.json 2>&1) || problems="there is no status yet: $problems"
[ -z "$problems" ] || { echo "$problems"; exit 1; }
