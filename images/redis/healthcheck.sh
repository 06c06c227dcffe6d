#!/bin/sh
# Succeeds if the server takes the password and answers. File in /etc/tasktracker: password.
set -eu

REDISCLI_AUTH=$(cat /etc/tasktracker/password)
export REDISCLI_AUTH
answer=$(redis-cli -t 3 PING)
[ "$answer" = PONG ] || {
    echo "$answer" >&2
    exit 1
}
