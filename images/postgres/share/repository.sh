# For sourcing: asks the repository, and says in one line why it can't be used.
SHARE=/usr/local/share/tasktracker
# The major version of this image's PostgreSQL.
MAJOR=17

# That reason, by what pgBackRest has said about it.
repository_error() { # FILE
    case $(tr -d '\000' <"$1") in
        *'unable to verify certificate'* | *'unable to find hostname'*)
            echo "the repository's certificate is for another host, or not from the authority that is trusted" ;;
        *NoSuchBucket*) echo "the repository's bucket does not exist" ;;
        *RequestTimeTooSkewed*) echo "the clock of this host or of the repository is wrong: they are more than 15 minutes apart" ;;
        # The last is what the stack's own object store calls a key that it does not know.
        *'(Forbidden)'* | *InvalidAccessKeyId* | *XAdminUserNotFound*)
            echo "the repository refuses the access key or the secret key, or does not let it do this" ;;
        *HostConnectError* | *'unable to get address'* | *'timeout connecting'* | *'unable to connect'* | *'no answer'*)
            echo "the repository can't be reached" ;;
        *FormatError* | *'cipher header'* | *CryptoError*)
            echo "the repository is encrypted with another passphrase, or damaged" ;;
        *'do not match the database'* | *'does not match'*)
            echo "the repository holds the backups of another cluster: give this stack another folder in the bucket," \
                "or let this cluster follow the other one with: pgbackrest --stanza=main stanza-upgrade" ;;
        *) echo "the repository can't be used" ;;
    esac
}

# Seconds for a connection to the repository's host.
CONNECT=3

# Fails, with the reason in `failure`, where nothing answers at the repository's address: pgBackRest would go on asking
# for minutes.
reach_repository() {
    server=$(sed -n 's/^repo1-s3-endpoint=//p' "$PGBACKREST_CONFIG")
    port=$(sed -n 's/^repo1-storage-port=//p' "$PGBACKREST_CONFIG")
    timeout "$CONNECT" bash -c 'exec 3<>"/dev/tcp/$1/$2"' bash "$server" "${port:-443}" 2>/dev/null && return
    failure="the repository can't be reached: nothing answers at $server, port ${port:-443}"
    return 1
}

# Seconds for one answer of the repository, and for all of them: pgBackRest asks for four files, three times each.
ANSWER=5
ANSWERS=20

# Runs a command of pgBackRest that only asks. Where it fails, ERRORS says why.
ask_repository() { # ANSWER-FILE ERRORS COMMAND...
    answer=$1 errors=$2
    shift 2
    timeout "$ANSWERS" pgbackrest --stanza=main --output=json --log-level-console=warn --io-timeout="$ANSWER" "$@" \
        >"$answer" 2>"$errors" && return
    [ -s "$errors" ] || echo "no answer within $ANSWERS s" >>"$errors"
    return 1
}

# Writes what is in the repository to FOLDER/info, as pgBackRest says it. Fails, with the reason in
# `failure`, if it can't be read.
read_repository() { # FOLDER
    failure=
    reach_repository || return 1
    if ! ask_repository "$1/info" "$1/errors" info; then
        failure=$(repository_error "$1/errors")
        return 1
    # 99 is "other": the repository could not be read, and why is in there, sometimes with bytes that are no JSON.
    elif grep -q '"code":99' "$1/info"; then
        failure=$(repository_error "$1/info")
        return 1
    fi
}

# Writes to FOLDER/list, as JSON, the backups and the ranges that can be restored to, after
# read_repository. Fails, with the reason in `failure`, if the repository does not answer any more.
list_backups() { # FOLDER
    : >"$1/wal"
    archive=$(jq -r '.[0].archive // [] | last | .id // empty' "$1/info")
    # A folder for each 256 segments, first those of timeline 1.
    folders=
    if [ -n "$archive" ] && list_folder "$1" "archive/main/$archive"; then
        folders=$(jq -r 'keys | map(select(test("^[0-9A-F]{16}$"))) | group_by(.[:8])[] | last' "$1/files")
    fi
    for folder in $folders; do
        list_folder "$1" "archive/main/$archive/$folder" || break
        jq -c 'to_entries | map(select(.key | test("^[0-9A-F]{24}-"))) | max_by(.key) | values
            | {wal: .key, to: .value.time}' "$1/files" >>"$1/wal"
    done
    [ -z "$failure" ] || return 1
    jq -cn --slurpfile info "$1/info" --slurpfile wal "$1/wal" -L "$SHARE" -f "$SHARE/list.jq" >"$1/list"
}

# Has the ranges of TIMELINE in FOLDER/list reach at least until UNTIL (seconds): its WAL will be archived until then.
archive_later() { # FOLDER UNTIL TIMELINE
    jq -c --argjson until "$2" --argjson timeline "$3" \
        '.ranges |= map(if .timeline == $timeline then .to = ([.to, $until] | max) else . end)' "$1/list" >"$1/later" &&
        mv "$1/later" "$1/list"
}

# Writes to FOLDER/choice, as JSON, the backup that a restore begins with or why there is none (choose.jq), after
# list_backups. KIND is `latest`, `set` with the VALUE of a label, or `time` with one in seconds.
choose_backup() { # FOLDER KIND VALUE
    jq -c --arg kind "$2" --arg value "$3" --arg major "$MAJOR" -f "$SHARE/choose.jq" "$1/list" >"$1/choice"
}

list_folder() { # FOLDER PATH
    ask_repository "$1/files" "$1/errors" repo-ls "$2" && return
    failure=$(repository_error "$1/errors")
    return 1
}
