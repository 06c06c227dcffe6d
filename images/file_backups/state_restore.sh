#!/bin/sh
# Prints Pulumi's state as it was saved, a tar archive: state-restore [ID|latest]
set -u
. /usr/local/share/tasktracker/common.sh

# Seconds to wait for a backup that is running.
PATIENCE=300

# stdout is for the archive alone.
fail() {
    say "$2"
    exit "$1"
}

[ $# -le 1 ] || fail 64 "use: state-restore [ID|latest] > ARCHIVE"
take_turn "$PATIENCE"
require_repository
find_set "$RUN/set" state "${1:-latest}"
demand "$RUN/state.tar" dump "$(jq -r .id "$RUN/set")" "$(jq -r .path "$RUN/set")"
cat "$RUN/state.tar"
