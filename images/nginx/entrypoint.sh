#!/bin/sh
# Runs nginx on a copy of the files in /etc/tasktracker, and takes up changed ones without dropping a request.
#
# The files come with a manifest: its first line is the digest of them all, the others are their SHA-256 sums. They
# arrive one by one, so a set is taken when all of it is there. It is copied to memory, tested (`nginx -t`) and then
# given to the running nginx, which goes on with the one before if it can't use it: then the log and the health check
# say so until a better one comes.
#
# What nginx.conf has to have for it: on 127.0.0.1:$HEALTH_PORT it answers /files with `include in_use.conf`, the
# digest of the files in use; and while there is a file $DRAINING, each answer is the last of its connection.
#
# Environment: HEALTH_PORT.
# Exit codes, from sysexits.h: 78 wrong files at the start; else nginx's.
set -eu
umask 077

FILES=/etc/tasktracker
MANIFEST=$FILES/manifest
# In memory, and this container's own.
STATE=/tmp/files
# nginx's configuration and what it names lie here: a link to the set in use.
CURRENT=$STATE/current
# What is wrong with the files that are offered: their digest, then the reason.
TROUBLE=$STATE/trouble
# nginx closes idle connections when it changes over, though a request may be under way on one: nginx 1.27.4 has
# keepalive_min_timeout against that, and this one has not. So connections are let end before, for some seconds.
DRAINING=$STATE/draining
DRAIN=3
# Seconds that a set may take to be complete before that is said, and that nginx may take to use it.
COMPLETE_WAIT=20
RELOAD_WAIT=15

say() {
    echo "entrypoint: $*" >&2
}

# A sleep that a signal ends, since it is to reach nginx at once.
pause() { # SECONDS
    sleep "$1" &
    wait $! || :
}

# The digest of the files that are there, if they come with one.
offered() {
    digest=
    read -r digest 2>/dev/null <"$MANIFEST" || :
    case $digest in
        *[!0-9a-f]*) digest= ;;
    esac
    echo "$digest"
}

# Copies the set DIGEST to FOLDER; fails while it is not complete.
copy() { # DIGEST FOLDER
    rm -rf "$2"
    mkdir -p "$2"
    cp "$MANIFEST" "$2/manifest" 2>/dev/null || return 1
    read -r first <"$2/manifest" || return 1
    [ "$first" = "$1" ] || return 1
    sed 1d "$2/manifest" >"$2/sums"
    while read -r _ name; do
        cp "$FILES/$name" "$2/$name" 2>/dev/null || return 1
    done <"$2/sums"
    (cd "$2" && sha256sum --check --status sums 2>/dev/null) || return 1
    printf 'return 200 "%s\\n";\n' "$1" >"$2/in_use.conf"
}

# Fails, with nginx's reason, if it can't use the set in FOLDER.
test_set() { # FOLDER
    { nginx -e /dev/stderr -t -q -c "$1/nginx.conf" >/dev/null; } 2>&1
}

point_to() { # FOLDER
    ln -sfn "$1" "$CURRENT.new"
    mv -T "$CURRENT.new" "$CURRENT"
}

refuse() { # DIGEST REASON
    printf '%s\n%s\n' "$1" "$2" >"$TROUBLE.new"
    mv "$TROUBLE.new" "$TROUBLE"
    say "the files $1 are refused, and those before stay in use: $2"
}

in_use() {
    curl --silent --fail --max-time 2 "http://127.0.0.1:$HEALTH_PORT/files" || :
}

# Hands the set DIGEST to the running nginx; fails while it is not complete.
take_up() { # DIGEST
    folder=$STATE/$1
    copy "$1" "$folder" || return 1
    if ! reason=$(test_set "$folder"); then
        rm -rf "$folder"
        refused=$1
        refuse "$1" "$reason"
        return 0
    fi
    : >"$DRAINING"
    pause "$DRAIN"
    point_to "$folder"
    kill -HUP "$nginx"
    waited=0
    until [ "$(in_use)" = "$1" ]; do
        waited=$((waited + 1))
        if [ "$waited" -gt $((RELOAD_WAIT * 5)) ]; then
            point_to "$STATE/$current"
            rm -f "$DRAINING"
            # No `refused`: the next look tries again.
            refuse "$1" "nginx did not take them up within $RELOAD_WAIT s; its own message stands above"
            return 0
        fi
        pause 0.2
    done
    rm -rf "${STATE:?}/$current" "$TROUBLE" "$DRAINING"
    current=$1
    refused=
    say "the files $1 are in use"
}

# A look at the files, each second.
follow() {
    wanted=$(offered)
    # A manifest without a digest gives none, as there is none refused at first.
    if [ "$wanted" = "$current" ] || { [ -n "$refused" ] && [ "$wanted" = "$refused" ]; }; then
        late=0
        # Back to the files in use: what was wrong with the others is nobody's concern any more.
        if [ "$wanted" = "$current" ] && [ -e "$TROUBLE" ]; then
            refused=
            rm -f "$TROUBLE"
            say "the files $current are offered again, and in use"
        fi
    elif [ -n "$wanted" ] && take_up "$wanted"; then
        late=0
    else
        late=$((late + 1))
        [ "$late" -ne "$COMPLETE_WAIT" ] || refuse "${wanted:-without a digest}" "they do not fit their manifest"
    fi
}

rm -rf "$STATE"
mkdir "$STATE"
current=$(offered)
waited=0
until [ -n "$current" ] && copy "$current" "$STATE/$current"; do
    waited=$((waited + 1))
    if [ "$waited" -gt "$COMPLETE_WAIT" ]; then
        say "$FILES: the files do not fit their manifest"
        exit 78
    fi
    sleep 1
    current=$(offered)
done
if ! reason=$(test_set "$STATE/$current"); then
    say "nginx refuses the files in $FILES: $reason"
    exit 78
fi
point_to "$STATE/$current"

# Without -e nginx opens /var/log/nginx/error.log before it has read its configuration.
nginx -e /dev/stderr -c "$CURRENT/nginx.conf" -g 'daemon off;' &
nginx=$!
trap 'kill -QUIT "$nginx" 2>/dev/null || :' QUIT
trap 'kill -TERM "$nginx" 2>/dev/null || :' TERM INT

refused=
late=0
while kill -0 "$nginx" 2>/dev/null; do
    follow
    pause 1
done
code=0
wait "$nginx" || code=$?
exit "$code"
