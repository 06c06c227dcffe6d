# Dumps DATABASE to standard output in pg_dump's custom format, and reads it back to its end on the way; at the
# end its SHA-256 is the last line on standard error. Run as `bash -c THIS bash SOCKET DATABASE`.
set -uo pipefail
work=$(mktemp -d /tmp/dump.XXXXXX) || exit
trap 'rm -rf "$work"' EXIT
trap 'exit 143' TERM
mkfifo "$work/check" "$work/sum"
# Not --list alone, which is content with the first few bytes.
pg_restore --file=/dev/null <"$work/check" 2>"$work/errors" &
check=$!
sha256sum <"$work/sum" >"$work/digest" &
sum=$!
# A pipe that is closed is an error, and no reason to be silent.
PGCONNECT_TIMEOUT=5 pg_dump --host="$1" --username=postgres --dbname="$2" --format=custom --no-password |
    tee "$work/check" "$work/sum"
result=$?
wait "$check"
checked=$?
wait "$sum" || exit
[ "$result" -eq 0 ] || exit "$result"
if [ "$checked" -ne 0 ]; then
    cat "$work/errors" >&2
    echo "the dump can't be read back" >&2
    exit "$checked"
fi
read -r digest _ <"$work/digest" && echo "$digest" >&2
