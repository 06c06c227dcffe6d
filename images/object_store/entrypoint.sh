#!/bin/sh
# Serves the folder /var/lib/objects/buckets by S3 over TLS on port 7070, after it has made the bucket.
#
# Environment: BUCKET, REGION. Files in /etc/tasktracker: access-key, secret-key (one line each),
# server.crt, server.key (PEM).
# Exit codes, from sysexits.h: 64 wrong use, 73 volume not writable, 78 wrong setting or secret.
set -eu
umask 077

VOLUME=/var/lib/objects
FILES=/etc/tasktracker

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

[ "$(id -u)" -ne 0 ] || die 64 "the object store doesn't run as root: start the container as its own user 10005:10005"
check_name BUCKET "${BUCKET:-}"
check_name REGION "${REGION:-}"
check_secret access-key
check_secret secret-key
check_file server.crt '^-----BEGIN CERTIFICATE-----' "must be certificates in PEM form"
check_file server.key '^-----BEGIN .*PRIVATE KEY-----' "must be a private key in PEM form"
[ -w "$VOLUME" ] ||
    die 73 "$VOLUME: uid $(id -u) may not write here; the volume's folder must belong to 10005:10005"
mkdir -p "$VOLUME/buckets/$BUCKET" || die 73 "$VOLUME/buckets/$BUCKET: cannot be made"

# versitygw takes its keys from its arguments, which all can see, or from its environment. Set here,
# they are in no image and no `docker inspect`, but in /proc/PID/environ alone, which nobody but this
# user may read, who may read the files as well.
ROOT_ACCESS_KEY=$(cat "$FILES/access-key")
ROOT_SECRET_KEY=$(cat "$FILES/secret-key")
export ROOT_ACCESS_KEY ROOT_SECRET_KEY
# Quiet: the health check alone would fill the log.
exec versitygw --port :7070 --cert "$FILES/server.crt" --key "$FILES/server.key" --region "$REGION" --quiet \
    posix --dir-perms 0700 --file-perms 0600 "$VOLUME/buckets"
