#!/bin/sh
# Succeeds if nginx answers, on the files that it was given.
#
# Environment: HEALTH_PORT.
set -eu

TROUBLE=/tmp/files/trouble

curl --silent --show-error --fail --max-time 4 --output /dev/null "http://127.0.0.1:$HEALTH_PORT/healthz"
[ ! -e "$TROUBLE" ] || {
    echo "changed files are refused, and those before stay in use: $(sed 1d "$TROUBLE")" >&2
    exit 1
}
