# For sourcing: what the programs of this image share. Events go to stdout, one JSON object a line, and
# messages for people to stderr. Exit codes are those of sysexits.h.
#
# Environment: RESTIC_REPOSITORY, BUCKET_URL (for a signed request), PREFIX (the repository's folder in
# the bucket, percent-encoded), BUCKET_LOOKUP (path or dns), REGION. Files in /etc/tasktracker:
# passphrase, s3.json (keys, as MinIO's client keeps them), repository-ca.crt if there is one.
export LC_ALL=C TZ=UTC

FILES=/etc/tasktracker
UPLOADS=/var/lib/tasktracker
WORK=/var/lib/file-backups
# What a run needs while it lasts; the next one clears it away.
RUN=$WORK/run
STREAMS=$RUN/nats
STATUS=/tmp/status.json
STARTED=/tmp/backup-started
PROGRAM=${0##*/}
# What restic makes in between may be larger than /tmp.
export TMPDIR=$RUN RESTIC_CACHE_DIR=$WORK/cache RESTIC_PASSWORD_FILE=$FILES/passphrase
export MINIO_SHARED_CREDENTIALS_FILE=$FILES/s3.json
[ ! -e "$FILES/repository-ca.crt" ] || export RESTIC_CACERT=$FILES/repository-ca.crt

say() {
    echo "$PROGRAM: $*" >&2
}

# Prints an event: emit NAME [--arg KEY TEXT | --argjson KEY JSON]...
emit() {
    name=$1
    shift
    jq -cn --arg event "$name" "$@" '$ARGS.named'
}

# Ends with an event that says why: fail CODE REASON
fail() {
    say "$2"
    emit failed --arg reason "$2"
    exit "$1"
}

# restic with the options that have no variable.
repository() {
    restic -o s3.region="$REGION" -o s3.bucket-lookup="$BUCKET_LOOKUP" "$@"
}

# The client would wait 5 s for an answer, too little for a large stream on a busy host.
streams() {
    nats --context "$FILES/nats-context.json" --timeout 30s stream "$@"
}

# Prints what is wrong with the bucket, if anything. The bucket is asked itself: restic would go on
# asking for minutes, and would make a bucket that is missing.
bucket_error() {
    answer=$(mktemp /tmp/bucket.XXXXXX)
    status=$(jq -r '.aliases.s3 | "user = " + (.accessKey + ":" + .secretKey | tojson)' "$MINIO_SHARED_CREDENTIALS_FILE" |
        curl --config - --aws-sigv4 "aws:amz:$REGION:s3" ${RESTIC_CACERT:+--cacert "$RESTIC_CACERT"} \
            --silent --connect-timeout 3 --max-time 10 --output "$answer" --write-out '%{exitcode} %{http_code}' \
            "$BUCKET_URL/?list-type=2&max-keys=1&prefix=$PREFIX")
    case "$status $(tr -d '\000' <"$answer")" in
        '0 200 '*) ;;
        *RequestTimeTooSkewed*) echo "the clock of this host or of the repository is wrong: they are more than 15 minutes apart" ;;
        '35 '* | '51 '* | '58 '* | '60 '* | '77 '*)
            echo "the repository's certificate is for another host, or not from the authority that is trusted" ;;
        *NoSuchBucket*) echo "the repository's bucket does not exist" ;;
        # The last is what the stack's own object store calls a key that it does not know.
        '0 403 '* | *InvalidAccessKeyId* | *SignatureDoesNotMatch* | *XAdminUserNotFound*)
            echo "the repository refuses the access key or the secret key, or does not let it do this" ;;
        '0 '*) echo "the repository can't be used: it answers with ${status#0 }" ;;
        *)
            server=${BUCKET_URL#*://}
            echo "the repository can't be reached: no answer from ${server%%/*}" ;;
    esac
    rm -f "$answer"
}

# Says in one line why restic has failed, by what it has said about it: repository_error FILE
repository_error() {
    case $(cat "$1") in
        *'wrong password'*) echo "the repository is encrypted with another passphrase" ;;
        *'already locked'*) echo "another host works on the repository: $(grep -om 1 'locked by .*' "$1")" ;;
        *)
            reason=$(bucket_error)
            [ -n "$reason" ] || reason=$(jq -rR '(fromjson? // .) | if type == "object" then .message // .error.message else . end' "$1" |
                grep . | tail -n 1)
            [ -n "$reason" ] || reason="the repository can't be used"
            echo "$reason" ;;
    esac
}

# For what only reads: a repository that is not there is not made.
require_repository() {
    "$exists" || fail 65 "there is no repository yet: no backup has been taken"
}

# restic that must succeed; its output goes to FILE: demand FILE ARGUMENT...
demand() {
    output=$1
    shift
    repository "$@" >"$output" 2>"$RUN/errors" || fail 69 "$(repository_error "$RUN/errors")"
}

# Waits until no other program of this host works on the repository, for SECONDS at most, and sees that it
# can be used: take_turn SECONDS. Containers that share the folder share the lock, and it goes with the
# program that holds it. $exists says whether there is a repository.
take_turn() {
    exec 9>>"$WORK/.lock"
    flock --wait "$1" 9 || fail 75 "another backup or restore is running"
    rm -rf "$RUN"
    mkdir "$RUN" || fail 73 "$WORK: uid $(id -u) may not write here"
    reason=$(bucket_error)
    [ -z "$reason" ] || fail 69 "$reason"
    remove_own_locks
}

