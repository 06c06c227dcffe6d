"""What a health check asks: the service, or nothing."""

from __future__ import annotations

import pytest

from policies.health.command import is_own_host, proves_nothing

#: Scripts that say healthy whatever the service does, by the trick.
ASK_NOTHING = r"""
ps aux | grep nginx
ps aux | grep -v grep | grep nginx
ps -C nginx
pgrep nginx
pgrep -x nginx || exit 1
pidof nginx
top -b -n1 | grep nginx
nginx -t
nginx -t || exit 1
nginx -q -t
nginx -tq
nginx -t -c /etc/nginx/nginx.conf
nginx -c /etc/nginx/nginx.conf -t
/usr/sbin/nginx -T
timeout 5 nginx -t
nginx -v
nginx -V
nginx -V -q
apachectl configtest
httpd -t
haproxy -c -f /etc/haproxy/haproxy.cfg
named-checkconf
sshd -t
php-fpm -t
caddy validate --config /etc/caddy/Caddyfile
promtool check config /etc/prometheus.yml
envoy --mode validate -c /etc/envoy.yaml
nats-server -t -c /etc/nats.conf
redis-server --version
java -version
psql --version
openssl version
openssl x509 -checkend 0 -noout -in /etc/tls/cert.pem
curl file:///etc/hostname
curl -f file:///etc/hostname
curl -fs FILE:///etc/passwd
curl --version
curl -V
curl -h
curl -f
curl http://localhost
curl -s http://localhost/ || exit 1
curl -sS --max-time 5 localhost:8080
curl -so/dev/null http://127.0.0.1
curl -f http://localhost || true
curl -f http://localhost ; exit 0
curl -f http://localhost | cat
curl -f http://localhost | tee /tmp/x
curl -s http://localhost | head -1
curl -s http://localhost | wc -l
curl -s localhost | jq .
curl -f http://localhost || pgrep nginx
curl -f http://localhost || test -f /tmp/x
curl -f http://localhost; test -f /tmp/x
curl -f http://localhost & wait
curl -f http://localhost > /dev/null; true
curl -f http://localhost && exit 0 || exit 0
curl -x http://proxy:3128 -f http://localhost
curl -f --proxy=http://proxy:3128 http://localhost
curl -f --connect-to ::example.com: http://localhost
curl -fs http://example.com
curl -f https://example.com/ http://localhost
curl -sf http://1.1.1.1
curl -f http://localhost.example.com
curl -f http://localhost@example.com/
wget -q --spider http://example.com
wget -q --spider http://postgres:5432
wget -qO- http://169.254.169.254/
wget --version
nc -z postgres 5432
nc -z 8.8.8.8 53
nc -w 2 -z db 5432
nc -l 8080
nc -zu localhost 53
telnet example.com 80
socat - TCP:db:5432
psql -h db -c 'select 1'
pg_isready -h db
pg_isready --host=db.example.com
redis-cli -h redis ping
mysqladmin ping -hdb
! curl -f http://localhost
! redis-cli ping
pgrep nginx || curl -f http://localhost
[ -f /tmp/skip ] || curl -f http://localhost
test -f /tmp/skip || curl -f http://localhost
[ -f /tmp/skip ] && exit 0; curl -f http://localhost
if [ -f /tmp/starting ]; then exit 0; fi; curl -f http://localhost
touch /tmp/x
mkdir -p /tmp/x
echo ok > /tmp/x
test -f /tmp/x
[ -f /tmp/x ]
[ -e /run/nginx.pid ]
[ -s /tmp/x ]
[ -S /run/app.sock ]
ls /tmp/x
stat /tmp/beat
cat /tmp/x
cat /tmp/x | grep ok
grep -q ok /tmp/state
grep -q ok /var/log/nginx/access.log
tail -n1 /var/log/app.log | grep -q started
head -1 /tmp/x
mountpoint /data
df /data
df -h | grep /data
free -m | awk '{exit 0}'
ls /proc/1/exe
readlink /proc/1/exe
cat /proc/1/cmdline | grep nginx
grep -q nginx /proc/1/comm
tr '\0' ' ' < /proc/1/cmdline | grep -q nginx
service nginx status
systemctl is-active nginx
kill -0 1
kill -0 $$
kill -0 -1
kill -0 $(pidof nginx)
kill -0 $(pgrep -o nginx)
kill -0 `pgrep nginx`
[ 1 = 1 ]
[ "$READY" = 1 ]
[ -n "$HOSTNAME" ]
[ $(date +%s) -gt 0 ]
[ $(stat -c %s /tmp/beat) -gt 0 ]
[ $(stat -c %Y /tmp/beat) -gt 0 ]
[ 1 = 1 -o "$(curl -s localhost)" = ok ]
[[ 1 == 1 || $(curl -s localhost) == ok ]]
[ -z "$(curl -s localhost)" ]
[ "$(curl -s localhost)" != DOWN ]
X=$(curl -s http://localhost); X=ok; [ "$X" = ok ]
(( 1 < 2 ))
expr 1 \< 2
test 0 -lt $(nproc)
sh -c ""
sh -c "true"
sh -c "nginx -t"
sh -c "$(true); true"
sh -c "true $X"
bash -n /healthcheck.sh
su nginx -c true
su -s /bin/sh nginx -c "exit 0"
gosu nginx true
gosu nginx nginx -t
su-exec nginx nginx -t
setpriv --reuid=1000 true
runuser -u nginx -- true
flock /tmp/lock true
chroot / true
busybox nginx -t
busybox ps
env X=1 true
xargs true
echo 1 | xargs test 1 =
date
sleep 1
echo ok
which nginx
env
hostname
id nginx
getent hosts nginx
ping -c 1 localhost
dig example.com
nslookup localhost
for i in 1; do true; done
for i in; do curl -f http://localhost; done
while true; do curl -f http://localhost; break; done
if pgrep nginx; then exit 0; else exit 1; fi
if curl -f http://localhost; then exit 0; else exit 0; fi
case $(hostname) in x) exit 1;; *) exit 0;; esac
case "$(curl -s localhost)" in 5*) exit 1;; *) exit 0;; esac
case "$(curl -s localhost)" in *) exit 0;; esac
: $(curl -f http://localhost)
echo $(curl -f http://localhost)
export X=$(curl -f http://localhost)
exec 3<>/dev/udp/127.0.0.1/53
</dev/tcp/10.0.0.1/80
bash -c '</dev/tcp/example.com/80'
python3 -c pass
python3 -c "import socket"
python3 -c "print('urlopen(http://localhost)')"
python3 -c "# urllib.request.urlopen('http://localhost')"
python3 -c "lambda: urlopen('http://localhost')"
python3 -c "import sys; sys.exit(0)"
python3 -c "import os; os.getpid()"
python3 -c "import time; time.sleep(1)"
python3 -c "import os; os.stat('/tmp/x')"
python3 -c "import os; os.environ.get('X')"
python3 -c "import os; os.path.getmtime('/tmp/beat')"
python3 -c "import requests; requests.get('http://localhost')"
python3 -c "import requests; print(requests.__version__)"
python3 -c "import sys; sys.exit(0); import urllib.request; urllib.request.urlopen('http://localhost')"
python3 -c "import urllib.request as r; r.urlopen('http://example.com')"
python3 -c "import socket; s=socket.socket(); s.connect_ex(('127.0.0.1', 80))"
python3 -m json.tool /etc/x.json
python3 -m this
python3 --version
python3
node -e 0
node -e "process.exit(0)"
node -e "require('http')"
node -e "process.exit(0); require('http').get('http://localhost')"
node -e "fetch('http://localhost').catch(()=>{})"
node -e "fetch('http://localhost').catch(() => process.exit(0))"
node -e "require('http').get('http://localhost').on('error', () => {})"
node -e "console.log('fetch(http://localhost)')"
node -e "// fetch('http://localhost')"
node -e "if (0) fetch('http://localhost')"
node -e "fetch('https://example.com').then(r => process.exit(r.ok ? 0 : 1))"
node --check /app/server.js
perl -e 1
perl -e "exit 0"
perl -c /app/x.pl
ruby -e "puts 1"
php -r "echo 1;"
php -l /app/index.php
touch /tmp/beat; [ $(($(date +%s) - $(stat -c %Y /tmp/beat))) -lt 60 ]
date > /tmp/beat && [ $(($(date +%s) - $(stat -c %Y /tmp/beat))) -lt 60 ]
echo x | tee /tmp/beat; test $(find /tmp/beat -mmin -1)
[ $(($(date +%s) - $(stat -c %Y /etc/hostname))) -lt 60 ]
[ $(($(date +%s) - $(stat -c %Y /tmp))) -lt 60 ]
[ $(($(date +%s) - $(stat -c %Y /tmp/beat))) -lt 99999999 ]
[ $(($(date +%s) - $(stat -c %Y /tmp/beat))) -gt 60 ]
[ $(($(date +%s) - $(date +%s))) -lt 60 ]
find /tmp -mmin -1 | grep -q .
find /proc -mmin -1 | grep -q .
find /tmp/beat | grep -q .
find /tmp/beat -mmin -1
find /tmp/beat -mmin -1 | cat
find /tmp/beat -mmin -999999 | grep -q .
find /tmp/beat -mtime -30 | grep -q .
test $(find /tmp/beat -mmin +1)
test $(find /tmp/beat ! -mmin -1)
[ -z "$(find /tmp/beat -mmin -1)" ]
[ /tmp/beat -nt /etc/passwd ]
curl -f http://localhost; test $? -lt 256
curl -f http://localhost; [ $? -ge 0 ]
curl -f http://localhost; [ $? -ne 1 ]
if ! curl -f http://localhost; then echo bad; fi
nginx -s reopen
T=true; $T
xargs -r curl -f http://localhost < /dev/null
sqlite3 :memory: 'select 1'
php -r 'fsockopen("localhost", 80); exit(0);'
perl -MIO::Socket -e 'IO::Socket::INET->new("localhost:80"); exit 0'
sh /dev/null
. /etc/profile
python3 /dev/null
/proc/self/exe
/lib64/ld-linux-x86-64.so.2 /bin/true
test -n 'curl -f http://localhost'
true curl -f http://localhost
sh -c 'exit 0' -- curl -f http://localhost
find / -maxdepth 0 -exec curl -f http://localhost \;
[ -d /proc/$(cat /run/nginx.pid) ]
curl -s localhost > /tmp/x; grep ok /tmp/x
curl -f http://2130706433/
curl -f http://host.docker.internal/
nginx -t 2>&1 | grep successful
""".strip().splitlines()

