"""What a health check's command asks, and which hosts are the container's own."""

from __future__ import annotations

import pytest

from policies.health.command import is_own_host, proves_nothing

SWALLOWED = """\
import urllib.request
try:
    urllib.request.urlopen("http://localhost")
except Exception:
    pass
"""
RAISED = """\
import sys, urllib.request
try:
    urllib.request.urlopen("http://localhost")
except Exception:
    sys.exit(1)
"""
NEVER_CALLED = 'import urllib.request\ndef f():\n    urllib.request.urlopen("http://localhost")\n'


@pytest.mark.parametrize(
    ("code", "proves"),
    [
        (SWALLOWED, False),
        (RAISED, True),
        (NEVER_CALLED, False),
        (f"{NEVER_CALLED}f()\n", True),
        (
            "import contextlib, urllib.request as r\nwith contextlib.suppress(Exception):\n    r.urlopen('http://x')",
            False,
        ),
        ("import urllib.request as r\nwith r.urlopen('http://localhost') as a:\n    assert a.status == 200", True),
        ("import urllib.request as r\nif False:\n    r.urlopen('http://localhost')", False),
        ("def", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("program", [["python3", "-c"], ["/usr/local/bin/python3.13", "-I", "-c"], ["python", "-Ic"]])
def test_python_code_is_read(program: list[str], code: str, proves: bool) -> None:
    assert proves_nothing(["CMD", *program, code]) is not proves


@pytest.mark.parametrize(
    ("script", "what"),
    [("cat <<EOF\ncurl -f http://localhost\nEOF", "a here-document"), ("curl -f 'http://localhost", "a quote")],
)
def test_what_can_not_be_read_proves_nothing(script: str, what: str) -> None:
    assert proves_nothing(["CMD-SHELL", script]), what


def test_the_container_itself_has_names() -> None:
    check = ["CMD", "curl", "-f", "http://api:8000/health"]
    assert proves_nothing(check)
    assert not proves_nothing(check, ["api"])
    assert not proves_nothing(check, ["*"])
    assert not proves_nothing(["CMD", "pg_isready", "-h", "172.20.0.2"], ["172.20.0.2"])


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("localhost", True), ("LOCALHOST", True), ("127.0.0.1", True), ("127.9.9.9", True), ("0.0.0.0", True),
        ("[::1]", True), ("::", True), ("::ffff:127.0.0.1", True), ("app.localhost", True), ("$HOST", True),
        ("localhost.example.com", False), ("128.0.0.1", False), ("::2", False), ("example.com", False), ("db", False),
    ],
)  # fmt: skip
def test_own_hosts(host: str, own: bool) -> None:
    assert is_own_host(host, frozenset()) is own


PROVES_NOTHING = [
    "${CHECK:-true}", "test $(curl -s http://localhost | wc -l) -ge 0",
    "[ $(curl -so /dev/null -w '%{http_code}' http://localhost) -lt 600 ]", "ss -ltn | grep .", "ss -ltn | grep -v :80",
    "lsof -i", "celery report", "mongosh --eval 1 --nodb", "env - true", "curl -f localhost@example.com",
    "curl -f --resolve localhost:80:192.0.2.1 http://localhost", "curl -f http://localhost --no-fail",
    "curl -f -V http://localhost", "wget -e http_proxy=other:80 --spider http://localhost", "python manage.py check",
    # What runs another program, or none, in place of the check.
    "exec true; curl -f http://localhost", "coproc curl -f http://localhost", "setsid curl -f http://localhost",
    "/bin/t*e", "LD_PRELOAD=/tmp/x.so curl -f http://localhost", "fakeroot true",
    # What passes where a client isn't there.
    "which curl > /dev/null || exit 0; curl -f http://localhost",
    "if [ -x /usr/bin/curl ]; then curl -f http://localhost; fi",
    # Another host.
    "PGHOST=postgres pg_isready", "export PGHOST=db; pg_isready", "env REDISCLI_HOST=redis redis-cli ping",
    "http_proxy=http://proxy:3128 curl -f http://localhost", "export ALL_PROXY=socks5://x:1; curl -f http://localhost",
    "psql 'host=db' -c 'select 1'", "pg_isready -d 'dbname=x host=db'", "grpc_health_probe -addr=api:50051",
    "etcdctl --endpoints=http://localhost:2379,http://etcd-2:2379 endpoint health", "rabbitmqctl -n rabbit@mq status",
    "vault status -address=https://vault.example.com", "kafka-topics.sh --bootstrap-server kafka:9092 --list",
    "cloudflared tunnel --metrics cloudflared:2000 ready",
    "python -c \"import redis; redis.Redis(host='redis').ping()\"",
    "python -c \"import psycopg; psycopg.connect('dbname=x host=postgres')\"",
    "python -c \"import redis; redis.from_url('redis://redis:6379').ping()\"",
    # Nothing that depends on the service.
    "netstat -an | grep 80", "ss -tan | grep -q :5432", "ss -tn sport = :80 | grep -q .", "ss -ltn | grep -q :",
    "grep -q sl /proc/net/tcp", "cat /proc/net/tcp | grep -q local_address", "haproxy -vv", "apachectl -S",
    "caddy list-modules", "jps", "pg_config", '[ "$(curl -s localhost)" = "$(curl -s localhost)" ]',
    "[[ $(curl -s localhost) == * ]]", '[[ "$(curl -s localhost)" =~ .* ]]', '[ -n "x$(curl -s localhost)" ]',
    "[ \"$(curl -so /dev/null -w '%{http_code}' localhost)\" = 000 ]",
    "find /tmp/beat -mmin -1 -o -true | grep -q .",
    "python -c \"import urllib.request as r; r.urlopen('http://localhost') if 0 else None\"",
    "python -c \"import urllib.request as r; 0 and r.urlopen('http://localhost')\"",
    "python -c \"import urllib.request as r; True or r.urlopen('http://localhost')\"",
    "python -c \"import urllib.request as r; r.urlopen('file:///etc/hostname')\"",
    "python -c \"import requests; requests.get('http://localhost').ok\"",
    "python -c \"import requests; print(requests.get('http://localhost').status_code)\"",
    "node -e \"require('http').get('http://localhost', r => r.resume())\"",
    "node -e \"require('http').get('http://localhost', r => process.exit(0))\"",
    "node -e \"fetch('http://localhost').then(() => {}, () => {})\"",
    "node -e \"fetch('http://localhost').then(r => process.exit(r.ok ? 0 : 0))\"",
    "node -e \"fetch('http://localhost').then(r => r.ok).finally(() => process.exit(0))\"",
    "exec 3<>/dev/tcp/127.0.0.1/80; exit 0", "exec 3<>/dev/tcp/127.0.0.1/80; echo x >&3; exit 0",
]  # fmt: skip

PROVES = [
    # Keycloak's.
    "exec 3<>/dev/tcp/127.0.0.1/9000; echo -e 'GET /health/ready' >&3; if [ $? -eq 0 ]; then exit 0; else exit 1; fi",
    "{ printf 'HEAD /health/ready HTTP/1.0\\r\\n\\r\\n' >&0; grep 'HTTP/1.0 200'; } 0<>/dev/tcp/localhost/9000",
    "exec 3<>/dev/tcp/127.0.0.1/80; cat <&3 | grep OK", "ss -ltn | grep -q LISTEN", "ss -Hltn sport = :80 | grep -q .",
    "ss -ltn | awk '$4 ~ /:80$/ {found = 1} END {exit !found}'", "netstat -ltn | grep -q 6379", "lsof -i :80",
    "env - curl -f http://localhost", "[ $(curl -so /dev/null -w '%{http_code}' http://localhost) -eq 200 ]",
    "curl -f http://user@localhost", "python manage.py check_queue",
    "exec curl -f http://localhost", "exec curl -f http://localhost || true", "setsid -w curl -f http://localhost",
    "[ -x /usr/bin/curl ] && curl -f http://localhost", "PGHOST=/run/postgresql pg_isready",
    "PGHOST=127.0.0.1 pg_isready",
    "PGHOST=$HOST pg_isready", "http_proxy= curl -f http://localhost", "LD_LIBRARY_PATH=/opt/lib pg_isready",
    "psql 'dbname=x host=localhost' -c \"select 1 from x where host='db'\"", "grpc_health_probe -addr :50051",
    "rabbitmqctl -n rabbit@localhost status", "netstat -an | grep LISTEN | grep -q :80",
    "netstat -an | grep 0.0.0.0:80",
    "netstat -tulpn | grep 80", "ss -tn state listening sport = :80 | grep -q .", "grep -q 0100007F:1F90 /proc/net/tcp",
    "cat /proc/net/tcp /proc/net/tcp6 | grep -q :1F90", "[ x$(redis-cli ping) = xPONG ]", "test \"$(redis-cli ping)\"",
    "python -c \"import redis; redis.Redis(host='localhost').ping()\"",
    "python -c \"import requests; exit(requests.get('http://localhost').status_code != 200)\"",
    "python -c \"import requests; assert requests.get('http://localhost').ok\"",
    "node -e \"fetch('http://localhost').then(({ok}) => process.exit(ok ? 0 : 1))\"",
    "node -e \"require('http').get({host: 'localhost', headers: {host: 'a.example.com'}}, "
    "r => process.exit(r.statusCode < 400 ? 0 : 1))\"",
]  # fmt: skip


def test_what_a_check_asks() -> None:
    assert {script for script in PROVES_NOTHING if not proves_nothing(["CMD-SHELL", script])} == set()
    assert {script for script in PROVES if proves_nothing(["CMD-SHELL", script])} == set()
