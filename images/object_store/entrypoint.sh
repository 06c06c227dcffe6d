#!/bin/sh
# Serves the folder /var/lib/objects/buckets by S3 over TLS on port 7070, after it has made the buckets and said
# who may do what in them:
#
#   access-key         everything; required
#   reader-access-key  reads BUCKET
#   app-access-key     reads and writes APP_BUCKET, and nothing else
#
# Environment: BUCKET, REGION; APP_BUCKET (with app-access-key). Files in /etc/tasktracker: those keys and
# their secrets (secret-key, reader-secret-key, app-secret-key), one line each, and server.crt, server.key (PEM).
# They are read at each start.
# Exit codes, from sysexits.h: 64 wrong use, 73 volume not writable, 78 wrong setting or secret.
set -eu
umask 077

VOLUME=/var/lib/objects
FILES=/etc/tasktracker
# The accounts beside the first one, in versitygw's own form. They are made anew at each start, so they need no disk.
ACCOUNTS=/tmp/accounts

die() {
    code=$1
    shift
    echo "entrypoint: $*" >&2
    exit "$code"
}

check_name() { # NAME VALUE
    case $2 in
        '') die 78 "$1 is not set" ;;
        *[!a-z0-9-]* | -* | *-)
            die 78 "$1='$2': only a-z, 0-9 and - are allowed, and no - at either end" ;;
    esac
}

check_file() { # NAME PATTERN
    [ -f "$FILES/$1" ] || die 78 "$FILES/$1: there is no such file"
    [ -r "$FILES/$1" ] || die 78 "$FILES/$1: uid $(id -u) may not read it"
    grep -q -e "$2" "$FILES/$1" || die 78 "$FILES/$1: ${3:-the file is empty}"
}

check_secret() { # NAME
    check_file "$1" '[^[:space:]]'
    [ "$(grep -c '' "$FILES/$1")" -le 1 ] || die 78 "$FILES/$1: must be one line"
}

# Succeeds if the account's two files are there, and fails if neither is.
has_account() { # NAME
    [ -e "$FILES/$1-access-key" ] || [ -e "$FILES/$1-secret-key" ] || return 1
    check_secret "$1-access-key"
    check_secret "$1-secret-key"
    case $(cat "$FILES/$1-access-key") in
        *[!A-Za-z0-9._-]*) die 78 "$FILES/$1-access-key: only letters, digits, '.', '_' and '-' are allowed" ;;
    esac
    ! LC_ALL=C grep -q '[^ -~]' "$FILES/$1-secret-key" || die 78 "$FILES/$1-secret-key: must be ASCII characters"
    for other in access-key reader-access-key app-access-key; do
        [ "$other" = "$1-access-key" ] || [ ! -f "$FILES/$other" ] ||
            [ "$(cat "$FILES/$other")" != "$(cat "$FILES/$1-access-key")" ] ||
            die 78 "$FILES/$1-access-key: must not be the one in $other"
    done
}

# An account that may do nothing but what the policy of a bucket allows it.
account() { # NAME
    key=$(cat "$FILES/$1-access-key")
    secret=$(sed 's/["\\]/\\&/g' "$FILES/$1-secret-key")
    printf '%s"%s": {"access": "%s", "secret": "%s", "role": "user"}' "$separator" "$key" "$key" "$secret" \
        >>"$ACCOUNTS/users.json"
    separator=', '
}

# versitygw keeps a bucket's policy in this attribute of its folder. Set before it serves, it is never
# without one.
let_account() { # NAME BUCKET BUCKET-ACTIONS OBJECT-ACTIONS
    key=$(cat "$FILES/$1-access-key")
    setfattr --name=user.policy --value="{\"Version\": \"2012-10-17\", \"Statement\": [
        {\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \"$key\"}, \"Action\": [$3], \"Resource\": \"arn:aws:s3:::$2\"},
        {\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \"$key\"}, \"Action\": [$4], \"Resource\": \"arn:aws:s3:::$2/*\"}
    ]}" "$VOLUME/buckets/$2" || die 73 "$VOLUME/buckets/$2: its policy cannot be set"
}

make_bucket() { # BUCKET
    mkdir -p "$VOLUME/buckets/$1" || die 73 "$VOLUME/buckets/$1: cannot be made"
    # Whoever had rights and has no files any more has none.
    setfattr --remove=user.policy "$VOLUME/buckets/$1" 2>/dev/null || :
}

[ "$(id -u)" -ne 0 ] || die 64 "the object store doesn't run as root: start the container as its own user 10005:10005"
check_name BUCKET "${BUCKET:-}"
check_name REGION "${REGION:-}"
check_secret access-key
check_secret secret-key
accounts=
for name in reader app; do
    if has_account "$name"; then accounts="$accounts $name"; fi
done
case $accounts in
    *app*)
        check_name APP_BUCKET "${APP_BUCKET:-}"
        [ "$APP_BUCKET" != "$BUCKET" ] || die 78 "APP_BUCKET='$APP_BUCKET': must not be BUCKET"
        ;;
esac
check_file server.crt '^-----BEGIN CERTIFICATE-----' "must be certificates in PEM form"
check_file server.key '^-----BEGIN .*PRIVATE KEY-----' "must be a private key in PEM form"
[ -w "$VOLUME" ] ||
    die 73 "$VOLUME: uid $(id -u) may not write here; the volume's folder must belong to 10005:10005"

make_bucket "$BUCKET"
mkdir -p "$ACCOUNTS"
separator=
printf '{"accessAccounts": {' >"$ACCOUNTS/users.json"
for name in $accounts; do
    account "$name"
    case $name in
        reader) let_account reader "$BUCKET" '"s3:ListBucket", "s3:GetBucketLocation"' '"s3:GetObject"' ;;
        app)
            make_bucket "$APP_BUCKET"
            let_account app "$APP_BUCKET" \
                '"s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads"' \
                '"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"'
            ;;
    esac
done
printf '}}\n' >>"$ACCOUNTS/users.json"

# versitygw takes its keys from its arguments, which all can see, or from its environment. Set here,
# they are in no image and no `docker inspect`, but in /proc/PID/environ alone, which nobody but this
# user may read, who may read the files as well.
ROOT_ACCESS_KEY=$(cat "$FILES/access-key")
ROOT_SECRET_KEY=$(cat "$FILES/secret-key")
export ROOT_ACCESS_KEY ROOT_SECRET_KEY
# Quiet: the health check alone would fill the log.
exec versitygw --port :7070 --cert "$FILES/server.crt" --key "$FILES/server.key" --region "$REGION" --quiet \
    --iam-dir "$ACCOUNTS" posix --dir-perms 0700 --file-perms 0600 "$VOLUME/buckets"