#: Scripts that ask the service, and fail where it doesn't answer.
ASK = r"""
curl -f http://localhost
curl -fsS http://127.0.0.1:8080/healthz
curl --fail --silent http://localhost || exit 1
curl --fail-with-body localhost:8080/health
curl -sf -o /dev/null -H 'Host: example.com' http://[::1]:8080/
curl -f -X GET --max-time 3 http://0.0.0.0:80/ > /dev/null 2>&1 || exit 1
curl -sSfk https://localhost:8443/ || kill 1
curl -f --unix-socket /run/app.sock http://localhost/
curl -f http://$HOSTNAME:8080/
curl -f "http://$(hostname -i):8080/health"
curl -f "$URL"
curl -s http://localhost/health | grep -q ok
curl -s http://localhost:9200/_cluster/health | grep -vq '"status":"red"'
curl -s localhost/health | jq -e '.status == "ok"'
curl -s localhost/health | python3 -c "import json,sys; sys.exit(json.load(sys.stdin)['status'] != 'ok')"
[ "$(curl -s -o /dev/null -w '%{http_code}' http://localhost)" = 200 ]
[ "$(curl -s -o /dev/null -w '%{http_code}' http://localhost)" -eq 200 ] || exit 1
status=$(curl -s -o /dev/null -w '%{http_code}' http://localhost); [ "$status" = 200 ]
status=$(curl -so /dev/null -w '%{http_code}' http://localhost); test "$status" -eq 200 || exit 1
[[ $(curl -s localhost/health) == *ok* ]]
[[ "$(curl -s localhost/health)" =~ ok && -f /tmp/ready ]]
if [ "$(redis-cli ping)" != PONG ]; then exit 1; fi
case "$(curl -s localhost)" in *ok*) exit 0;; *) exit 1;; esac
case "$(curl -s localhost)" in *ok*) ;; *) exit 1;; esac
wget -q --spider http://localhost
wget -qO- http://127.0.0.1:8080/ || exit 1
wget --no-verbose --tries=1 --spider http://localhost:3000/ || exit 1
wget -nv -t1 --spider localhost:8080/health
nc -z localhost 5432
nc -zv -w 3 127.0.0.1 6379
echo ruok | nc localhost 2181 | grep imok
printf 'PING\r\n' | nc -w1 localhost 6379 | grep -q PONG
echo PING | socat - UNIX-CONNECT:/run/app.sock | grep PONG
socat /dev/null TCP:localhost:8080
openssl s_client -connect localhost:443 < /dev/null
bash -c '</dev/tcp/127.0.0.1/80'
exec 3<>/dev/tcp/localhost/6379 && echo PING >&3 && head -1 <&3 | grep -q PONG
timeout 5 bash -c 'cat < /dev/null > /dev/tcp/127.0.0.1/5432'
ss -ltn | grep -q :8080
netstat -ltn | grep -q 6379
lsof -i :8080
grep -q :1F90 /proc/net/tcp
dig @127.0.0.1 +short example.com
nslookup example.com 127.0.0.1
pg_isready
pg_isready -U app -d app -h 127.0.0.1 -q
pg_isready -U $POSTGRES_USER -d "$POSTGRES_DB" || exit 1
psql -h localhost -U app -tAc 'select 1' | grep -q 1
psql -U app -c 'select 1'
redis-cli ping
redis-cli ping | grep PONG
redis-cli --no-auth-warning -a "$REDIS_PASSWORD" ping | grep -q PONG
[ "$(redis-cli ping)" = PONG ]
test "$(redis-cli -h localhost ping)" = "PONG"
valkey-cli -t 3 ping
mysqladmin ping -h localhost
mysqladmin ping -h 127.0.0.1 -u root -p"$MYSQL_ROOT_PASSWORD"
mariadb-admin ping
healthcheck.sh --connect --innodb_initialized
mongosh --eval 'db.adminCommand("ping").ok' --quiet
mongosh --quiet --eval 'quit(db.runCommand({ping: 1}).ok ? 0 : 2)'
echo 'db.runCommand("ping").ok' | mongosh localhost:27017/test --quiet
rabbitmq-diagnostics ping
rabbitmq-diagnostics -q check_running
rabbitmqctl status
nats server ping
nats --server localhost:4222 rtt
celery -A app inspect ping -d celery@$HOSTNAME
celery -A app inspect ping || exit 1
grpc_health_probe -addr=:50051
grpc_health_probe -addr=localhost:50051 -connect-timeout 2s
kafka-topics.sh --bootstrap-server localhost:9092 --list
kafka-broker-api-versions.sh --bootstrap-server localhost:9092
cqlsh -e 'describe cluster'
clickhouse-client --query 'SELECT 1'
etcdctl endpoint health
consul members
vault status
minio-health live
mc ready local
traefik healthcheck --ping
/app healthcheck
/healthcheck
/app/bin/probe http://example.com
/usr/local/bin/healthcheck.sh -v http://localhost
tasktracker probe http://127.0.0.1:8000/api/health
backup-health
cloudflared tunnel --metrics localhost:2000 ready
supervisorctl status web
mosquitto_sub -t '$SYS/#' -C 1 -W 3
memcached-tool localhost:11211 stats
ldapsearch -x -H ldap://localhost -b '' -s base
varnishadm ping
php-fpm-healthcheck
cgi-fcgi -bind -connect 127.0.0.1:9000
SCRIPT_NAME=/ping SCRIPT_FILENAME=/ping REQUEST_METHOD=GET cgi-fcgi -bind -connect 127.0.0.1:9000 | grep pong
python manage.py check_health
python /app/health.py
python3 -m app.health
python3 -c "import urllib.request as r; r.urlopen('http://127.0.0.1')"
python -c "import socket; socket.create_connection(('localhost', 8080), 2)"
python -c "import requests; requests.get('http://localhost:8000/health').raise_for_status()"
python -c "import httpx,sys; sys.exit(0 if httpx.get('http://localhost').status_code == 200 else 1)"
python -c "from http.client import HTTPConnection as H; c=H('localhost'); c.request('GET','/'); c.getresponse()"
python -c "import socket,sys; s=socket.socket(); sys.exit(s.connect_ex(('127.0.0.1', 80)))"
python -c "from app.health import check; check()"
python -c "import os,sys,time; sys.exit(time.time() - os.path.getmtime('/tmp/beat') > 60)"
python -c "import os,time; assert time.time() - os.stat('/tmp/beat').st_mtime < 60"
node healthcheck.js
node -e "require('http').get('http://localhost:3000/', r => process.exit(r.statusCode === 200 ? 0 : 1))"
node -e "fetch('http://localhost:3000').then(r => process.exit(r.ok ? 0 : 1)).catch(() => process.exit(1))"
node -e "require('net').connect(3000)"
node -e "require('./healthcheck')"
perl -MIO::Socket::INET -e 'IO::Socket::INET->new("localhost:80") or exit 1'
perl -e 'exit(time - (stat "/tmp/beat")[9] > 60)'
ruby -rnet/http -e "exit Net::HTTP.get_response(URI('http://localhost:3000')).is_a?(Net::HTTPSuccess)"
php -r "exit(@fsockopen('127.0.0.1', 9000) ? 0 : 1);"
php -r "file_get_contents('http://localhost/health') or exit(1);"
php artisan health:check
kill -0 $(cat /run/app.pid)
kill -0 "$(cat /var/run/nginx.pid)" && curl -f http://localhost
pgrep nginx && curl -f http://localhost
test -f /tmp/ready && curl -f http://localhost
nginx -t && curl -f http://localhost
for port in 80 443; do nc -z localhost $port || exit 1; done
for i in 1 2 3; do curl -f http://localhost && exit 0; sleep 1; done; exit 1
until curl -f http://localhost; do sleep 1; done
while ! nc -z localhost 80; do sleep 1; done
if ! curl -f http://localhost; then echo down; exit 1; fi; echo ok
if curl -f http://localhost; then echo ok; else exit 1; fi
curl -f http://localhost; code=$?; echo $code; exit $code
curl -f http://localhost; if [ $? -ne 0 ]; then exit 1; fi
curl -f http://localhost; [ $? = 0 ]
su app -c 'curl -f http://localhost'
gosu postgres pg_isready
su-exec redis redis-cli ping
env PGPASSWORD="$P" psql -h localhost -c 'select 1'
[ $(($(date +%s) - $(stat -c %Y /tmp/beat))) -lt 60 ]
[ $(( $(date +%s) - $(stat -c %Y /tmp/beat) )) -le 60 ] || exit 1
test $(( $(date +%s) - $(stat -c '%Y' /tmp/heartbeat) )) -lt 120
test "$(( $(date +%s) - $(date -r /tmp/beat +%s) ))" -lt 60
[ $(stat -c %Y /tmp/beat) -gt $(($(date +%s) - 60)) ]
[ $(( $(date +%s) - $(cat /tmp/beat) )) -lt 60 ]
[ "$(($(date +%s) - $(stat --format=%Y /run/worker/beat)))" -lt "${MAX_AGE:-60}" ]
now=$(date +%s); beat=$(stat -c %Y /tmp/beat); [ $((now - beat)) -lt 60 ]
age=$(( $(date +%s) - $(stat -c %Y /tmp/beat) )); if [ $age -gt 60 ]; then exit 1; fi
(( $(date +%s) - $(stat -c %Y /tmp/beat) < 60 ))
[ $(expr $(date +%s) - $(stat -c %Y /tmp/beat)) -lt 60 ]
[ $((EPOCHSECONDS - $(stat -c %Y /tmp/beat))) -lt 60 ]
find /tmp/beat -mmin -1 | grep -q .
find /tmp/beat -mmin -1 | grep -q beat || exit 1
find /run/app -name beat -mmin -2 | grep -q .
test $(find /tmp/beat -mmin -1)
test -n "$(find /tmp/beat -mmin -1)"
[ -n "$(find /tmp/beat -newermt '-60 seconds')" ]
test `find /tmp/beat -mmin -1 | wc -l` -eq 1
[ -z "$(find /tmp/beat -mmin +1)" ]
touch -d '-1 minute' /tmp/ref && [ /tmp/beat -nt /tmp/ref ]
""".strip().splitlines()

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


def test_a_script_that_asks_nothing_proves_nothing() -> None:
    assert [script for script in ASK_NOTHING if not proves_nothing(["CMD-SHELL", script])] == []


def test_a_script_that_asks_the_service_is_a_check() -> None:
    assert [script for script in ASK if proves_nothing(["CMD-SHELL", script])] == []


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