# Removes restic's locks that were left by a container that was killed. All that hosts of these names
# did is over, since the turn is ours. Of other hosts' locks only those go that are long out of date.
remove_own_locks() {
    grep -qx "$(uname -n)" "$WORK/hosts" 2>/dev/null || uname -n >>"$WORK/hosts"
    result=0 exists=true
    locks=$(repository list locks --no-lock 2>"$RUN/errors") || result=$?
    case $result in
        0) ;;
        10)
            exists=false
            return ;;
        12) fail 78 "$(repository_error "$RUN/errors")" ;;
        *) fail 69 "$(repository_error "$RUN/errors")" ;;
    esac
    [ -n "$locks" ] || return 0
    all=--remove-all
    for lock in $locks; do
        host=$(repository cat lock "$lock" --no-lock 2>"$RUN/errors" | jq -r .hostname)
        grep -qx -e "$host" "$WORK/hosts" || all=
    done
    demand "$RUN/output" unlock $all
}

# Turns restic's list of snapshots into sets, oldest first.
as_sets() {
    jq -c '[.[] | {
        id: .short_id,
        what: .tags[0],
        complete: (.tags | index("incomplete") == null),
        before_restore: (.tags | index("before-restore") != null),
        time: (.time | sub("\\.[0-9]+"; "") | fromdate),
        files: .summary.total_files_processed,
        size: .summary.total_bytes_processed,
        added: .summary.data_added_packed,
        path: .paths[0]
    }] | sort_by(.time)'
}

# Puts the set that is meant into FILE, or ends: find_set FILE WHAT ID|latest
find_set() {
    demand "$RUN/snapshots" snapshots --no-lock --json
    as_sets <"$RUN/snapshots" >"$RUN/sets"
    jq -ce --arg what "$2" --arg id "$3" '[.[] | select(.what == $what)
        | select(.id == $id or ($id == "latest" and .complete and (.before_restore | not)))] | last // empty' \
        "$RUN/sets" >"$1" || fail 65 "there is no set '$3' of $2; files-list names those that there are"
}

# Saves FOLDER as a set: save WHAT FOLDER [TAG]. Prints the event; fails without ending the program.
save() {
    what=$1 result=0
    repository backup --json --host tasktracker --tag "$what${3:+,$3}" "$2" >"$RUN/output" 2>"$RUN/errors" || result=$?
    jq -sc --arg what "$what" '.[] | select(.message_type == "summary")
        | {event: "saved", what: $what, id: .snapshot_id[:8], files: .total_files_processed,
           size: .total_bytes_processed, added: .data_added_packed}' "$RUN/output" >"$RUN/saved"
    if [ "$result" -eq 0 ] && [ -s "$RUN/saved" ]; then
        cat "$RUN/saved"
        return
    fi
    # Not all could be read: better than nothing, but no good set.
    if [ "$result" -eq 3 ] && [ -s "$RUN/saved" ]; then
        reason="not all files could be read: $(jq -rR 'fromjson? | .item? // empty' "$RUN/errors" | head -n 3 | paste -sd' ')"
        repository tag --add incomplete "$(jq -r .id "$RUN/saved")" >"$RUN/output" 2>&1 || cat "$RUN/output" >&2
    else
        reason=$(repository_error "$RUN/errors")
    fi
    say "$what: $reason"
    emit failed --arg what "$what" --arg reason "$reason"
    return 1
}

# Puts a snapshot of each of NATS' streams into $STREAMS. Those in memory can't be had, and don't
# outlive the server anyway. Prints an event and fails where one is not to be had.
fetch_streams() {
    rm -rf "$STREAMS"
    mkdir "$STREAMS"
    : >"$RUN/errors"
    if streams ls --names --all --json >"$RUN/names" 2>"$RUN/errors"; then
        for stream in $(jq -r '.[]?' "$RUN/names"); do
            streams info --json "$stream" >"$RUN/info" 2>"$RUN/errors" || break
            [ "$(jq -r .config.storage "$RUN/info")" = file ] || continue
            streams backup --check --no-progress "$stream" "$STREAMS/$stream" >"$RUN/output" 2>"$RUN/errors" || break
            [ -s "$STREAMS/$stream/backup.json" ] && [ -s "$STREAMS/$stream/stream.tar.s2" ] && continue
            echo "the snapshot of the stream $stream is empty" >"$RUN/errors"
            break
        done
    fi
    [ -s "$RUN/errors" ] || return 0
    reason=$(stream_error)
    say "nats: $reason"
    emit failed --arg what nats --arg reason "$reason"
    return 1
}

stream_error() {
    case $(cat "$RUN/errors") in
        *'Authorization Violation'*) echo "NATS refuses the user or the password" ;;
        *'no servers available'* | *'dial tcp'*) echo "NATS can't be reached" ;;
        *) echo "NATS: $(sed 's/^nats: error: //' "$RUN/errors" | tail -n 1)" ;;
    esac
}
