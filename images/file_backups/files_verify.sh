#!/bin/sh
# Reads all that is in the repository and checks it: {"ok": bool, "problems": [{"file", "what"}]}. Exits 1
# if there are problems.
set -u
. /usr/local/share/tasktracker/common.sh

# Seconds to wait for a backup that is running.
PATIENCE=300

[ $# -eq 0 ] || fail 64 "use: files-verify"
take_turn "$PATIENCE"
require_repository
repository check --read-data --json >"$RUN/output" 2>"$RUN/errors"
result=$?
jq -sR --argjson result "$result" '
    [split("\n")[] | fromjson? // empty | objects | select(.message_type == "error" or .message_type == "exit_error")
     | .message | gsub("\\s+"; " ")] as $said
    | [$said[] | {file: (capture("(?<id>[0-9a-f]{64})").id // null), what: .}] as $problems
    | {ok: ($result == 0), problems: (if $result == 0 then [] else $problems end)}' "$RUN/errors" | jq -c .
[ "$result" -eq 0 ]
