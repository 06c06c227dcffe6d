#!/bin/sh
# Starts PostgreSQL on the volume /var/lib/postgresql: makes a cluster the first time, brings roles,
# passwords and extensions up to date every time, and refuses a folder that it can't serve, and a volume
# that has lost its data. With arguments it runs those instead: another command of the image, such as
# backup.
#
# Environment: POSTGRES_DB, APP_USER (a role that is no superuser; it owns the database),
# POSTGRES_PASSWORD_FILE, APP_PASSWORD_FILE.
# Exit codes, from sysexits.h: 64 wrong use, 65 wrong data folder, 73 volume not writable,
# 75 volume in use (trying again may help), 78 wrong setting or secret.
set -eu
[ $# -eq 0 ] || exec "$@"
umask 077

VOLUME=/var/lib/postgresql
MAJOR=17
CONFIG=/etc/tasktracker/postgresql.conf
HBA=/etc/tasktracker/pg_hba.conf
SOCKET=/run/postgresql
SHARE=/usr/local/share/tasktracker
# Which volume was served from. It is on the volume of the socket, which outlives this container.
SERVED=$SOCKET/.served
# The cluster is made here and renamed when complete, so PGDATA is whole or absent.
STAGING=$VOLUME/$MAJOR/.staging
# Seconds that crash recovery may take before the roles are set; a day is "never give up".
RECOVERY_LIMIT=86400
# Seconds to wait for the container that had the volume before.
LOCK_WAIT=5

say() {
    echo "entrypoint: $*" >&2
}

die() {
    code=$1
    shift
    say "$*"
    exit "$code"
}

check_identifier() { # NAME VALUE
    case $2 in
        '') die 78 "$1 is not set" ;;
        *[!a-z0-9_]* | [!a-z_]*)
            die 78 "$1='$2': only a-z, 0-9 and _ are allowed, and no digit at the start" ;;
    esac
    [ ${#2} -le 63 ] || die 78 "$1='$2': at most 63 characters"
}

check_secret() { # NAME PATH
    [ -n "$2" ] || die 78 "$1 is not set: it names the file that holds the password"
    [ -f "$2" ] || die 78 "$1=$2: there is no such file"
    [ -r "$2" ] || die 78 "$1=$2: uid $(id -u) may not read it"
    # PostgreSQL would read the first line and psql all of them: one line, then.
    [ "$(grep -c '' "$2")" -le 1 ] || die 78 "$1=$2: the password must be one line"
    grep -q '[^[:space:]]' "$2" || die 78 "$1=$2: the file is empty"
}

check_environment() {
    [ "$(id -u)" -ne 0 ] || die 64 "PostgreSQL doesn't run as root: start the container as its own user 10001:10001"
    check_identifier POSTGRES_DB "${POSTGRES_DB:-}"
    check_identifier APP_USER "${APP_USER:-}"
    case $APP_USER in
        postgres | pg_*) die 78 "APP_USER='$APP_USER': 'postgres' and names that begin with pg_ belong to the server" ;;
    esac
    case $POSTGRES_DB in
        postgres | template0 | template1)
            die 78 "POSTGRES_DB='$POSTGRES_DB': this name belongs to the server" ;;
    esac
    check_secret POSTGRES_PASSWORD_FILE "${POSTGRES_PASSWORD_FILE:-}"
    check_secret APP_PASSWORD_FILE "${APP_PASSWORD_FILE:-}"
    for file in "$CONFIG" "$HBA"; do
        [ -r "$file" ] || die 78 "$file: missing or not readable by uid $(id -u)"
    done
}

# The lock lives on the volume and is inherited by the server and all its processes, so it is held
# exactly as long as anything may write, also after a kill -9 of the postmaster alone.
lock_volume() {
    [ -w "$VOLUME" ] ||
        die 73 "$VOLUME: uid $(id -u) may not write here; the volume's folder must belong to 10001:10001"
    exec 9>"$VOLUME/.lock" || die 73 "$VOLUME/.lock: cannot be made"
    flock --wait "$LOCK_WAIT" 9 ||
        die 75 "$VOLUME: another PostgreSQL container is running on this volume; stop it first"
}

check_major() { # PG_VERSION FILE
    found=$(cat "$1")
    [ "$found" = "$MAJOR" ] ||
        die 65 "${1%/PG_VERSION} was made by PostgreSQL $found and this image is $MAJOR: go back to an image of" \
            "PostgreSQL $found, or dump there and load into a new volume (pg_dumpall), or run pg_upgrade"
}

