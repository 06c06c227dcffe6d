"""Ways from outside to a monitoring port or a data store that no published port shows, and what only looks like one."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence
from typing import Any

import pytest

from policies.docker.monitoring.findings import OPEN
from policies.docker.network.known_ports import INTERNAL_PORTS, MAX_PORT, MONITORING_PORTS, STORE_PORTS, named
from policies.docker.network.ports import TUNNEL_CONFIGS
from policies.evaluate import findings
from policies.resource import Resource
from policies.rule import Scope
from tests.policies.cases import Case, of_each_rule, rule_of, run_all
from tests.policies.compliant import carrier, container, make, service

SPEC = "taskSpec.containerSpec"


def labels(name: str, *more: tuple[str, str]) -> list[dict[str, str]]:
    pairs = (("stack", "prod"), ("service", name), *more)
    return [{"label": label, "value": value} for label, value in pairs]


def of(service_name: str, image: str, *, aliases: tuple[str, ...] = (), **changes: Any) -> Resource:
    """A container that publishes nothing."""
    networks = [{"name": "tasktracker-prod-edge", "aliases": list(aliases or (service_name,))}]
    properties = {"image": image, "ports": [], "labels": labels(service_name), "networksAdvanced": networks, **changes}
    return container(properties, name=service_name)


NGINX = "registry.example.com/tasktracker/nginx:1.2.3"
APP = "registry.example.com/tasktracker/api:1.2.3"


def encoded(content: str) -> str:
    return base64.b64encode(content.encode()).decode()


def compressed(content: str) -> str:
    return base64.b64encode(gzip.compress(content.encode())).decode()


def nginx(*envs: str) -> tuple[Resource]:
    """nginx behind a tunnel, with a template that the image has."""
    return (of("nginx", NGINX, envs=list(envs)),)


def edge(*envs: str) -> tuple[Resource]:
    """A proxy that nothing but its image tells."""
    return (of("edge", "openresty/openresty:1.27", envs=list(envs)),)


def runs(*command: str, key: str = "command") -> tuple[Resource]:
    return (of("helper", "debian:trixie", **{key: list(command)}),)


def file(content: str, **changes: Any) -> tuple[Resource]:
    return (carrier({"uploads": [{"file": "/etc/x", "content": content}], **changes}),)


def tunnel(destination: str) -> Resource:
    return make(TUNNEL_CONFIGS[0], {"config": {"ingresses": [{"service": destination}]}}, name="tunnel")


#: Environments of a proxy that publishes nothing.
ENVS = (
    "NATS_UPSTREAM=nats:8222", "UPSTREAM=http://nats:8222", "UPSTREAMS=api:8000,nats:8222", "NATS_PORT=8222",
    "NATS_PORT=08222", "NATS_PORT= 8222 ", "NATS_PORT='8222'", "MONITOR=172.20.1.4:8222", "MONITOR=[fd00::4]:8222",
    "PORTS=8000,8222", "TARGETS=nats 8222", "BACKEND=nats|8222", "X=8428", "LOGS=victorialogs:9428", "A=vmalert:8880",
    "B=http://blackbox:9115/probe", "REDIS_EXPORTER=redis-exporter:9121", "UPSTREAM=postgres:5432",
    "BACKEND_PORT=6379", "STREAM_TARGET=nats:4222", "NGINX_UPSTREAM_PORTS=8220-8230",
)  # fmt: skip

#: Commands of a container that publishes nothing, which pass on what they receive.
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("socat", "TCP-LISTEN:8080,fork", "TCP:nats:8222"),
    ("socat", "TCP-LISTEN:8080,fork,reuseaddr", "TCP4:postgres:5432"),
    ("socat", "TCP-LISTEN:8080,fork", "TCP:postgres:postgresql"),
    ("socat", "TCP-LISTEN:8080,fork", "TCP:nats:0x201e"),
    ("socat", "TCP-LISTEN:8080,fork", "TCP:nats:020036"),
    ("socat", "UNIX-LISTEN:/run/x,fork", "TCP:nats:8222"),
    ("sh", "-c", "P=8222; exec socat TCP-LISTEN:8080,fork TCP:nats:$P"),
    ("/usr/bin/ncat", "-lk", "8080", "--sh-exec", "ncat nats 8222"),
    ("sh", "-c", "mkfifo /tmp/f; nc -l -p 8080 </tmp/f | nc nats 8222 >/tmp/f"),
    ("ssh", "-N", "-L", "0.0.0.0:8080:nats:8222", "x@localhost"),
    ("autossh", "-R", "80:nats:8222", "serveo.net"),
    ("sh", "-c", "iptables -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 172.20.1.4:8222; sleep 9d"),
    ("nft", "add rule nat prerouting tcp dport 80 dnat to 172.20.1.4:5432"),
    ("python3", "-c", "import socketserver as s,socket\nsocket.create_connection(('nats', 8222))"),
    ("node", "-e", "require('net').createServer(c=>c.pipe(require('net').connect(8222,'nats')).pipe(c)).listen(80)"),
    ("perl", "-MIO::Socket", "-e", "IO::Socket::INET->new(PeerAddr=>'nats',PeerPort=>8222)"),
    ("ruby", "-rsocket", "-e", "TCPServer.new(80); TCPSocket.new('postgres', 5432)"),
    ("bash", "-c", "coproc nc -l 80; exec 3<>/dev/tcp/nats/8222"),
    ("caddy", "reverse-proxy", "--from", ":80", "--to", "grafana:3000"),
    ("sh", "-c", "printf 'listen x :80\\n server n nats:8222\\n' >/tmp/h; haproxy -f /tmp/h"),
    ("sh", "-c", "echo '0.0.0.0 80 nats 8222' >/tmp/r; rinetd -c /tmp/r"),
    ("cloudflared", "tunnel", "--url", "http://nats:8222"),
    ("ngrok", "tcp", "postgres:5432"),
    ("sh", "-c", "nginx -g 'stream { server { listen 80; proxy_pass postgres:5432; } }'"),
    ("gost", "-L=tcp://:80/nats:8222"),
    ("traefik", "--entrypoints.web.address=:80", "--x.servers=http://nats:8222"),
    ("kubectl", "port-forward", "svc/nats", "80:8222"),
    ("tailscale", "serve", "http://nats:8222"),
    ("systemd-socket-proxyd", "nats:8222"),
    ("tcpsvd", "0", "8080", "nc", "nats", "8222"),
    ("6tunnel", "80", "nats", "8222"),
    ("inlets-pro", "tcp", "client", "--upstream", "nats", "--ports", "8222"),
    ("lt", "--port", "8222", "--local-host", "nats"),
    ("sh", "-c", "a=82 b=22; socat TCP-LISTEN:80,fork TCP:nats:$a$b"),
    ("sh", "-c", "socat TCP-LISTEN:80,fork TCP:nats:8'2'22"),
    ("sh", "-c", "socat TCP-LISTEN:80,fork TCP:nats:82\\22"),
    ("socat", "TCP-LISTEN:8080,fork", "UNIX-CONNECT:/var/run/postgresql/.s.PGSQL.5432"),
    ("envoy", "--config-yaml", '{"endpoint":{"address":{"socket_address":{"address":"nats","port_value":8222}}}}'),
    ("sh", "-c", f"echo {base64.b64encode(b'socat TCP-LISTEN:80,fork TCP:nats:8222').decode()} | base64 -d | sh"),
)  # fmt: skip

#: Files of proxies that lead to a data store or to a monitoring port.
FILES = {
    "stream to postgres": "stream { server { listen 5000; proxy_pass postgres:5432; } }",
    "stream to an upstream": "stream { upstream db { server postgres:5432; } server { proxy_pass db; } }",
    "by SNI": "stream { map $ssl_preread_server_name $to { default api:443; db.example.com postgres:5432; } "
    "server { proxy_pass $to; ssl_preread on; } }",
    "redis": "stream { server { listen 80; proxy_pass redis:6379; } }",
    "nats": "stream { server { listen 80; proxy_pass nats:4222; } }",
    "mongodb": "stream { server { listen 80; proxy_pass mongo:27017; } }",
    "mysql": "stream { server { listen 80; proxy_pass db:3306; } }",
    "another module's pass": "location / { postgres_pass postgres:5432; }",
    "another module's upstream": "upstream db { postgres_server postgres:5432; }",
    "memcached": "location / { memcached_pass memcached:11211; }",
    "victoriametrics": "location /vm { proxy_pass http://vm:8428; }",
    "victorialogs": "location /vl { proxy_pass http://vl:9428; }",
    "vmalert": "location /a { proxy_pass http://vmalert:8880; }",
    "blackbox": "location /b { proxy_pass http://blackbox:9115; }",
    "redis exporter": "location /r { proxy_pass http://redis-exporter:9121; }",
    "snippet": "proxy_pass http://nats:8222",
    "docker's API": "location / { proxy_pass http://dind:2375; }",
    "njs": "async function f(r) { let a = await ngx.fetch('http://nats:8222/varz'); r.return(200, await a.text()); }",
    "njs in pieces": "const port = 8222;\nasync function f(r) { await ngx.fetch('http://api/'); }",
    "lua": "local s = ngx.socket.tcp()\ns:connect('nats', 8222)",
    "lua's balancer": "balancer_by_lua_block { require('ngx.balancer').set_current_peer('nats', 8222) }",
    "behind lua": "content_by_lua_block { -- don't\n } location / { proxy_pass http://nats:8222; } # don't",
    "haproxy's port": "frontend f\n  http-request set-dst-port int(8222)\n",
    "haproxy": "backend b\n  mode tcp\n  server db postgres:5432 check\n",
    "caddy's layer 4": '{"handler": "proxy", "upstreams": [{"dial": ["x"]}], "x": {"dial": "postgres:5432"}}',
    "traefik in TOML": '[[http.services.n.loadBalancer.servers]]\n  url = "http://nats:8222"\n',
    "traefik for TCP": "tcp:\n  services:\n    db:\n      loadBalancer:\n"
    "        servers:\n        - address: postgres:5432\n",
    "envoy": "socket_address: {address: postgres, port_value: 5432}",
    "cloudflared": "ingress:\n- hostname: db.example.com\n  service: tcp://postgres:5432\n",
    "stunnel": "[db]\naccept = 443\nconnect = postgres:5432\n",
}

#: Files with which a request, or what nobody knows, chooses the destination.
OPEN_FILES = {
    "capture as a port": "location ~ ^/p/(\\d+)/ { proxy_pass http://nats:$1; }",
    "capture as a host": "location ~ ^/h/([^/]+)/(.*) { proxy_pass http://$1/$2; }",
    "argument": "location / { proxy_pass http://$arg_target; }",
    "argument in braces": "location / { proxy_pass 'http://${arg_target}'; }",
    "argument alone": "location / { proxy_pass $arg_url; }",
    "header": "location / { proxy_pass http://$http_x_target:80; }",
    "cookie": "location / { proxy_pass http://nats:$cookie_port/; }",
    "host": "location / { proxy_pass http://$host; }",
    "host in capitals": "location / { proxy_pass http://$Http_Host; }",
    "named capture": "location ~ ^/x/(?<p>\\d+) { proxy_pass http://nats:$p; }",
    "capture of Python's form": "server { server_name ~^(?P<sub>.+)\\.example\\.com$; "
    "location / { proxy_pass http://$sub; } }",
    "quoted capture": "if ($uri ~ \"(?'t'.+)\") { proxy_pass http://$t; }",
    "set from an argument": "set $t $arg_t; location / { proxy_pass http://$t; }",
    "set in two steps": "set $a $arg_t; set $t nats:$a; location / { proxy_pass http://$t; }",
    "set and captured": "set $p 8000; location ~ (?<p>\\d+) { proxy_pass http://nats:$p; }",
    "map to what came": "map $arg_t $to { default api:8000; ~^(.+)$ $1; } location / { proxy_pass http://$to; }",
    "map with a file": "map $arg_t $to { default api:8000; include more; } location / { proxy_pass http://$to; }",
    "map of a capture": "map $uri $to { ~^/(?<h>[a-z]+) $h; } location / { proxy_pass http://$to; }",
    "script": "js_set $to main.to; location / { proxy_pass http://$to; }",
    "lua": "set_by_lua_block $to { return ngx.var.arg_t } location / { proxy_pass http://$to; }",
    "answer of another": "auth_request_set $to $upstream_http_x_to; location / { proxy_pass http://$to; }",
    "key-value zone": "keyval $arg_k $to zone=z; location / { proxy_pass http://$to; }",
    "SNI": "stream { server { proxy_pass $ssl_preread_server_name:443; ssl_preread on; } }",
    "behind the host": "location ~ /(.*) { proxy_pass http://api$1; }",
    "arguments behind the host": "location / { proxy_pass http://api$args; }",
    "socket": "location ~ /(.*) { proxy_pass http://unix:/run/$1.sock:/; }",
    "grpc": "location / { grpc_pass grpc://$http_x; }",
    "fastcgi": "location / { fastcgi_pass $arg_f; }",
    "uwsgi": "location / { uwsgi_pass $arg_f; }",
    "upstream's server": "upstream u { server $nats_host:80; }",
    "template": "location / { proxy_pass http://nats:${NATS_PORT}; }",
    "too many values": "".join(f"set $v{i} a; set $v{i} b; " for i in range(12))
    + "proxy_pass http://" + "".join(f"$v{i}" for i in range(12)) + ";",
    "a variable of itself": "set $a x$a; proxy_pass http://$a;",
    "njs": "async function f(r) { return ngx.fetch('http://' + r.args.t); }",
    "njs with a template": "async function f(r) { return ngx.fetch(`http://nats:${r.args.p}/`); }",
    "njs with a variable": "const u = 'http://nats:' + (8000 + 200); ngx.fetch(u)",
    "lua's socket": "local s = ngx.socket.tcp()\ns:connect(ngx.var.arg_h, 80)",
    "lua's client": "local h = require('resty.http').new()\nh:request_uri(ngx.var.arg_u)",
    "caddy's header": "x.example.com {\n  reverse_proxy {header.X-To}:80\n}",
    "caddy's query": ":80 {\n  reverse_proxy http://{query.to}\n}",
    "caddy's path": ":80 {\n  reverse_proxy nats:{http.request.uri.path.0}\n}",
    "caddy's environment": ":80 {\n  reverse_proxy {$NATS}\n}",
    "caddy's block": ":80 {\n  reverse_proxy {\n    to {re.host.1}:80\n  }\n}",
    "caddy's JSON": '{"handler": "reverse_proxy", "upstreams": [{"dial": "{http.request.host}:80"}]}',
    "apache's capture": "ProxyPassMatch ^/p/(\\d+) http://nats:$1/",
    "apache's rewrite": "RewriteRule ^/p/(.*)$ http://$1/ [P,L]",
    "apache's query": "RewriteRule ^ http://%{QUERY_STRING} [proxy]",
    "apache's environment": "ProxyPassInterpolateEnv On",
    "apache's forward proxy": "ProxyRequests On",
    "haproxy's address": "  http-request set-dst url_param(ip)\n",
    "haproxy's port": "  http-request set-dst-port hdr(x-port)\n",
    "haproxy's names": "  http-request do-resolve(txn.ip,dns) req.hdr(host)\n",
    "envoy's forward proxy": "name: envoy.filters.http.dynamic_forward_proxy",
    "envoy's header": "original_dst_lb_config: {use_http_header: true}",
    "cloudflared's bastion": "ingress:\n- service: bastion\n",
    "cloudflared's socks": "ingress:\n- hostname: x.example.com\n  service: socks-proxy\n",
}  # fmt: skip

#: One more for each format and notation: each leads to a data store or to monitoring, or is open.
MORE_FILES = {
    'perl_set': "perl_set $to 'sub {}'; location / { proxy_pass http://$to; }",
    'map default var': 'map $host $to { default $arg_t; } location / { proxy_pass http://$to:8000; }',
    'map nested open': 'map $arg_a $a { default x; 1 $arg_b; } map $a $b { default $a; } '
    'location / { proxy_pass http://$b; }',
    'proxy_pass in if': 'if ($arg_x) { proxy_pass http://$arg_x; }',
    'mirror': 'location /m { proxy_pass http://nats:8222$request_uri; }',
    'upstream zone resolve': 'upstream a { zone z 64k; server nats:8222 resolve; }',
    'port var brace': 'set $p 82; location / { proxy_pass http://nats:${p}22; }',
    'proxy_pass trailing': 'proxy_pass http://nats:8222/',
    'hash in url': 'proxy_pass http://nats:8222#x;',
    'windows newlines': 'location / {\r\n proxy_pass http://nats:8222;\r\n}',
    'tab': '\tproxy_pass\thttp://nats:8222\t;',
    'escaped dollar': 'location / { proxy_pass http://\\$arg_x; }',
    'caddy 1 line': 'reverse_proxy /x nats:8222',
    'caddy site oneline': ':80 { reverse_proxy nats:8222 }',
    'caddy oneline open': ':80 { reverse_proxy {header.X}:80 }',
    'caddy handle_path': ':80 {\n handle /x/* {\n  reverse_proxy http://nats:8222\n }\n}',
    'caddy upstreams': ':80 {\n reverse_proxy {\n  to nats:8222 api:80\n }\n}',
    'caddy range': ':80 {\n reverse_proxy nats:8220-8230\n}',
    'caddy dynamic': ':80 {\n reverse_proxy {\n  dynamic a {\n   name nats\n   port 8222\n  }\n }\n}',
    'caddy srv': ':80 {\n reverse_proxy {\n  dynamic a {query.h} 80\n }\n}',
    'caddy json dynamic': '{"handler":"reverse_proxy","dynamic_upstreams":{"source":"a","name":"nats","port":"8222"}}',
    'caddy l4': '{\n layer4 {\n  :80 {\n   route {\n    proxy nats:8222\n   }\n  }\n }\n}',
    'caddy proxy old': 'proxy / nats:8222',
    'haproxy default': 'backend b\n  default-server inter 1s\n  server s1 nats port 8222\n',
    'haproxy addr space': 'listen l\n bind :80\n server s nats:8222\n',
    'haproxy tabs': 'listen l\n\tserver\ts\tnats:8222',
    'haproxy in quotes': 'listen l\n server s "nats:8222"',
    'haproxy dispatch': 'listen l\n dispatch nats:8222',
    'haproxy ring': 'ring r\n server s nats:8222',
    'haproxy use-server': 'backend b\n http-request set-dst-port %[url_param(p)]\n',
    'haproxy set-var': 'http-request set-var(txn.p) url_param(p)\nhttp-request set-dst-port var(txn.p)',
    'haproxy sess var': 'http-request set-dst var(sess.ip)',
    'haproxy tcp': 'tcp-request content set-dst req.payload(0,4)',
    'traefik toml': '[http.services.x.loadBalancer]\n[[http.services.x.loadBalancer.servers]]\nurl = "http://nats:8222"',
    'traefik json tcp': '{"tcp":{"services":{"a":{"loadBalancer":{"servers":[{"address":"postgres:5432"}]}}}}}',
    'traefik template': 'http:\n services:\n  a:\n   loadBalancer:\n    servers:\n     - url: "http://{{ env `X` }}"\n',
    'traefik quoted url': "servers:\n- 'url': 'http://nats:8222'",
    'traefik flow': 'servers: [ {url: http://nats:8222} ]',
    'envoy json': '{"portValue": 8222, "address": "nats"}',
    'envoy string': 'port_value: "8222"',
    'envoy v3 flow': 'endpoint: {address: {socket_address: {port_value: 8222, address: nats}}}',
    'apache balancer': '<Proxy balancer://x>\n BalancerMember http://nats:8222\n</Proxy>',
    'apache location': '<Location /x>\n ProxyPass http://nats:8222/\n</Location>',
    'apache ws': 'ProxyPass /ws ws://nats:8222/',
    'apache lower': 'proxypass / http://nats:8222/',
    'apache rewritemap': 'RewriteRule ^/(.*) http://${map:$1}/ [P]',
    'apache ProxyRemote': 'ProxyRemote * http://nats:8222',
    'lighttpd': 'proxy.server = ( "/x" => ( ( "host" => "nats", "port" => 8222 ) ) )',
    'squid': 'cache_peer nats parent 8222 0 no-query originserver',
    'varnish': 'backend default { .host = "nats"; .port = "8222"; }',
    'nghttpx': 'backend=nats,8222',
    'pound': 'Service\n BackEnd\n  Address nats\n  Port 8222\n End\nEnd',
    'sniproxy': 'table { .* nats:8222 }',
    'rinetd': '0.0.0.0 80 nats 8222',
    'xinetd': 'service x\n{\n redirect = nats 8222\n}',
    'stunnel': '[x]\naccept=80\nconnect=nats:8222',
    'frp': 'localIP = "nats"\nlocalPort = 8222\n[[proxies]]\nremotePort = 80\ntype="tcp"',
    'chisel json': '{"remotes":["80:nats:8222"]}',
    'ssh config': 'Host x\n LocalForward 0.0.0.0:80 nats:8222',
    'gost': 'services:\n- addr: :80\n  forwarder:\n    nodes:\n    - addr: nats:8222',
    'nodejs': "http.createServer((q,s)=>{ http.request({host:'nats',port:8222}) })",
    'python': "class H(BaseHTTPRequestHandler):\n def do_GET(self): urlopen('http://nats:8222'+self.path)",
    'python2': "urlopen('http://nats:8222/varz'); HTTPServer(('',80),H).serve_forever()",
    'shell': '#!/bin/sh\nexec socat TCP-LISTEN:80,fork TCP:nats:8222',
    'shell iptables': '#!/bin/sh\niptables -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to 172.20.1.4:8222',
    'kong': '_format_version: "3.0"\nservices:\n- name: n\n  url: http://nats:8222',
    'tyk': '{"proxy":{"listen_path":"/","target_url":"http://nats:8222"}}',
    'krakend': '{"endpoints":[{"backend":[{"host":["http://nats:8222"],"url_pattern":"/"}]}]}',
    'nginx unit': '{"routes":[{"action":{"proxy":"http://nats:8222"}}]}',
    'cloudflared ssh': 'ingress:\n  - service: ssh://nats:8222',
    'cloudflared url': 'url: http://nats:8222\ntunnel: x',
    'cloudflared json': '{"ingress":[{"service":"http://nats:8222"}]}',
    'ngrok yml': 'tunnels:\n  x:\n    proto: http\n    addr: nats:8222',
    'njs http host concat': "ngx.fetch('http://nats' + ':' + 8222)",
    'lua connect table': "sock:connect{ host='nats', port=8222 } -- ngx.socket",
    'lua balancer': "local b = require 'ngx.balancer'\nb.set_current_peer(ngx.var.arg_h, 80)",
    'json escape': '{"upstreams":[{"dial":"nats:\\u0038222"}]}',
    'yaml escape': 'loadBalancer:\n servers:\n - url: "http://nats:\\x38222"\n',
    'envoy octal': 'static_resources:\n - socket_address: {address: nats, port_value: 0o20036}\n',
    'oauth2-proxy': 'upstreams = ["http://nats:8222/"]\nhttp_address = "0.0.0.0:4180"\n',
    'pomerium': 'routes:\n- from: https://x.example.com\n  to: http://nats:8222\n',
    'skipper': 'r: * -> "http://nats:8222";',
    'fabio': 'route add n /n http://nats:8222',
    'h2o': 'hosts:\n default:\n  paths:\n   /:\n    proxy.reverse.url: http://nats:8222/\n',
    'traffic server': 'map http://x/ http://nats:8222/',
    'apisix': 'routes:\n- uri: /n/*\n  upstream:\n    nodes:\n      "nats:8222": 1\n    type: roundrobin\n',
    'nginx proxy manager': '{"forward_host":"nats","forward_port":8222}',
    'rathole': '[client.services.n]\nlocal_addr = "nats:8222"\n',
    'netlify': '/n/* http://nats:8222/:splat 200\n',
    'next': "module.exports={async rewrites(){return [{source:'/n/:p*',destination:'http://nats:8222/:p*'}]}}",
    'vite': "export default {server:{proxy:{'/x':'http://nats:8222'}}}",
    'resolver env': 'env NATS; location / { proxy_pass http://$NATS; }',
}  # fmt: skip

#: Those that are open and lead to such a port as well.
BOTH: frozenset[str] = frozenset({"njs http host concat", "lua connect table"})

#: Files that decide by a request, between destinations that they name.
#: Files of proxies that lead to a data store or a monitoring tool in another notation, or by its name alone.
NAMED_FILES = {
    "hexadecimal": "static_resources:\n  - socket_address: {address: nats, port_value: 0x201e}\n",
    "socket of PostgreSQL": "stream { server { listen 80; proxy_pass unix:/run/postgresql/.s.PGSQL.5432; } }",
    "socket of Docker": "location / { proxy_pass http://unix:/var/run/docker.sock:/; }",
    "socket in Caddy": ":80 {\n  reverse_proxy unix//var/run/docker.sock\n}\n",
    "name without a port": "location / { proxy_pass http://pgadmin; }",
    "name with a web port": "location / { proxy_pass http://adminer:8080/; }",
    "name by a variable": "set $a cadvisor; location / { proxy_pass http://$a:8080; }",
    "name in an upstream": "upstream a { server grafana:80; } location / { proxy_pass http://a; }",
    "name with a dot at its end": "location / { proxy_pass http://adminer.:8080; }",
    "name of an exporter": "location / { proxy_pass http://postgres-exporter; }",
    "name of a copy": "location / { proxy_pass http://redis-commander-2:8081; }",
    "name in a zone": "location / { proxy_pass http://mongo-express.prod-data:8081; }",
    "name in Caddy": ":80 {\n  reverse_proxy prometheus:80\n}\n",
    "name in HAProxy": "backend b\n  server b portainer:9443\n",
    "name in JSON": '{"upstreams": [{"dial": "phpmyadmin:80"}]}',
    "name of a server of its own kind": "upstream pg { postgres_server postgres dbname=x; }",
    "uwsgi": "[uwsgi]\nhttp = :8080\nhttp-to = nats:8222\n",
    "profiler": "location / { proxy_pass http://api:6060; }",
    "secret store": "location / { proxy_pass http://secrets:8200; }",
    "Consul": "location / { proxy_pass http://registry:8500; }",
    "scheme that a variable completes": "location / { proxy_pass http:/$uri; }",
    "set by Lua": "set $b ''; access_by_lua_block { ngx.var.b = ngx.var.arg_t } proxy_pass http://$b;",
    "set by njs": "function f(r) { r.variables['b'] = r.args.t; } proxy_pass http://$b;",
    "caddy's map of a capture": ":80 {\n map {query.t} {to} {\n  ~(.*) $1\n }\n reverse_proxy {to}\n}\n",
    "Grafana's own port": "location / { proxy_pass http://team-dashboards:3000; }",
    "an address and Grafana's port": "location / { proxy_pass http://172.20.0.9:3000; }",
}

KNOWN_FILES = {
    "Node's port": "location / { proxy_pass http://web:3000; proxy_set_header Host $host; }",
    "Node's port in HAProxy": "backend b\n  server w1 web-blue:3000 check\n  server w2 web-green:3000 backup\n",
    "Node's port of a dashboard": "location / { proxy_pass http://dashboard:3000; }",
    "an app that exports": "location / { proxy_pass http://pdf-exporter:8000; }",
    "an app with a store's name": "location / { proxy_pass http://redis-api:8000; }",
    "a store that answers clients": "location /covers/ { proxy_pass http://minio:9000/covers/; }",
    "a public host with a tool's name": "location / { proxy_pass https://redis.example.com/; }",
    "a socket of the app": "location / { proxy_pass http://unix:/run/gunicorn.sock:/api/; }",
    "map with literal values": "js_set $slot main.slot; "
    "map $slot $api { blue 172.20.0.10:8000; green 172.20.0.11:8000; "
    "default 172.20.0.10:8000; } location / { proxy_pass http://$api; }",
    "map of upstreams": "upstream blue { server api-1:8000; } upstream green { server api-2:8000; } "
    "map $cookie_canary $api { default blue; yes green; } location / { proxy_pass http://$api$request_uri; }",
    "set": "set $api api:8000; location / { proxy_pass http://$api; }",
    "set for a late look-up": "resolver 127.0.0.11; set $api http://api:8000; location / { proxy_pass $api; }",
    "split": "split_clients $remote_addr $to { 10% api-2:8000; * api-1:8000; } location / { proxy_pass http://$to; }",
    "geo": "geo $to { default api-1:8000; 10.0.0.0/8 api-2:8000; } location / { proxy_pass http://$to; }",
    "path": "location ~ ^/x/(.*)$ { proxy_pass http://api:8000/$1$is_args$args; }",
    "the request's own path": "location / { proxy_pass http://api:8000$request_uri; }",
    "the request's own scheme": "location / { proxy_pass $scheme://api:8000; }",
    "a header": "location / { proxy_set_header X-P $arg_p; proxy_pass http://api; }",
    "redirect": "location ~ ^/(.*)$ { return 301 https://$host/$1; }",
    "variable of no pass": "set $page $arg_page; location / { proxy_pass http://api; }",
    "socket": "location / { proxy_pass http://unix:/run/app.sock:/; }",
    "njs": "async function f(r) { return ngx.fetch('http://api:8000/healthz', {method: 'HEAD'}); }",
    "caddy": "x.example.com {\n  reverse_proxy /api/* api:8000 {\n    header_up Host {host}\n  }\n}",
    "caddy's map": ":80 {\n  map {host} {to} {\n    default api:8000\n  }\n  reverse_proxy {to}\n}",
    "apache": "ProxyPass /x http://api:8000/x\nRewriteRule ^/(.*)$ https://%{HTTP_HOST}/$1 [R=301,L]",
    "haproxy": "frontend f\n  use_backend %[req.hdr(host),map(/etc/hosts.map,api)]\nbackend api\n  server a api:8000\n",
    "php": "location ~ \\.php$ { fastcgi_pass php:9000; }",
    "a crontab": "0 3 1 5 * backup --to s3\n*/5 * * * * check nats 8222\n",
    "a wait": "#!/bin/sh\nuntil nc -z postgres 5432; do sleep 1; done\nexec app --listen :8000\n",
    "prometheus": "scrape_configs:\n- job_name: a\n  proxy_url: http://p:80\n"
    "  static_configs:\n  - targets: ['nats:7777']\n"
    "alerting:\n  alertmanagers:\n  - path_prefix: /\n    static_configs: [{targets: ['alertmanager:9093']}]\n",
    "alertmanager": "route:\n  receiver: x\nreceivers:\n- name: x\n  webhook_configs: [{url: 'http://hook:9095'}]\n",
    "grafana": "datasources:\n- {name: p, access: proxy, url: 'http://vm:8428'}\n- {name: l, url: 'http://vl:9428'}\n",
    "an exporter": "nats:\n  url: http://nats:8222\nlisten: :7777\n",
    "pgbouncer": "[databases]\napp = host=postgres port=5432\n[pgbouncer]\nlisten_port = 6432\n",
    "nats": "port: 4222\nhttp: 0.0.0.0:8222\ncluster { port: 6222, routes: [nats://nats-2:6222] }\n",
    "haproxy's own statistics": "frontend stats\n  bind *:8404\n  stats enable\nbackend a\n  server a api:8000\n",
    "traefik's own metrics": "entryPoints:\n  metrics:\n    address: ':9100'\n  web: {address: ':8000'}\n",
    "envoy's own admin": "admin: {address: {socket_address: {address: 127.0.0.1, port_value: 9901}}}\n",
    "prose": "to: ops@example.com\nrecommended ports are 5432 and 8222\n",
    "a mail's address": "routes:\n- from: ops@example.com\n  to: dev@example.com\nnats: nats:8222\n",
    "a map": "map:\n  nats: nats:8222\nproxy: none\ndestination: s3\n",
    "a redirect to outside": "/old https://www.example.com/ 301\nnats nats:8222\n",
    "a client's file": "db:\n  url: postgres://postgres:5432/app\nnats: nats://nats:4222\n",
}

CASES = (
    *(Case("DKR-MON", "bypass", f"nginx behind a tunnel, {env}", nginx(env), ("envs[0]",)) for env in ENVS),
    *(Case("DKR-MON", "bypass", f"another proxy, {env}", edge(env), ("envs[0]",)) for env in ENVS),
    *(Case("DKR-MON", "bypass", f"file, {name}", file(text), ("uploads[0].content",)) for name, text in FILES.items()),
    *(
        Case("DKR-MON", "bypass", f"open file, {name}", file(text), ("uploads[0].content",))
        for name, text in OPEN_FILES.items()
    ),
    *(
        Case("DKR-MON", "bypass", f"more, {name}", file(text), ("uploads[0].content",) * (1 + (name in BOTH)))
        for name, text in MORE_FILES.items()
    ),
    *(Case("DKR-MON", "passing", f"known file, {name}", file(text)) for name, text in KNOWN_FILES.items()),
    *(
        Case("DKR-MON", "bypass", f"named file, {name}", file(text), ("uploads[0].content",))
        for name, text in NAMED_FILES.items()
    ),
    *(
        Case("DKR-MON", "bypass", what, (resource,), (path,))
        for what, resource, path in (
            ("a port that a shell computes",
             of("x", "debian", command=["sh", "-c", "socat TCP-LISTEN:80,fork TCP:nats:$((8000+222))"]), "command"),
            ("a port from another command",
             of("x", "debian", command=["sh", "-c", "socat TCP-LISTEN:80,fork TCP:nats:$(cat /p)"]), "command"),
            ("a host that the request says",
             of("x", "debian", command=["socat", "TCP-LISTEN:80,fork", "SYSTEM:read h p; exec nc $h $p"]), "command"),
            ("a template's variable of a request", of("edge", NGINX, envs=["UPSTREAM=http://$arg_target"]), "envs[0]"),
            ("an open proxy with nginx' label", of("nginx", "x/proxy", command=["microsocks", "-p", "80"]), "command"),
            ("SSH's proxy with nginx' label",
             of("nginx", "debian", command=["ssh", "-N", "-D", "0.0.0.0:8080", "x@h"]), "command"),
            ("an open gost with nginx' label", of("nginx", "x/gost", command=["-L=:8080"]), "command"),
        )
    ),
    Case("DKR-MON", "passing", "Node's port of a web app",
         nginx("WEB_UPSTREAM=http://web:3000", "FRONTEND_PORT=3000", "API_UPSTREAM=http://api:8000")),
    Case("DKR-MON", "passing", "a shell's variable that is no destination",
         (of("x", NGINX, command=["sh", "-c", "echo start:$(date); exec nginx"]),)),
    Case("DKR-MON", "passing", "a destination from a variable that is known",
         (of("x", "debian", envs=["PORT=8000"], command=["sh", "-c", "H=api; socat TCP-LISTEN:80 TCP:$H:$PORT"]),)),
    Case("DKR-MON", "bypass", "a tunnel leads to it",
         (of("web", APP, envs=["NATS=nats:8222"]), tunnel("http://web:8080")), ("envs[0]",)),
    Case("DKR-MON", "bypass", "a tunnel leads to its alias",
         (of("web", APP, aliases=("x", "front"), envs=["NATS_PORT=8222"]), tunnel("https://Front")), ("envs[0]",)),
    Case("DKR-MON", "bypass", "a tunnel leads to its name",
         (of("web", APP, name="prod-web", command=["x", "nats:8222"]), tunnel("http://prod-web:80")), ("command[1]",)),
    Case("DKR-MON", "bypass", "a tunnel to a data store", (tunnel("tcp://postgres:5432"),),
         ("config.ingresses[0].service",)),
    Case("DKR-MON", "bypass", "a template and its variable",
         (of("edge", "debian", envs=["NATS_PORT=8222"],
             uploads=[{"file": "/t", "content": "proxy_pass http://nats:${NATS_PORT};"}]),), ("uploads[0].content",)),
    Case("DKR-MON", "passing", "a template with a known variable",
         (of("edge", "debian", envs=["API=api:8000"],
             uploads=[{"file": "/t", "content": "proxy_pass http://${API};"}]),)),
    *(
        Case("DKR-MON", "bypass", f"label {name}", (of("nats", "nats:2.12", labels=labels("nats", (name, value))),),
             ("labels[2]",))
        for name, value in (
            ("traefik.http.services.n.loadbalancer.server.port", "8222"),
            ("traefik.tcp.services.db.loadbalancer.server.port", "5432"),
            ("traefik.http.services.n.loadbalancer.server.url", "http://nats:8222"),
            ("caddy.reverse_proxy", "{{upstreams 8222}}"), ("caddy_1.reverse_proxy", "nats:8222"),
            ("haproxy.n.port", "8222"), ("easyhaproxy.http.localport", "8222"), ("com.df.port", "8222"),
        )
    ),
    Case("DKR-MON", "bypass", "nginx-proxy's variable",
         (of("nats", "nats:2.12", envs=["VIRTUAL_HOST=n.example.com", "VIRTUAL_PORT=8222"]),), ("envs[1]",)),
    Case("DKR-MON", "bypass", "an entrypoint", runs("socat", "TCP-LISTEN:80", "TCP:nats:8222", key="entrypoints"),
         ("entrypoints[2]",)),
    Case("DKR-MON", "bypass", "a service",
         (service({f"{SPEC}.image": "haproxy:3.2", f"{SPEC}.env": {"NATS_PORT": "8222"}}),), (f"{SPEC}.env.NATS_PORT",
         )),
    Case("DKR-MON", "bypass", "in development", nginx("NATS_UPSTREAM=nats:8222"), ("envs[0]",), environment="dev"),
    *(
        Case("DKR-MON", "bypass", f"container, {name}", (resource,), (path,))
        for name, resource, path in (
            ("a config in a variable", of("x", APP, envs=["C=location / { proxy_pass http://$arg_x; }"]), "envs[0]"),
            ("a config in base64", of("x", NGINX, envs=[f"C={encoded('proxy_pass http://nats:8222;')}"]), "envs[0]"),
            ("a command in a variable",
             of("x", "debian", command=["sh", "-c", 'eval "$R"'], envs=["R=socat TCP-LISTEN:80 TCP:nats:8222"]),
             "envs[0]"),
            ("any image with an upstream", of("x", APP, envs=["UPSTREAM=nats:8222"]), "envs[0]"),
            ("any image that passes on", of("x", APP, envs=["PROXY_PASS=http://postgres:5432"]), "envs[0]"),
            ("a health check that listens", of("x", "debian", healthcheck={
                "tests": ["CMD-SHELL", "socat TCP-LISTEN:80,fork TCP:nats:8222 &"]}), "healthcheck.tests"),
            ("a shell's variable",
             of("x", "alpine/socat", command=["TCP-LISTEN:80,fork", "TCP:nats:$PORT"], envs=["PORT=8222"]),
             "command[1]"),
            ("an image that is socat", of("x", "alpine/socat", command=["TCP-LISTEN:80", "TCP:nats:8222"]),
            "command[1]"),
            ("an image that is varnish", of("x", "varnish:8", command=["varnishd", "-b", "nats:8222"]), "command[2]"),
            ("host and port in two variables", of("x", "haproxy", envs=["BACKEND_PORT=5432"]), "envs[0]"),
            ("host and port in two words", of("x", "debian", command=["socat", "-", "TCP:nats:", "8222"]),
            "command[3]"),
            ("an entrypoint and its arguments",
             of("x", "debian", entrypoints=["socat"], command=["TCP-LISTEN:80", "TCP:nats:8222"]), "command[1]"),
            ("options of ssh", of("x", "debian", command=["ssh", "-o", "LocalForward=80 nats:8222", "h"]),
            "command[2]"),
            ("compressed",
             of("x", "debian", command=["sh", "-c", f"echo {compressed('socat TCP-LISTEN:80 TCP:nats:8222')} "
                                        "| base64 -d | zcat | sh"]), "command"),
        )
    ),
    # What is fine inside a stack.
    Case("DKR-MON", "passing", "an exporter's target",
         (of("probe", "prom/blackbox-exporter", envs=["TARGET=http://nats:8222/healthz"]),)),
    Case("DKR-MON", "passing", "a gateway's own addresses",
         (of("gate", "traefik:3", command=["--entrypoints.metrics.address=:9100", "--providers.redis=redis://redis:6379"]),)),
    Case("DKR-MON", "passing", "the app's own health URL",
         (of("api", APP, envs=["NATS_HEALTH_URL=http://nats:8222/healthz", "DATABASE=postgres:5432",
         "NATS=nats:4222"]),)),
    Case("DKR-MON", "passing", "an app waits", runs("sh", "-c", "until nc -z nats 4222; do sleep 1; done; exec app")),
    Case("DKR-MON", "passing", "exporters",
         (of("nats-exporter", "natsio/prometheus-nats-exporter", command=["-port", "7777", "http://nats:8222"]),
          of("nginx-exporter", "nginx/nginx-prometheus-exporter", envs=["SCRAPE_URI=http://nginx:8081/status",
                                                                          "LISTEN_ADDRESS=:9113"]),
          of("redis-exporter", "oliver006/redis_exporter", envs=["REDIS_ADDR=redis://redis:6379"]))),
    Case("DKR-MON", "passing", "monitoring among itself",
         (of("grafana", "grafana/grafana", envs=["PROMETHEUS=http://prometheus:9090"]),
          of("vmalert", "victoriametrics/vmalert", command=["-datasource.url=http://vm:8428",
          "-httpListenAddr=:8880"]))),
    Case("DKR-MON", "passing", "nginx' own ports and amounts",
         nginx("HEALTH_PORT=8081", "METRICS_PORT=9113", "LISTEN_PORT=8080", "PROXY_TIMEOUT=3000",
         "MAX_CONNECTIONS=9090",
               "API_UPSTREAM=api:8000")),
    Case("DKR-MON", "passing", "a gateway's own store",
         (of("auth", "quay.io/oauth2-proxy/oauth2-proxy", envs=["OAUTH2_PROXY_REDIS_CONNECTION_URL=redis://redis:6379"]),)),
    Case("DKR-MON", "passing", "cloudflared's own metrics",
         (of("cloudflared", "cloudflare/cloudflared", command=["tunnel", "--metrics", "127.0.0.1:20241", "run"]),)),
    Case("DKR-MON", "passing", "a forwarder to the app", runs("socat", "TCP-LISTEN:8080,fork", "TCP:api:8000")),
    Case("DKR-MON", "passing", "a tunnel to nginx", (*nginx("API=api:8000"), tunnel("http://nginx:8080"))),
    Case("DKR-MON", "passing", "scraping by label",
         (of("nats", "nats:2.12", labels=labels("nats", ("prometheus.io/port", "7777"))),)),
)  # fmt: skip


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_forwarders_command_is_refused(command: tuple[str, ...]) -> None:
    rule = rule_of("DKR-MON")
    found = findings(rule, runs(*command), Scope(rule.options()))
    assert {each.path.partition("[")[0] for each in found} == {"command"}
    assert {each.value for each in found} <= {8222, 5432, 3000}


def test_what_is_open_is_said_without_its_text() -> None:
    rule = rule_of("DKR-MON")
    (found,) = findings(rule, file("location / { proxy_pass http://$arg_hunter2; }"), Scope(rule.options()))
    assert found.value == OPEN
    assert "hunter2" not in found.allowed


def test_the_table_of_ports() -> None:
    assert not STORE_PORTS.keys() & MONITORING_PORTS.keys()
    assert {8222, 8428, 9428, 8880, 9115, 9121, 9187, 3000} <= MONITORING_PORTS.keys()
    assert {5432, 6379, 4222, 27017, 3306} <= STORE_PORTS.keys()
    assert all(1024 <= port <= MAX_PORT and name for port, name in INTERNAL_PORTS.items())
    assert not INTERNAL_PORTS.keys() & {80, 443, 8000, 8080, 8081, 8443, 9000}
    assert named(9115) == "9115 (blackbox exporter)"
