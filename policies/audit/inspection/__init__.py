"""What Docker says of a thing that exists, as the inputs that the engine would send for it.

Pure: it takes the JSON of `docker inspect`. Rules then judge a running container as they judge one in
a preview. It says what is in effect, so what a container got from its image (health check, user,
command, environment, labels) and from the daemon (log driver, runtime, namespaces) is there too.
Nothing and zero are left out, as a program leaves out what it doesn't set.

Only what rules can read is translated. Docker keeps no trace of `uploads`, `wait`, `removeVolumes` and
`destroyGraceSeconds`.
"""
