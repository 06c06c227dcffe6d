#!/bin/sh
# Saves Pulumi's state, which lives in a folder of the operator's machine: a tar archive of that folder
# on stdin. The passphrase that the state's secrets are encrypted with does not belong in it.
set -u
. /usr/local/share/tasktracker/common.sh

# Seconds to wait for a backup that is running.
PATIENCE=300

[ $# -eq 0 ] || fail 64 "use: state-backup < ARCHIVE"
take_turn "$PATIENCE"
# An archive that ends too soon is none: it is looked at before it is kept.
cat >"$RUN/state.tar"
tar -tf "$RUN/state.tar" >"$RUN/members" 2>"$RUN/errors" || fail 65 "this is no whole tar archive: $(head -n 1 "$RUN/errors")"
grep -q '[^/]$' "$RUN/members" || fail 65 "the archive holds no file"
require_repository
save state "$RUN/state.tar" || exit 74
files-status
