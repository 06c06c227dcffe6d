"""No secrets where `docker inspect` and an image's history show them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, Literal

import pytest

from policies.evaluate import findings, message
from policies.resource import IMAGE, REGISTRY_IMAGE, REMOTE_IMAGE, Resource
from policies.rule import Scope
from policies.values import UNKNOWN
from policies.workloads.uploads import SERVICE_CONFIG
from tests.policies.cases import Case, of_each_rule, rule_of, run, run_all
from tests.policies.compliant import UNSET, carrier, container, make, network, service, volume

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

CASES = (
    *IN_FILES,
    *ASIDE,
    *NAMED,
    *COMMANDS,
    case(
        "bypass",
        "a service's config",
        (make(SERVICE_CONFIG, {"name": "x", "data": encoded("listen: 4222\npassword: hunter2\n")}),),
        "data",
    ),
    case(
        "bypass",
        "a key in a service's config",
        (make(SERVICE_CONFIG, {"data": encoded("-----BEGIN EC PRIVATE KEY-----")}),),
        "data",
    ),
    case("bypass", "a marked config", (make(SERVICE_CONFIG, {"data": encoded("x")}, secret=("data",)),), "data"),
    case(
        "passing",
        "a plain config",
        (make(SERVICE_CONFIG, {"data": encoded("http { server { listen 80; proxy_set_header Authorization $x; } }")}),),
    ),
    case("unknown", "a config", (make(SERVICE_CONFIG, {"data": UNKNOWN}),)),
    case(
        "bypass",
        "a log driver's token",
        (
            container({"logOpts": {"splunk-token": "hunter2", "max-size": "10m"}}),
            service({"taskSpec.logDriver.options": {"splunk-token": "hunter2"}}),
        ),
        "logOpts.splunk-token",
        "taskSpec.logDriver.options.splunk-token",
    ),
    # Environment.
    case("passing", "compliant", (container(), carrier(), service(), volume(), network())),
    case("passing", "no environment", (container({"envs": UNSET, "labels": UNSET, "healthcheck": UNSET}),)),
    case("passing", "a variable without a value", env("POSTGRES_PASSWORD", "TOKEN=", "SECRET= ")),
    case(
        "passing",
        "what this program sets",
        env(
            "APP_PASSWORD_FILE=/etc/tasktracker/app-password",
            "APP_USER=tasktracker",
            "DATABASE_URL_FILE=/etc/tasktracker/database-url",
            "POSTGRES_DB=tasktracker",
            "TASKTRACKER_LOG_LEVEL=info",
            "TASKTRACKER_SLOT=blue",
        ),
    ),
    case(
        "passing",
        "what says something of a secret",
        env("TOKEN_TTL=3600", "PASSWORD_POLICY=strict", "ALLOW_EMPTY_PASSWORD=yes", "MAX_TOKENS=4096", "SORT_KEY=name"),
    ),
    case("passing", "a URL without a password", env("DATABASE_URL=postgresql://app@postgres:5432/tasktracker")),
    case("passing", "a commit under its name", env(f"GIT_COMMIT={COMMIT}", f"sourceRevision={COMMIT}")),
    case("passing", "a name that is allowed", env(f"TRACE_SEED={RANDOM}"), allow=["TRACE_SEED"]),
    case("failing", "a password", env("LOG=info", "DB_PASSWORD=hunter2"), "envs[1]"),
    case("failing", "a password, service", service_env({"DB_PASSWORD": "hunter2"}), f"{SPEC}.env.DB_PASSWORD"),
    case("failing", "two of three", env("TOKEN=hunter2", "LOG=info", f"X={TOKEN}"), "envs[0]", "envs[2]"),
    case("failing", "a mark", env("X=y", secret=("envs",)), "envs"),
    case("failing", "a mark, service", service_env({"X": "y"}, secret=(f"{SPEC}.env.X",)), f"{SPEC}.env"),
    case("failing", "a name that is added", env("LIZENZ=hunter2"), "envs[0]", names=["lizenz*"]),
    case("failing", "a name that is added, in any case", env("mein_LIZENZ=x"), "envs[0]", names=["*lizenz"]),
    case("bypass", "a harmless name for a token", env(f"LOG_LEVEL={TOKEN}"), "envs[0]"),
    case("bypass", "a harmless name for a random text", env(f"LOG_LEVEL={RANDOM}"), "envs[0]"),
    case(
        "bypass", "a harmless name for a key of hexadecimal digits", env(f"LEVEL={2 * '0123456789abcdef'}"), "envs[0]"
    ),
    case("bypass", "a commit under another name", env(f"BUILD_ARG={COMMIT}"), "envs[0]"),
    case("bypass", "a token under a commit's name", env(f"GIT_COMMIT={TOKEN}"), "envs[0]"),
    case("bypass", "camel case", env("dbPassword=hunter2"), "envs[0]"),
    case("bypass", "capitals anywhere", env("dB_pAsSwOrD=hunter2"), "envs[0]"),
    case("bypass", "dashes and dots", env("db.api-key=hunter2", "db-pass=hunter2"), "envs[0]", "envs[1]"),
    case("bypass", "a space before the name", env(" PASSWORD=hunter2"), "envs[0]"),
    case("bypass", "a number behind the name", env("PASSWORD_2=hunter2", "TOKEN3=hunter2"), "envs[0]", "envs[1]"),
    case("bypass", "a file's name for a password", env("DB_PASSWORD_FILE=hunter2"), "envs[0]"),
    case("bypass", "a path's name for a password", env("DB_PASSWORD_PATH=hunter2"), "envs[0]"),
    case("bypass", "a relative path", env("DB_PASSWORD_FILE=secrets/../hunter2"), "envs[0]"),
    case("bypass", "a password that starts as a path does", env("DB_PASSWORD=/hunter2"), "envs[0]"),
    case("bypass", "a password that starts as a variable does", env("DB_PASSWORD=$hunter2"), "envs[0]"),
    case("bypass", "a default behind a variable", env("DB_PASSWORD=${X:-hunter2}"), "envs[0]"),
    case("bypass", "digits only", env("PASSWORD=123456"), "envs[0]"),
    case("bypass", "quotes", env("PASSWORD='hunter2'"), "envs[0]"),
    case("bypass", "a URL with a password", env("DATABASE_URL=postgresql://app:hunter2@db/x"), "envs[0]"),
    case("bypass", "a URL with a password, encoded", env("X=postgresql%3A%2F%2Fapp%3Ahunter2%40db"), "envs[0]"),
    case("bypass", "a URL with a password that has a slash", env("X=postgresql://app:hun/ter2@db/x"), "envs[0]"),
    case("bypass", "a URL of Go's MySQL driver", env("X=app:hunter2@tcp(db:3306)/x"), "envs[0]"),
    case("bypass", "a URL with a token for a user", env("NATS_URL=nats://hunter2@nats:4222"), "envs[0]"),
    case("bypass", "a DSN", env("X=host=db user=app password=hunter2"), "envs[0]"),
    case("bypass", "JSON", env('CONFIG={"db":{"password":"hunter2"}}'), "envs[0]"),
    case("bypass", "YAML", env("CONFIG=db:\n  password: hunter2\n"), "envs[0]"),
    case("bypass", "a webhook", env("NOTIFY=https://hooks.slack" + ".com/services/T0000/B0000/" + 24 * "x"), "envs[0]"),
    case("bypass", "a webhook by its name", env("WEBHOOK_URL=https://chat.example.com/x"), "envs[0]"),
    case("bypass", "base64", env(f"X={base64.b64encode(TOKEN.encode()).decode()}"), "envs[0]"),
    case("bypass", "base64 twice", env(f"X={base64.b64encode(base64.b64encode(TOKEN.encode())).decode()}"), "envs[0]"),
    case("bypass", "a token in a sentence", env(f"X=use {TOKEN}, please"), "envs[0]"),
    case("bypass", "a token in a name", env(f"{TOKEN}=x"), "envs[0]"),
    case("bypass", "a token without a name", env(TOKEN), "envs[0]"),
    case("bypass", "a token in a name, service", service_env({TOKEN: "x"}), f"{SPEC}.env"),
    case("bypass", "an allowed name for a token", env(f"X={TOKEN}"), "envs[0]", allow=["X"]),
    case("bypass", "an allowed name for a password", env("PASSWORD=hunter2"), "envs[0]", allow=["PASSWORD"]),
    case("bypass", "an allowed name in another case", env(f"x={RANDOM}"), "envs[0]", allow=["X"]),
    case("bypass", "an allowed name for a mark", env("X=y", secret=("envs[0]",)), "envs", allow=["X"]),
    case(
        "bypass",
        "a mark, and a token that isn't marked",
        env("X=y", f"Y={TOKEN}", secret=("envs[0]",)),
        "envs",
        "envs[1]",
    ),
    case(
        "bypass",
        "a mark of the whole resource",
        (container(secret=("",)),),
        "envs",
        "healthcheck.tests",
        "labels",
        "logOpts",
    ),
    case(
        "bypass",
        "a mark in a list of one",
        service_env({"X": "y"}, secret=("taskSpec[0].containerSpec[0].env.X",)),
        f"{SPEC}.env",
    ),
    case("bypass", "a number for a text, service", service_env({"PASSWORD": 1234567.0}), f"{SPEC}.env.PASSWORD"),
    case("unknown", "environment", (container({"envs": UNKNOWN}), service({f"{SPEC}.env": UNKNOWN}))),
    case("unknown", "one variable of three", env("X=y", UNKNOWN, "TOKEN=hunter2"), "envs[2]"),  # type: ignore[arg-type]
    case("unknown", "value, service", service_env({"PASSWORD": UNKNOWN, "TOKEN": "hunter2"}), f"{SPEC}.env.TOKEN"),
    case("unknown", "but marked", (container({"envs": UNKNOWN}, secret=("envs",)),), "envs"),
    # Labels.
    case("passing", "label with a commit", label("org.opencontainers.image.revision", COMMIT)),
    case("passing", "label with a commit and changes", label("org.opencontainers.image.revision", f"{COMMIT}-dirty")),
    case("passing", "label with a release that is a commit", label("release", COMMIT)),
    case("passing", "label with the digest of files", label("files", "0f1e2d3c4b5a")),
    case("passing", "label with a route", label("traefik.http.routers.api.rule", "Host(`example.com`)")),
    case("passing", "label with a description", label("org.opencontainers.image.description", "Tasks: list, add, end")),
    case("failing", "label", label("password", "hunter2"), "labels[1]"),
    case("failing", "label, service", (service({"labels": [{"label": "api-key", "value": "x1"}]}),), "labels[0]"),
    case(
        "failing",
        "label, service's containers",
        (service({f"{SPEC}.labels": [{"label": "x", "value": TOKEN}]}),),
        f"{SPEC}.labels[0]",
    ),
    case("failing", "label with a mark", (container(secret=("labels[0].value",)),), "labels"),
    case("failing", "label of a volume", (volume({"labels": [{"label": "token", "value": "x1"}]}),), "labels[0]"),
    case("failing", "label of a network", (network({"labels": [{"label": "token", "value": "x1"}]}),), "labels[0]"),
    case(
        "bypass",
        "label with a password hash",
        label("traefik.http.middlewares.x.basicauth.users", "admin:$apr1$abcdefgh$0123456789abcdefghijkl"),
        "labels[1]",
    ),
    case("bypass", "label whose name is a token", label(TOKEN, "x"), "labels[1]"),
    case("bypass", "label of a carrier", (carrier({"labels": [{"label": "x", "value": TOKEN}]}),), "labels[0]"),
    case(
        "bypass",
        "option of a volume's driver",
        (volume({"driverOpts": {"type": "cifs", "o": "addr=x,username=x,password=hunter2"}}),),
        "driverOpts.o",
    ),
    case(
        "bypass",
        "option of a network's driver",
        (network({"options": {"encryption-key": "x1"}}),),
        "options.encryption-key",
    ),
    case("unknown", "labels", (container({"labels": UNKNOWN}), service({"labels": [UNKNOWN]}))),
    case(
        "unknown",
        "a label's value",
        (container({"labels": [{"label": "token", "value": UNKNOWN}, {"label": "token", "value": "x1"}]}),),
        "labels[1]",
    ),
    # Commands.
    case(
        "passing",
        "command with the file of a token",
        command("tunnel", "run", "--token-file", "/etc/tasktracker/token"),
    ),
    case("passing", "command with a variable", command("sh", "-c", 'exec app --password="$APP_PASSWORD"')),
    case("passing", "command that reads a file", command("sh", "-c", "PGPASSWORD=$(cat /run/secrets/x) exec psql")),
    case(
        "passing",
        "command with ports, paths and folders",
        command("app", "-p", "8080", "-c", "/etc/nats.conf", "-a", "x"),
    ),
    case("passing", "command that asks for no password", command("pg_dump", "--no-password", "postgres")),
    case("passing", "command with a setting", command("postgres", "-c", "password_encryption=scram-sha-256")),
    case("failing", "command", command("app", "--password=hunter2"), "command[1]"),
    case("failing", "command over two words", command("app", "--password", "hunter2"), "command[2]"),
    case("failing", "entrypoint", (container({"entrypoints": ["app", "--token=hunter2"]}),), "entrypoints[1]"),
    case("failing", "command with a mark", (container({"command": ["app", "x"]}, secret=("command[1]",)),), "command"),
    case("failing", "arguments, service", (service({f"{SPEC}.args": ["--token", "x1"]}),), f"{SPEC}.args[1]"),
    case("failing", "command, service", (service({f"{SPEC}.commands": ["app", TOKEN]}),), f"{SPEC}.commands[1]"),
    case("bypass", "shell", command("sh", "-c", "PGPASSWORD=hunter2 psql"), "command[2]"),
    case("bypass", "shell that prints", command("sh", "-c", "app --password=$(echo hunter2)"), "command[2]"),
    case("bypass", "short option", command("mysql", "-u", "root", "-phunter2"), "command[3]"),
    case("bypass", "short option over two words", command("redis-cli", "-a", "hunter2"), "command[2]"),
    case("bypass", "short option of an unknown program", command("app", "-p", "hunter22"), "command[2]"),
    case("bypass", "one dash", command("app", "-token", "hunter2"), "command[2]"),
    case("bypass", "header", command("curl", "-H", "Authorization: Bearer hunter2"), "command[2]"),
    case("bypass", "user and password", command("curl", "-u", "admin:hunter2", "http://x"), "command[2]"),
    case("bypass", "Java property", command("java", "-Dapp.dbPassword=hunter2", "-jar", "x.jar"), "command[1]"),
    case(
        "bypass",
        "option in the entrypoint, secret in the command",
        (container({"entrypoints": ["app", "--password"], "command": ["hunter2"]}),),
        "command[0]",
    ),
    case("bypass", "tunnel token", command("tunnel", "run", "--token", "eyJ" + "hIjoi" + 40 * "Zq1"), "command[3]"),
    case("bypass", "two secrets", command("app", "--password", "hunter2", "--token=x1"), "command[2]", "command[3]"),
    case("bypass", "command of a carrier", (carrier({"command": ["true", TOKEN]}),), "command[1]"),
    case("unknown", "command", (container({"command": UNKNOWN}), service({f"{SPEC}.args": UNKNOWN}))),
    case("unknown", "a word behind an option", command("app", "--password", UNKNOWN, TOKEN), "command[3]"),
    # Health checks.
    case(
        "passing", "health check", check("CMD", "pg_isready", "-q", "-h", "127.0.0.1", "-U", "app", "-d", "tasktracker")
    ),
    case("passing", "health check with a variable", check("CMD-SHELL", 'mysqladmin ping -p"$MYSQL_PASSWORD"')),
    case("failing", "health check", check("CMD", "app", "--password=hunter2"), "healthcheck.tests[2]"),
    case(
        "failing",
        "health check, service",
        (service({f"{SPEC}.healthcheck.tests": ["CMD", "x", TOKEN]}),),
        f"{SPEC}.healthcheck.tests[2]",
    ),
    case("failing", "health check with a mark", (container(secret=("healthcheck",)),), "healthcheck.tests"),
    case(
        "bypass",
        "health check over two words",
        check("CMD", "redis-cli", "-a", "hunter2", "ping"),
        "healthcheck.tests[3]",
    ),
    case(
        "bypass",
        "health check in a shell",
        check("CMD-SHELL", "curl -u a:hunter2 http://x || exit 1"),
        "healthcheck.tests[1]",
    ),
    case("unknown", "health check", (container({"healthcheck": UNKNOWN}), service({f"{SPEC}.healthcheck": UNKNOWN}))),
    case("unknown", "a word of a health check", check("CMD", UNKNOWN, TOKEN), "healthcheck.tests[2]"),
    # Images that are built.
    case(
        "passing", "build arguments", (make(REMOTE_IMAGE, {"name": "x", "build": {"buildArgs": {"VERSION": COMMIT}}}),)
    ),
    case(
        "failing",
        "build argument",
        (make(REMOTE_IMAGE, {"name": "x", "build": {"buildArgs": {"NPM_TOKEN": "x1"}}}),),
        "build.buildArgs.NPM_TOKEN",
    ),
    case(
        "failing",
        "build argument, registry",
        (make(REGISTRY_IMAGE, {"build": {"buildArgs": {"A": TOKEN}}}),),
        "build.buildArgs.A",
    ),
    case("failing", "build argument, image", (make(IMAGE, {"build": {"args": {"A": TOKEN}}}),), "build.args.A"),
    case(
        "failing",
        "build argument with a mark",
        (make(IMAGE, {"build": {"args": {"A": "x"}}}, secret=("build.args.A",)),),
        "build.args",
    ),
    case("bypass", "label of a build", (make(REMOTE_IMAGE, {"build": {"label": {"x": TOKEN}}}),), "build.label.x"),
    case(
        "unknown",
        "build",
        (make(REMOTE_IMAGE, {}, {"build": UNKNOWN}), make(IMAGE, {}, {"build": {"args": {"A": UNKNOWN}}})),
    ),
)


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)


def test_no_message_shows_the_value() -> None:
    rule = rule_of("DKR-SECRET")
    for case in CASES:
        for finding in run(case):
            for resource in case.resources:
                said = message(rule, finding, resource)
                assert not any(secret in said for secret in ("hunter2", TOKEN, RANDOM, COMMIT)), case


def test_a_message_names_the_variable_and_the_kind() -> None:
    resource = container({"envs": [f"LOG_LEVEL={TOKEN}"]})
    rule = rule_of("DKR-SECRET")
    (finding,) = run(case("failing", "", (resource,), "envs[0]"))
    said = message(rule, finding, resource)
    assert said.startswith('envs[0] is "LOG_LEVEL, which holds a GitHub token". Allowed: no secret;')


@pytest.mark.parametrize(
    "value", [None, 0, 1.5, True, "x", float("nan"), [], [[]], [None], [{}], {}, {"": None}, {"a": {}}]
)
def test_nonsense_is_no_secret(value: Any) -> None:
    paths = ("envs", "labels", "command", "entrypoints", "healthcheck", "healthcheck.tests")
    run(case("passing", "", tuple(container({path: value}) for path in paths)))
    paths = ("labels", SPEC, f"{SPEC}.env", f"{SPEC}.labels", f"{SPEC}.args", f"{SPEC}.healthcheck.tests")
    run(case("passing", "", tuple(service({path: value}) for path in paths)))


BASIC = base64.b64encode(b"admin:hunter2").decode()
BAD_VARIABLES = [f"HTTP_AUTHORIZATION=Basic {BASIC}", "NEXT_PUBLIC_DB_PASSWORD=hunter2", f"VITE_GITHUB_KEY={TOKEN}"]
GOOD_VARIABLES = [
    "AUTH_PASSWORD_VALIDATORS=default", "VITE_GOOGLE_ANALYTICS_KEY=G-ABCDEF1234", "MAPBOX_PUBLIC_TOKEN=pk.abc.def",
    "NEXT_PUBLIC_SENTRY_DSN=https://0f1e2d3c4b5a69788796a5b4c3d2e1f0@o42.ingest.sentry.io/4505",
    "GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D", "CLUSTER_ID=MkU3OEVBNTcwNTJENDM2Qk",
]  # fmt: skip
BAD_COMMANDS = [["sh", "-c", "echo 'admin:hunter2' | chpasswd"], ["snmpget", "-A", "hunter2222", "host"]]
BAD_CONTENTS = {
    "/etc/users.txt": '"app" "hunter2"\n',
    "/etc/ldap.conf": "bindpw hunter2\n",
    "/etc/sasl_passwd": "[smtp.example.com]:587 user:hunter2\n",
    "/etc/realm.json": '{"credentials":[{"type":"password","value":"hunter2"}]}',
    "/etc/app.env": "DB_PASSWORD=hunter2\n".encode("utf-16"),
}
GOOD_CONTENTS = {
    "/etc/fluent.conf": "<match>\n  password \"#{ENV['ES_PASSWORD']}\"\n</match>\n",
    "/etc/package-lock.json": '{"node_modules/js-tokens":{"integrity":"sha512-RdJUflcE3cUzKiMqQgsCu06FPu9'
    'UdIJO0beYbPhHN4k6apgJtifcoCtT9bcxOpYBtpD2kCM6Sbzg4CausW/PKQ=="}}',
    "/etc/ssh/sshd_config": "PasswordAuthentication no\nAuthorizedKeysFile .ssh/authorized_keys\n",
    "/etc/nsswitch.conf": "passwd: files\nshadow: files\n",
    "/etc/ldap.conf": "bindpwfile /run/secrets/x\n",
    "/etc/comments.conf": "# the password: it is in a file\nlisten 80\n",
}


def _upload(file: str, content: str | bytes) -> Resource:
    raw = content if isinstance(content, bytes) else content.encode()
    return carrier({"uploads": [{"file": file, "contentBase64": base64.b64encode(raw).decode()}]})


def _is_found(*resources: Resource) -> bool:
    rule = rule_of("DKR-SECRET")
    return bool(findings(rule, resources, Scope(rule.options(), stack="prod")))


def test_more_secrets_and_values_that_are_none() -> None:
    assert [each for each in BAD_VARIABLES if not _is_found(*env(each))] == []
    assert [each for each in GOOD_VARIABLES if _is_found(*env(each))] == []
    assert [each for each in BAD_COMMANDS if not _is_found(container({"command": each}))] == []
    assert [file for file, content in BAD_CONTENTS.items() if not _is_found(_upload(file, content))] == []
    assert [file for file, content in GOOD_CONTENTS.items() if _is_found(_upload(file, content))] == []
    assert not _is_found(*label("files", 2 * "0f1e2d3c4b5a69788796a5b4c3d2e1f0"))
    in_a_mount = {
        "type": "volume",
        "target": "/x",
        "volumeOptions": {"labels": [{"label": "password", "value": "hunter2"}]},
    }
    assert _is_found(container({"mounts": [in_a_mount]}))
