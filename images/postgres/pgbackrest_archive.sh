#!/bin/bash
# PostgreSQL's archive_command: pgbackrest-archive PATH. It fails, and is run again, until the file is in
# the repository. pgBackRest wants its own name in that command.
#
# A server that stops waits for this. When the whole host goes down the repository may be gone already,
# so then it ends before long; what isn't archived now is after the next start. By a code above 128
# PostgreSQL knows that it need not try again.
export TZ=UTC

# Seconds between two looks at whether the server stops: many times what a file takes.
INTERVAL=5

pgbackrest --stanza=main archive-push "$1" &
push=$!
while :; do
    sleep "$INTERVAL" &
    nap=$!
    wait -n -p ended "$push" "$nap"
    result=$?
    if [ "$ended" = "$push" ]; then
        kill "$nap"
        exit "$result"
    fi
    if grep -q '^stopping' "$PGDATA/postmaster.pid"; then
        kill -KILL "$push"
        echo "pgbackrest-archive: the server stops, and the repository does not answer: $1 is archived after the next start" >&2
        exit 137
    fi
done
