"""Secrets in files, names and commands, and what only looks like one."""

from __future__ import annotations

import base64
from typing import Any, Literal

from policies.resource import REMOTE_IMAGE, Resource
from policies.values import UNKNOWN
from tests.policies.cases import Case
from tests.policies.compliant import carrier, container, make, network, service

SPEC = "taskSpec.containerSpec"

#: In two pieces, so that no scanner takes it for a token.
TOKEN = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
RANDOM = "q9ZxT4mB7vKp2LsW8nRd5YcG"
COMMIT = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def env(*pairs: str, **options: Any) -> tuple[Resource]:
    return (container({"envs": list(pairs)}, **options),)


def service_env(variables: dict[str, Any], **options: Any) -> tuple[Resource]:
    return (service({f"{SPEC}.env": variables}, **options),)


def encoded(content: str) -> str:
    return base64.b64encode(content.encode()).decode()


def label(name: str, value: str) -> tuple[Resource]:
    return (container({"labels": [{"label": "stack", "value": "prod"}, {"label": name, "value": value}]}),)


def command(*words: Any) -> tuple[Resource]:
    return (container({"command": list(words)}),)


def check(*words: Any) -> tuple[Resource]:
    return (container({"healthcheck.tests": list(words)}),)


def case(
    kind: Literal["passing", "failing", "bypass", "unknown"],
    what: str,
    resources: tuple[Resource, ...],
    *found: str,
    **options: Any,
) -> Case:
    return Case("DKR-SECRET", kind, what, resources, found, options)


def upload(file: str, content: str, **options: Any) -> tuple[Resource]:
    return (carrier({"uploads": [{"file": file, "content": content}]}, **options),)


