# For sourcing, after metrics.sh: the result of the last drill, which outlives its container where there is a
# folder for metrics.

result_file() {
    if [ -d "$METRICS" ] && { [ -w "$METRICS" ] || [ -f "$METRICS/drill.json" ]; }; then
        echo "$METRICS/drill.json"
    else
        echo /tmp/drill.json
    fi
}

# Prints it; nothing if there is none.
read_result() {
    cat "$(result_file)" 2>/dev/null || :
}

# Keeps the standard input as the result.
keep_result() {
    local result
    result=$(jq -c 'del(.event)')
    if [ -w "$METRICS" ]; then
        publish drill.json <<<"$result"
        jq -r -L "$SHARE" -f "$SHARE/drill_metrics.jq" <<<"$result" | publish drill.prom
    else
        echo "$result" >/tmp/drill.json
    fi
}
