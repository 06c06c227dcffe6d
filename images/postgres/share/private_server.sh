# For sourcing by bash: a server of one's own on a cluster that is no server's yet, behind a socket that nobody
# else reaches. It takes none of the stack's configuration, archives nothing and preloads nothing.

# Seconds between two looks at a server that starts.
private_interval=0.2

# Starts it, and waits until it takes connections, however long its recovery takes. Fails if it ends before.
# Then FOLDER/log says why.
start_private_server() { # CLUSTER FOLDER
    private_cluster=$1 private_socket=$2
    # What needs as much memory for prepared transactions as the server had that wrote the WAL.
    local prepared
    prepared=$(pg_controldata "$1" | sed -n 's/^max_prepared_xacts setting: *//p')
    # What is to be archived waits for the server proper. Without connections in recovery no
    # other setting has to be that of the server before it.
    postgres -D "$1" -c config_file="$1/postgresql.conf" -c hba_file=/usr/local/share/tasktracker/provision_hba.conf \
        -c listen_addresses= -c port=5432 -c unix_socket_directories="$2" -c unix_socket_permissions=0700 \
        -c hot_standby=off -c archive_mode=on -c archive_command= -c archive_library= \
        -c max_prepared_transactions="${prepared:-0}" \
        -c shared_preload_libraries= -c session_preload_libraries= -c ssl=off \
        -c logging_collector=off -c log_destination=stderr -c log_min_messages=log -c lc_messages=C \
        -c log_statement=none -c log_min_duration_statement=-1 -c log_min_error_statement=panic \
        -c timezone=UTC -c log_timezone=UTC >"$2/log" 2>&1 &
    private_server=$!
    until pg_isready --quiet --host="$2" --port=5432; do
        kill -0 "$private_server" 2>/dev/null || return 1
        sleep "$private_interval"
    done
}

ask_private_server() { # DATABASE SQL
    psql -XAtq --no-password --host="$private_socket" --port=5432 --username=postgres --dbname="$1" --command="$2"
}

# Fails if it does not end in order.
stop_private_server() {
    pg_ctl stop --silent --wait --timeout=86400 --mode=fast --pgdata="$private_cluster" >/dev/null 2>&1 || return 1
    wait "$private_server"
    private_server=
}
