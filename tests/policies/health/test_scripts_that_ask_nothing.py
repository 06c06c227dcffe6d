"""Scripts that say healthy whatever the service does."""

from __future__ import annotations

from policies.health.command import proves_nothing

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


def test_a_script_that_asks_nothing_proves_nothing() -> None:
    assert [script for script in ASK_NOTHING if not proves_nothing(["CMD-SHELL", script])] == []