#: Files that hold a secret in plain text, by the kind of file.
FILES_WITH_SECRETS = {
    "environment": ("/app/.env", "LOG=info\nDB_PASSWORD=hunter2\n"),
    "exports": ("/app/env.sh", "export DB_PASSWORD='hunter2'\n"),
    "AWS key": ("/app/credentials", "[default]\naws_access_key_id = AK" + "IA" + 4 * "Q7X2" + "\n"),
    "a token in a comment": ("/app/x.conf", f"# {TOKEN}\n"),
    "YAML": ("/app/config.yaml", "db:\n  password: hunter2\n"),
    "JSON": ("/app/config.json", '{"db": {"password": "hunter2"}}'),
    "a list of JSON": ("/app/env.json", '[{"name": "DB_PASSWORD", "value": "hunter2"}]'),
    "a list of YAML": ("/app/env.yaml", "- name: DB_PASSWORD\n  value: hunter2\n"),
    "TOML": ("/app/config.toml", '[db]\npassword = "hunter2"\n'),
    "ini": ("/app/my.cnf", "[client]\npassword=hunter2\n"),
    "properties": ("/app/x.properties", "spring.datasource.password=hunter2\n"),
    "XML": ("/app/x.xml", "<password>hunter2</password>"),
    "XML attributes": ("/app/x.xml", '<add key="DbPassword" value="hunter2"/>'),
    "redis": ("/etc/redis.conf", "port 6379\nrequirepass hunter2\n"),
    "redis masters": ("/etc/redis.conf", 'masterauth "hunter2"\n'),
    "redis users": ("/etc/users.acl", "user app on >hunter2 ~* +@all\n"),
    "NATS": ("/etc/nats.conf", "authorization { token: hunter2 }\n"),
    "NATS users": ("/etc/nats.conf", "users: [{user: a, password: hunter2}]\n"),
    "HAProxy": ("/etc/haproxy.cfg", "userlist x\n  user a insecure-password hunter2\n"),
    "HAProxy statistics": ("/etc/haproxy.cfg", "  stats auth admin:hunter2\n"),
    "nginx header": ("/etc/nginx.conf", "proxy_set_header X-Api-Key hunter2;\n"),
    "nginx authorization": ("/etc/nginx.conf", 'proxy_set_header Authorization "Basic aHVudGVyMg==";\n'),
    "nginx variable": ("/etc/nginx.conf", 'set $api_token "hunter2";\n'),
    "netrc": ("/app/.netrc", "machine x.example.com login a password hunter2\n"),
    "pgpass": ("/app/.pgpass", "db:5432:*:app:hunter2\n"),
    "pgbouncer": ("/etc/userlist.txt", '"app" "hunter2"\n'),
    "npm": ("/app/.npmrc", "//registry.example.com/:_authToken=hunter2\n"),
    "Docker": ("/app/.docker/config.json", '{"auths": {"x": {"auth": "YTpodW50ZXIy"}}}'),
    "SQL": ("/app/init.sql", "ALTER ROLE app PASSWORD 'hunter2';\n"),
    "PHP": ("/app/wp-config.php", "define('DB_PASSWORD', 'hunter2');\n"),
    "Python": ("/app/settings.py", 'SECRET_KEY = "hunter2"\n'),
    "a URL": ("/app/x.conf", "database = postgresql://app:hunter2@db/x\n"),
    "a webhook": ("/app/alertmanager.yml", "url: https://hooks.slack" + ".com/services/T0/B0/" + 24 * "x" + "\n"),
    "a private key": ("/etc/tls.pem", "-----BEGIN EC PRIVATE" + " KEY-----\nx\n"),
    "a password by the file's name": ("/etc/tasktracker/postgres-password", "hunter2\n"),
    "a token by the file's name": ("/run/token.txt", "hunter2"),
    "a key by its entropy": ("/etc/tasktracker/x", f"{RANDOM}\n"),
    "a script's default": ("/app/run.sh", '#!/bin/sh\nDB_PASSWORD="${DB_PASSWORD:-hunter2}" exec app\n'),
    "a script": ("/app/run.sh", "#!/bin/sh\nPGPASSWORD=hunter2 psql -c 'select 1'\n"),
    "a crontab": ("/etc/crontab", "* * * * * redis-cli -a hunter2 bgsave\n"),
    "base64": ("/app/x", base64.b64encode(b"DB_PASSWORD=hunter2 and more").decode()),
    "a tab": ("/app/.env", "DB_PASSWORD=\thunter2\n"),
    "a comment with a value": ("/app/.env", "# DB_PASSWORD: hunter2\n"),
    "a block of YAML": ("/app/x.yaml", "password: >-\n  hunter2\n"),
    "a value before its name": ("/app/x.json", '{"value": "hunter2", "name": "DB_PASSWORD"}'),
    "options in JSON": ("/app/x.json", '["app", "--password", "hunter2"]'),
    "options in YAML": ("/app/x.yaml", "args:\n  - --password\n  - hunter2\n"),
    "Apache": ("/etc/httpd.conf", "SetEnv DB_PASSWORD hunter2\n"),
    "FastCGI": ("/etc/nginx.conf", "fastcgi_param DB_PASSWORD hunter2;\n"),
    "bytes": ("/app/x.py", "api_key = b'hunter2'\n"),
    "a pair": ("/app/x.py", "requests.get(url, auth=('a', 'hunter2'))\n"),
    "what a script prints": ("/app/run.sh", "#!/bin/sh\nDB_PASSWORD=$(echo hunter2)\n"),
    "a folder of secrets": ("/run/secrets/db", "hunter2\n"),
    "three quotes": ("/app/x.toml", 'token = """hunter2"""\n'),
    "a Dockerfile": ("/app/Dockerfile", "ENV DB_PASSWORD hunter2\n"),
}  # fmt: skip

