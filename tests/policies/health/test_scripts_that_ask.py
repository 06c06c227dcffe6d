"""Scripts that ask the service."""

from __future__ import annotations

from policies.health.command import proves_nothing

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


def test_a_script_that_asks_the_service_is_a_check() -> None:
    assert [script for script in ASK if proves_nothing(["CMD-SHELL", script])] == []