# Data that lies elsewhere on the volume must not be hidden by a fresh, empty cluster.
check_volume() {
    for file in "$VOLUME"/PG_VERSION "$VOLUME"/data/PG_VERSION "$VOLUME"/*/data/PG_VERSION; do
        [ -f "$file" ] || continue
        check_major "$file"
        [ "$file" = "$PGDATA/PG_VERSION" ] ||
            die 65 "${file%/PG_VERSION} holds a cluster of PostgreSQL $MAJOR, but this image keeps it in $PGDATA: move it there"
    done
}

# Succeeds if a complete cluster is there, fails if there is none yet.
cluster_exists() {
    [ -d "$PGDATA" ] || return 1
    [ -n "$(ls -A "$PGDATA")" ] || return 1
    for file in PG_VERSION global/pg_control; do
        [ -f "$PGDATA/$file" ] ||
            die 65 "$PGDATA has files but no $file: half-initialised, or no PostgreSQL folder." \
                "Restore a backup into it, or empty it to begin anew"
    done
}

init_cluster() {
    say "making a new cluster in $PGDATA"
    mkdir -p "$VOLUME/$MAJOR"
    rm -rf "$STAGING"
    # The built-in provider's order of characters never changes with the C library, so no index
    # breaks when the image is rebuilt.
    initdb --pgdata="$STAGING" --username=postgres --pwfile="$POSTGRES_PASSWORD_FILE" \
        --auth=scram-sha-256 --data-checksums --encoding=UTF8 \
        --locale-provider=builtin --locale=C.UTF-8 >/dev/null
    [ ! -d "$PGDATA" ] || rmdir "$PGDATA"
    mv -T "$STAGING" "$PGDATA"
    sync "$VOLUME/$MAJOR"
}

# Runs provision.sql on a server that listens on a private socket only and logs no statement. It has
# the real configuration, so that WAL archiving knows no gap: with no command, what is to be archived
# waits for the server proper, and a repository that is down holds up nothing. The library that keeps statements
# (pg_stat_statements) isn't loaded.
provision() {
    say "setting roles, passwords and extensions"
    socket=$(mktemp -d /tmp/provision.XXXXXX)
    pg_ctl start --silent --wait --timeout="$RECOVERY_LIMIT" --pgdata="$PGDATA" -o "\
        -c config_file=$CONFIG -c hba_file=$SHARE/provision_hba.conf \
        -c listen_addresses='' -c port=5432 -c unix_socket_directories=$socket \
        -c unix_socket_permissions=0700 -c shared_preload_libraries='' -c session_preload_libraries='' \
        -c logging_collector=off -c log_destination=stderr -c log_min_messages=error \
        -c archive_command='' \
        -c log_statement=none -c log_min_duration_statement=-1 -c log_min_error_statement=panic \
        -c debug_print_parse=off -c debug_print_rewritten=off -c debug_print_plan=off \
        -c log_connections=off -c log_disconnections=off -c log_checkpoints=off" ||
        die 70 "the server did not start to have its roles set: its messages stand above"
    result=0
    psql --no-psqlrc --quiet --no-password --host="$socket" --port=5432 --username=postgres --dbname=postgres \
        --set=app_user="$APP_USER" --set=database="$POSTGRES_DB" --file="$SHARE/provision.sql" ||
        result=$?
    pg_ctl stop --silent --wait --mode=fast --pgdata="$PGDATA"
    rm -rf "$socket"
    [ "$result" -eq 0 ] || die 70 "roles and extensions could not be set: the reason stands above"
}

# What the volume is, whatever is in it: another one of the same name has another number or birth.
volume_identity() {
    stat -c '%i.%W' "$VOLUME"
}

# An empty volume that this server has served from has lost its data: a new cluster would look like a stack that works.
refuse_lost() {
    [ -f "$SERVED" ] && [ "$(cat "$SERVED")" = "$(volume_identity)" ] || return 0
    die 65 "the database is gone from its volume, and no new one is made in its place: restore the latest backup" \
        "(./tt restore --latest), or remove $SERVED to begin with an empty one"
}

check_environment
lock_volume
check_volume
cluster_exists || {
    refuse_lost
    init_cluster
}
volume_identity >"$SERVED"
# Nobody else has the volume, so these files are a dead server's. They must go: its process id may well
# be that of a living process in this container, and the server would refuse to start.
rm -f "$PGDATA/postmaster.pid" "$SOCKET"/.s.PGSQL.*
if [ -e "$PGDATA/recovery.signal" ] || [ -e "$PGDATA/standby.signal" ]; then
    say "a recovery is pending: passwords and extensions are left to the next start"
else
    provision
fi
exec postgres -D "$PGDATA" -c config_file="$CONFIG" -c hba_file="$HBA"