#: Files that say something of secrets and hold none.
FILES_WITHOUT_SECRETS = {
    "empty": ("/app/.env", ""),
    "files of secrets": ("/app/.env", "DB_PASSWORD_FILE=/run/secrets/db\nTOKEN_TTL=60\nTOKEN_BUCKET_RATE=10\n"),
    "references": ("/app/.env", "DB_PASSWORD=${DB_PASSWORD}\nAPI_KEY={{ api_key }}\n"),
    "nginx": (
        "/etc/nginx.conf",
        "ssl_certificate_key /etc/tls/server.key;\nssl_certificate_key tls.key;\n"
        "proxy_pass http://api:8000;\nproxy_pass $upstream;\n"
        "proxy_set_header Authorization $http_authorization;\nauth_basic_user_file /etc/htpasswd;\n"
        'add_header Content-Security-Policy "default-src \'self\'";\nssl_session_tickets off;\n',
    ),
    "PostgreSQL": ("/etc/postgresql.conf", "password_encryption = scram-sha-256\nssl_key_file = '/etc/tls/x.key'\n"),
    "pg_hba": ("/etc/pg_hba.conf", "host all all 172.20.1.0/24 scram-sha-256\nlocal all postgres peer\n"),
    "redis": ("/etc/redis.conf", "aclfile /etc/users.acl\nport 6379\nprotected-mode yes\n"),
    "a script": ("/app/run.sh", '#!/bin/sh\nPASSWORD=$(cat /run/secrets/db)\nTOKEN="$1"\nKEY=${KEY:-}\n'),
    "Python": ("/app/x.py", 'token: str = os.environ["TOKEN"]\npassword = settings.password\n'),
    "JavaScript": ("/app/x.js", "const token = r.headersIn.token;\nif (!apiKey) throw 1;\n"),
    "SQL": ("/app/x.sql", "ALTER ROLE app PASSWORD :'app_password';\n"),
    "a manifest": ("/etc/manifest", f"0f1e2d3c4b5a\n{64 * 'a'}  nginx.conf\n"),
    "a certificate": ("/etc/ca.crt", "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAg\n-----END CERTIFICATE-----\n"),
    "a public key": ("/etc/key.pub", f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5{RANDOM}\n"),
    "a user's name": ("/etc/tasktracker/access-key", "backups\n"),
    "prose": ("/app/README.md", "The password is in a file. Token: see the runbook.\n"),
    "a comment": ("/etc/x.conf", "# password: where it comes from, see the runbook\nlisten 80\n"),
    "a crontab": ("/etc/crontab", "* * * * * files-backup\n"),
}  # fmt: skip

IN_FILES = (
    *(
        case("bypass", f"a file, {what}", upload(*file), "uploads[0].content")
        for what, file in FILES_WITH_SECRETS.items()
    ),
    *(case("passing", f"a file, {what}", upload(*file)) for what, file in FILES_WITHOUT_SECRETS.items()),
    *(
        case("passing", f"a marked file, {what}", upload(*file, secret=("uploads[0].content",)))
        for what, file in FILES_WITH_SECRETS.items()
    ),
    case("passing", "marked files", upload("/app/.env", "DB_PASSWORD=hunter2", secret=("uploads",))),
    case(
        "bypass",
        "a marked file beside one that is not",
        (
            carrier(
                {
                    "uploads": [
                        {"file": "/a", "content": "TOKEN=hunter2"},
                        {"file": "/b", "content": "TOKEN=hunter2"},
                    ]
                },
                secret=("uploads[0].content",),
            ),
        ),
        "uploads[1].content",
    ),
    case(
        "bypass",
        "a file in base64",
        (carrier({"uploads": [{"file": "/a", "contentBase64": encoded("DB_PASSWORD=hunter2\n")}]}),),
        "uploads[0].contentBase64",
    ),
    case(
        "bypass",
        "a file of what runs",
        (container({"uploads": [{"file": "/app/.env", "content": "DB_PASSWORD=hunter2"}]}),),
        "uploads[0].content",
    ),
    case(
        "unknown",
        "a file",
        (carrier({"uploads": UNKNOWN}), carrier({"uploads": [UNKNOWN, {"file": "/x", "content": UNKNOWN}]})),
    ),
)

ASIDE = (
    case("bypass", "the folder that it runs in", (container({"workingDir": f"/app/{TOKEN}"}),), "workingDir"),
    case(
        "bypass",
        "an option of a mount's driver",
        (
            container(
                {
                    "mounts": [
                        {
                            "type": "volume",
                            "source": "x",
                            "target": "/x",
                            "volumeOptions": {"driverOptions": {"password": "hunter2"}},
                        }
                    ]
                }
            ),
        ),
        "mounts[0].volumeOptions.driverOptions.password",
    ),
    case("bypass", "a host's name", (container({"hostname": TOKEN}),), "hostname"),
    case(
        "bypass",
        "an alias",
        (container({"networksAdvanced": [{"name": "edge", "aliases": [TOKEN]}]}),),
        "networksAdvanced[0].aliases[0]",
    ),
    case("bypass", "a service's folder", (service({f"{SPEC}.dir": f"/app/{TOKEN}"}),), f"{SPEC}.dir"),
    case(
        "bypass",
        "a network's address manager",
        (network({"ipamOptions": {"token": "hunter2"}}),),
        "ipamOptions.token",
    ),
    case(
        "bypass",
        "where a build gets its files",
        (make(REMOTE_IMAGE, {"build": {"context": "https://x:hunter2@git.example.com/x.git"}}),),
        "build.context",
    ),
)

NAMED = (
    *(
        case("bypass", f"named {pair.split('=')[0]}", env(pair), "envs[0]")
        for pair in (
            "REDISCLI_AUTH=hunter2", "REDIS_AUTH=hunter2", "AUTH=hunter2", "redisAuth=hunter2", "_auth=aHVudGVyMg",
            "HTTP_AUTH=admin:hunter2", 'DOCKER_AUTH_CONFIG={"auths":{"x":{"auth":"aHVudGVyMg=="}}}',
            "NATS_NKEY_SEED=hunter2", "WG_PRIVKEY=hunter2", "DB_PASSWORT=hunter2", "PASSKEY=hunter2",
            "DB_PASSWORD_RATE=hunter2", "TOKEN_BUCKET_RATE=hunter2", "LOGIN_WITH_PASSWORD=hunter2",
            "REQUIRE_PASSWORD=hunter2", "BUCKET_SECRET=hunter2", "REGISTRY_AUTH=hunter2", "SESSION_TOKEN=hunter2",
            "STRIPE_PUBLISHABLE_KEY=sk_" + "live_abcdefghijklmnop12",
            "VAULT_SECRET_ID=8d8ac610-566d-4ef0-9c22-186b2a5ed793",
            "SESSION_ID=0f1e2d3c4b5a69788796a5b4c3d2e1f0", f"S3_BUCKET={RANDOM}", f"BUCKET_URL=https://x/{RANDOM}",
            f"S3_BUCKET={TOKEN}", "PASSWORD=optional",
        )
    ),
    *(
        case("passing", f"named {pair.split('=')[0]} {pair.split('=')[1][:8]}", env(pair))
        for pair in (
            "TOKEN_BUCKET_RATE=10", "TOKEN_BUCKET_RATE=10r/s", "TOKEN_BUCKET_SIZE=100", "TOKEN_BUCKET_BURST=20",
            "LOGIN_WITH_PASSWORD=optional", "PASSWORD_LOGIN=optional", "ALLOW_PASSWORD=never", "USE_TOKEN=always",
            "STRIPE_PUBLISHABLE_KEY=pk_" + "live_51HqLyjWDarjtT1zdp7dcAbCdEf",
            "NEXT_PUBLIC_STRIPE_KEY=pk_" + "test_51HqLyjWDarjtT1zdp7dcAbCdEf",
            "VAPID_PUBLIC_KEY=BNbN3jQm8Yw9pKxT4mB7vKp2LsW8nRd5YcGq9Zx", 
            "RECAPTCHA_SITE_KEY=6LeIxAcTAAAAAJcZVRqyHh71UMIEG",
            "REGISTRY_AUTH=htpasswd", "SMTP_AUTH=plain", "REQUIRE_AUTH=true", "MONGO_AUTH=scram-sha-256", "AUTH=none",
            "SSH_AUTH_SOCK=/run/ssh", "POSTGRES_INITDB_ARGS=--auth-host=scram-sha-256 --auth-local=trust",
            "PASSWORD_STRENGTH=strong", "TOKEN_WINDOW=5m", "NGINX_PROXY_PASS=http://api:8000",
            "S3_BUCKET=tt-0f1e2d3c4b5a69788796a5b4c3d2e1f0", "BUCKET=x7k2m9q4w8e1r5t3y6u0p2a4",
            "BUCKET_URL=https://s3.example.com/tt-0f1e2d3c4b5a69788796a5b4c3d2e1f0",
            "RESTIC_REPOSITORY=s3:https://s3.example.com:443/tt-0f1e2d3c4b5a69788796a5b4c3d2e1f0/files",
            "CLOUDFLARE_ZONE_ID=0f1e2d3c4b5a69788796a5b4c3d2e1f0",
        )
    ),
    # The option `allow`: for names that only sound like a secret's.
    case("passing", "allowed, as it sounds", env("MY_KEY=enter"), allow=["MY_KEY"]),
    case("failing", "not allowed", env("MY_KEY=enter"), "envs[0]"),
    case("passing", "allowed switch", env("LOGIN_WITH_PASSWORD=later"), allow=["LOGIN_WITH_PASSWORD"]),
    case("passing", "allowed amount", env("TOKEN_BUCKET_RATE=x1"), allow=["TOKEN_BUCKET_RATE"]),
    case("passing", "allowed label", label("password.policy.token.kind", "x1"), allow=["password.policy.token.kind"]),
    case("bypass", "allowed, a known token", env(f"MY_KEY={TOKEN}"), "envs[0]", allow=["MY_KEY"]),
    case("bypass", "allowed, a URL", env("MY_KEY=redis://:hunter2@redis"), "envs[0]", allow=["MY_KEY"]),
    *(
        case("bypass", f"allowed, but {name}", env(f"{name}=hunter2"), "envs[0]", allow=[name])
        for name in ("DB_PASSWORD", "API_KEY", "TOKEN", "REDISCLI_AUTH", "clientSecret", "PASSWORD_2", "SLACK_WEBHOOK")
    ),
    case("bypass", "an allowed pattern", env("DB_PASSWORD=hunter2"), "envs[0]", allow=["*"]),
)  # fmt: skip

COMMANDS = (
    *(
        case("bypass", f"command {words[0]} {words[1]}", command(*words), f"command[{index}]")
        for index, *words in (
            (2, "nats-server", "--auth", "hunter2"), (1, "nats-server", "--auth=hunter2"),
            (2, "nats-server", "-auth", "hunter2"), (4, "nats-server", "--user", "a", "--pass", "hunter2"),
            (2, "redis-server", "--requirepass", "hunter2"), (2, "redis-server", "--masterauth", "hunter2"),
            (2, "valkey-cli", "-a", "hunter2"), (1, "redis-cli", "-ahunter2"), (2, "http", "-a", "user:hunter2"),
            (2, "sh", "-c", "REDISCLI_AUTH=hunter2 redis-cli ping"), (2, "sh", "-c", "PGPASSWORD=hunter2 psql"),
            (2, "mosquitto_pub", "-P", "hunter2"), (2, "curl", "-H", "PRIVATE-TOKEN: hunter2"),
            (2, "curl", "-H", "Cookie: session=hunter2"), (1, "wget", "--header=Authorization: Basic aHVudGVyMg=="),
            (2, "smbclient", "-U", "user%hunter2"), (2, "lftp", "-u", "user,hunter2"),
            (2, "etcdctl", "--user", "root:hunter2"), (3, "rabbitmqctl", "add_user", "app", "hunter2"),
            (6, "mc", "alias", "set", "s3", "https://s3", "KEY", "hunter2"), (2, "vault", "login", "hunter2"),
            (4, "aws", "configure", "set", "aws_secret_access_key", "hunter2"), (2, "ngrok", "authtoken", "hunter2"),
            (4, "htpasswd", "-b", "file", "admin", "hunter2"), (3, "openssl", "enc", "-k", "hunter2"),
            (2, "sh", "-c", "echo hunter2 | docker login --password-stdin"), (2, "zip", "-P", "hunter2"),
        )
    ),
    *(
        case("passing", f"command {words[0]} {words[1]} {len(words)}", command(*words))
        for words in (
            ("mongod", "--auth", "--bind_ip_all"), ("mongod", "--auth"), ("initdb", "--auth", "scram-sha-256"),
            ("nats-server", "-c", "/etc/nats.conf"), ("app", "-a", "0.0.0.0"), ("app", "-P", "8080"),
            ("mosquitto_pub", "-P", "$PASSWORD"), ("vault", "login", "-method=userpass"), ("mc", "ready", "local"),
            ("app", "--bucket", "tt-0f1e2d3c4b5a69788796a5b4c3d2e1f0"),
            ("app", "--bucket=tt-0f1e2d3c4b5a69788796a5b4c3d2e1f0"), ("unzip", "-p", "file.zip"),
            ("app", "--login-with-password", "optional"), ("docker", "login", "--password-stdin"),
        )
    ),
)  # fmt: skip
