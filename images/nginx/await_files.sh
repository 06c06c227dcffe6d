#!/bin/sh
# Waits until the files of the given digest are in use: exit code 0. They are refused, or are not there in time: 1.
#
# Environment: HEALTH_PORT.
set -eu

TROUBLE=/tmp/files/trouble
# Seconds: above those that the entrypoint gives a set to be complete and nginx to use it.
LIMIT=45

digest=$1
end=$(($(date +%s) + LIMIT))
while [ "$(date +%s)" -lt "$end" ]; do
    found=$(curl --silent --fail --max-time 2 "http://127.0.0.1:$HEALTH_PORT/files" || :)
    [ "$found" != "$digest" ] || exit 0
    if [ "$(head -n 1 "$TROUBLE" 2>/dev/null || :)" = "$digest" ]; then
        sed 1d "$TROUBLE" >&2
        exit 1
    fi
    sleep 0.2
done
echo "they are not in use after $LIMIT s" >&2
exit 1
