#!/bin/sh
# Brings back what a set holds: files-restore [--uploads ID|latest] [--nats ID|latest] [--into FOLDER]
#
# Files of the uploads get the contents that they had; those that came since stay. Each stream of NATS
# is replaced by what it was, with its consumers; those that came since stay. What is there now is saved
# first, and a stream that can't be restored is put back. With FOLDER, which must be new, all goes there.
set -u
. /usr/local/share/tasktracker/common.sh

USE='use: files-restore [--uploads ID|latest] [--nats ID|latest] [--into FOLDER]'
# Seconds to wait for a backup that is running.
PATIENCE=300
# Bytes of the disk that stay free.
SPARE=67108864
# The app may make a stream anew in between.
TRIES=3

uploads='' nats='' into=''
while [ $# -gt 0 ]; do
    [ -n "${2:-}" ] || fail 64 "$USE"
    case $1 in
        --uploads) uploads=$2 ;;
        --nats) nats=$2 ;;
        --into) into=$2 ;;
        *) fail 64 "$USE" ;;
    esac
    shift 2
done
[ -n "$uploads$nats" ] || fail 64 "$USE"

# restic to a folder, for a set that was found: unpack SET FOLDER
unpack() {
    demand "$RUN/output" restore "$(jq -r '"\(.id):\(.path)"' "$1")" --target "$2" --verify --json
}

check_room() { # SET FOLDER
    demand "$RUN/output" restore "$(jq -r '"\(.id):\(.path)"' "$1")" --target "$2" --json --dry-run --overwrite if-changed
    bytes=$(jq -s 'map(select(.message_type == "summary")) | last.bytes_restored // 0' "$RUN/output")
    free=$(df --output=avail --block-size=1 "$2" | tail -n 1)
    [ "$((bytes + SPARE))" -le "$free" ] ||
        fail 73 "$2: $bytes bytes have to be restored, and there are $free; nothing has been changed"
}

# Removes a stream if it is there, and makes it from the snapshot in FOLDER: replace_stream NAME FOLDER
# $gone says whether the stream was away meanwhile.
replace_stream() {
    try=0 gone=false
    while [ "$try" -lt "$TRIES" ]; do
        try=$((try + 1))
        streams ls --names --all --json >"$RUN/names" 2>"$RUN/errors" || continue
        if jq -e --arg name "$1" 'any(.[]?; . == $name)' "$RUN/names" >/dev/null; then
            streams rm --force "$1" >"$RUN/output" 2>"$RUN/errors" || continue
        fi
        gone=true
        streams restore --no-progress "$2" >"$RUN/output" 2>"$RUN/errors" && return
    done
    return 1
}

restore_streams() { # FOLDER
    for folder in "$1"/*; do
        [ -d "$folder" ] || continue
        stream=${folder##*/}
        replace_stream "$stream" "$folder" || {
            reason="the stream $stream can't be restored: $(stream_error)"
            if "$gone" && [ -d "$STREAMS/$stream" ] && ! replace_stream "$stream" "$STREAMS/$stream"; then
                reason="$reason; nor could it be put back: the last set of nats that was taken before a restore holds it"
            fi
            fail 74 "$reason"
        }
        emit restored --arg what nats --arg stream "$stream" \
            --argjson messages "$(jq .state.messages "$folder/backup.json")"
    done
}

take_turn "$PATIENCE"
require_repository
emit start
started=$(date +%s)
[ -z "$uploads" ] || find_set "$RUN/uploads" uploads "$uploads"
[ -z "$nats" ] || find_set "$RUN/nats-set" nats "$nats"

if [ -n "$into" ]; then
    mkdir "$into" 2>"$RUN/errors" || fail 73 "$into: must be a new folder: $(cat "$RUN/errors")"
    for what in uploads nats; do
        set=$RUN/uploads
        [ "$what" = uploads ] || set=$RUN/nats-set
        [ -e "$set" ] || continue
        check_room "$set" "$into"
        unpack "$set" "$into/$what"
        emit restored --arg what "$what" --arg id "$(jq -r .id "$set")"
    done
    emit "done" --argjson seconds "$(($(date +%s) - started))"
    exit
fi

if [ -n "$uploads" ]; then
    [ -w "$UPLOADS" ] || fail 77 "the uploads can't be written here: set backup.files.restore, or give --into FOLDER"
    check_room "$RUN/uploads" "$UPLOADS"
fi
[ -z "$nats" ] || unpack "$RUN/nats-set" "$RUN/streams"
# What is replaced can be had back.
[ -z "$uploads" ] || save uploads "$UPLOADS" before-restore || exit 74
if [ -n "$nats" ]; then
    fetch_streams || exit 69
    save nats "$STREAMS" before-restore || exit 74
fi
if [ -n "$uploads" ]; then
    unpack "$RUN/uploads" "$UPLOADS"
    emit restored --arg what uploads --arg id "$(jq -r .id "$RUN/uploads")"
fi
[ -z "$nats" ] || restore_streams "$RUN/streams"
emit "done" --argjson seconds "$(($(date +%s) - started))"
