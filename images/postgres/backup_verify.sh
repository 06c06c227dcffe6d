#!/bin/sh
# Reads everything in the repository and checks it against its checksums, and that no WAL is missing. Prints
# {"ok": bool, "problems": [{"file", "what"}]}.
#
# Exit codes: 0 all is well, 1 it isn't, 69 (sysexits.h) the repository can't be read.
set -eu
export TZ=UTC
. /usr/local/share/tasktracker/repository.sh

work=$(mktemp -d /tmp/verify.XXXXXX)
trap 'rm -rf "$work"' EXIT
if ! read_repository "$work"; then
    echo "backup-verify: $failure" >&2
    exit 69
fi
# It ends with 0 whatever it finds.
pgbackrest --stanza=main --output=text --verbose --log-level-console=detail verify >"$work/log" 2>&1 || {
    echo "backup-verify: $(repository_error "$work/log")" >&2
    tr -cd '\11\12\40-\176' <"$work/log" >&2
    exit 69
}
jq -cnR -L "$SHARE" -f "$SHARE/verify.jq" "$work/log" | tee "$work/result"
jq -e .ok "$work/result" >/dev/null
