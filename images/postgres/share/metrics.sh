# For sourcing: files for a Prometheus node exporter, in a folder that it reads.
METRICS=/var/lib/metrics

# Replaces FILE there by the standard input, in one step. Without the folder it does nothing.
publish() { # FILE
    if [ -w "$METRICS" ]; then
        # Whoever reads it is another user.
        (umask 022 && cat >"$METRICS/.$1.$$" && mv "$METRICS/.$1.$$" "$METRICS/$1")
    else
        cat >/dev/null
    fi
}
