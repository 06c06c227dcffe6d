# Restores as the job does, then serves what it has restored to whoever is in the container, and to nobody else.
restore || exit
exec postgres -D "$PGDATA" -c hba_file=/usr/local/share/tasktracker/provision_hba.conf -c listen_addresses= \
    -c unix_socket_directories=/tmp -c archive_mode=off -c shared_preload_libraries= -c session_preload_libraries=
