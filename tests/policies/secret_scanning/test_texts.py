"""Secrets in texts, by their shape, their entropy and what they are given to."""

from __future__ import annotations

import base64
import string
from collections.abc import Callable
from random import Random
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.evaluate import findings, message
from policies.rule import Finding, Scope
from policies.secret_scanning.names import secret_under
from policies.secret_scanning.shapes import SHAPES, is_random
from policies.secret_scanning.texts import secret_in, secret_in_words
from tests.generated import examples
from tests.policies.cases import rule_of
from tests.policies.compliant import container, service, volume

HEX = "0123456789abcdef"
ALPHANUMERIC = string.ascii_letters + string.digits
URL_SAFE = f"{ALPHANUMERIC}-_"
BASE32 = f"{string.ascii_uppercase}234567"


def _of(alphabet: str, length: int) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=length, max_size=length)


def _made(*parts: str | tuple[str, int]) -> st.SearchStrategy[str]:
    return st.tuples(*(st.just(part) if isinstance(part, str) else _of(*part) for part in parts)).map("".join)


#: Secrets as their issuers make them. None is real; the literals are in pieces, so that no scanner takes them for it.
ISSUED = {
    "AWS access key": _made("AK" + "IA", (BASE32, 16)),
    "AWS temporary key": _made("AS" + "IA", (BASE32, 16)),
    "GitHub token": _made("gh" + "p_", (ALPHANUMERIC, 36)),
    "GitHub fine-grained token": _made("github" + "_pat_", (ALPHANUMERIC, 22), "_", (ALPHANUMERIC, 59)),
    "GitLab token": _made("gl" + "pat-", (URL_SAFE, 20)),
    "Slack bot token": _made("xo" + "xb-", (string.digits, 12), "-", (string.digits, 13), "-", (ALPHANUMERIC, 24)),
    "Slack webhook": _made("https://hooks.slack" + ".com/services/T", (BASE32, 8), "/B", (BASE32, 8), "/", (HEX, 24)),
    "Discord webhook": _made("https://discord" + ".com/api/webhooks/", (string.digits, 18), "/", (URL_SAFE, 68)),
    "Stripe key": _made("sk_" + "live_", (ALPHANUMERIC, 24)),
    "Google key": _made("AI" + "za", (URL_SAFE, 35)),
    "JSON Web Token": _made("eyJ", (ALPHANUMERIC, 33), ".eyJ", (URL_SAFE, 40), ".", (URL_SAFE, 43)),
    "Cloudflare tunnel token": _made("eyJ" + "hIjoi", (ALPHANUMERIC, 120)),
    "npm token": _made("np" + "m_", (ALPHANUMERIC, 36)),
    "PyPI token": _made("pypi" + "-AgEIcHlwaS5vcmc", (URL_SAFE, 80)),
    "Telegram bot token": _made((string.digits, 10), ":A" + "A", (URL_SAFE, 33)),
    "Discord bot token": _made("M", (ALPHANUMERIC, 23), ".", (URL_SAFE, 6), ".", (URL_SAFE, 38)),
    "SendGrid key": _made("S" + "G.", (URL_SAFE, 22), ".", (URL_SAFE, 43)),
    "Twilio key": _made("S" + "K", (HEX, 32)),
    "DigitalOcean token": _made("dop" + "_v1_", (HEX, 64)),
    "age key": _made("AGE-SECRET" + "-KEY-1", (BASE32, 58)),
    "private key": _made("-----BEGIN EC PRIVATE" + " KEY-----\n", (ALPHANUMERIC, 60)),
    "PGP key": _made("-----BEGIN PGP PRIVATE" + " KEY BLOCK-----\n", (ALPHANUMERIC, 60)),
    "Pulumi token": _made("pu" + "l-", (HEX, 40)),
    "Vault token": _made("hv" + "s.", (ALPHANUMERIC, 24)),
    "Anthropic key": _made(" sk" + "-ant-api03-", (URL_SAFE, 93), "AA"),
    "OpenAI key": _made("T3Blbk" + "FJ", (ALPHANUMERIC, 20)),
    "Hugging Face token": _made("h" + "f_", (string.ascii_letters, 34)),
    "NATS seed": _made("S" + "U", (BASE32, 56), "."),
    "Azure client secret": _made((ALPHANUMERIC, 3), "8Q" + "~", (ALPHANUMERIC, 34)),
    "bcrypt hash": _made("$2" + "b$12$", (ALPHANUMERIC, 53)),
    "argon2 hash": _made("$argon2" + "id$v=19$m=65536,t=3,p=4$", (ALPHANUMERIC, 22), "$", (ALPHANUMERIC, 43)),
    "SCRAM verifier": _made("SCRAM-SHA" + "-256$4096:", (ALPHANUMERIC, 22), "==$"),
    "URL with a password": _made("postgresql://app:", (ALPHANUMERIC, 12), "@postgres:5432/tasktracker"),
    "URL with a password and no user": _made("redis://:", (ALPHANUMERIC, 12), "@redis:6379/0"),
    "URL with an encoded password": _made("amqp://app:%40", (ALPHANUMERIC, 12), "%2F@mq"),
    "option": _made(" --password=Zq", (ALPHANUMERIC, 8), " "),
    "option and value": _made(" --token Zq", (ALPHANUMERIC, 8), " "),
    "variable": _made(" PGPASSWORD=Zq", (ALPHANUMERIC, 8), " psql"),
    "header": _made(' "Authorization: Bearer ', (URL_SAFE, 30), '" '),
    "JSON": _made(' {"password": "Zq', (ALPHANUMERIC, 8), '"} '),
}
SECRETS = st.one_of(*ISSUED.values())
# NATS seeds end where the alphabet ends; digits before a Telegram id and what follows an AWS key change nothing.
AROUND = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40)

HARMLESS = (
    "", "info", "nginx/1.26.0", "1.2.3-rc.1+build.5", "3f2a1b4c5d6e", "tasktracker-prod-postgres-data",
    "/etc/tasktracker/postgres-password", "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2",
    "https://tasktracker.example.com/api/health", "http://[::1]:8080/a@b", "https://user@example.com/x",
    "ssh://git@github.com/acme/repo.git", "postgresql://app@postgres:5432/tasktracker?sslmode=verify-full",
    "nats://nats:4222", "mailto:ops@example.com", "0.0.0.0:9090", "[::1]:8080", "172.20.0.0/16",
    "2025-11-22T05:20:00.123456Z", "America/Argentina/Buenos_Aires", "8d8ac610-566d-4ef0-9c22-186b2a5ed793",
    "registry.example.com:5000/tasktracker/api:1.2.3@sha256:"
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "ghcr.io/acme/api:4b825dc642cb6eb9a060e54bf8d69288fbee4904", "vpc-0a1b2c3d4e5f67890",
    "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "arn:aws:iam::123456789012:role/TaskTrackerBackupRole2024", "secretsmanager:GetSecretValue", "iam:CreateAccessKey",
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384", "TLSv1.2 TLSv1.3",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36", "Host(`example.com`) && PathPrefix(`/api`)",
    "pg_isready -q -h 127.0.0.1 -U tasktracker -d tasktracker", "curl -fsS http://127.0.0.1:8080/healthz",
    "redis-cli -h 127.0.0.1 ping", 'psql -p 5432 -c "select 1"', "mkdir -p /var/lib/app1", "mkdir -p data/app2",
    "mysqladmin ping -p$MYSQL_PASSWORD", 'sh -c \'PGPASSWORD=$(cat /run/secrets/db) psql -c "select 1"\'',
    "cloudflared tunnel run --token-file /etc/tasktracker/token", "pg_dump --no-password -h postgres",
    "docker login --password-stdin", "-c password_encryption=scram-sha-256", "ssl_key_file=/etc/tls/server.key",
    "--tls-key /etc/tls/server.key --tls-cert /etc/tls/server.crt", "no-new-privileges:false", "seccomp=unconfined",
    "default-src 'none'; script-src 'self'", r"^(?:[a-z0-9-]+\.)*example\.com$", "user:10001:10001",
    "%(asctime)s %(levelname)s %(name)s: %(message)s", "-Xms512m -XX:+UseG1GC -Djava.security.egd=file:/dev/./urandom",
    "org.apache.kafka.common.serialization.StringSerializer2", "task-tracker-production-database-2",
    "risk-admin-api-production-bucket", "rw,noexec,nosuid,nodev,size=64m,mode=1777",
    "abcdefghijklmnopqrstuvwxyz0123456789", "hashicorp/vault-secrets-operator:0.5.2",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH3kq2pQ9vTz7xYw1Zr8sB4mN6cL0dF5gJ2hK9tP3uQe ops",
    '{"Statement": [{"Principal": "*", "Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}',
    "postgres://app:${DB_PASSWORD}@postgres/x", "postgres://app:$DB_PASSWORD@postgres/x", "postgres://app:***@postgres/x",
)  # fmt: skip

GIVEN_AWAY = (
    "postgres://app:hunter2@db/x", "postgres://app:p/w@db/x", "postgresql+asyncpg://app:%2Fhunter@db",
    "postgres%3A%2F%2Fapp%3Ahunter2%40db", "app:hunter2@tcp(db:3306)/x", "app:hunter2@mq:5672", "nats://hunter2@nats:4222",
    "--password=hunter2", "--password hunter2", '--password="hunter2"', "-Dspring.datasource.password=hunter2",
    "-token hunter2", "--auth-token=${TOKEN:-hunter2}", "--password=$(echo hunter2)", "--requirepass hunter2",
    "PGPASSWORD=hunter2 psql", "export DB_PASS='hunter2'; run", "mysql -uroot -phunter2", "sshpass -p hunter2 ssh x",
    "redis-cli -a hunter2 ping", "curl -u admin:hunter2 http://x", "curl -fsSu admin:hunter2 http://x",
    "curl --user admin:hunter2 http://x", "ldapsearch -x -w hunter2", "sqlcmd -S db -P hunter2", "tool -p s3cret99 x",
    "docker login -u x -p hunter2", "openssl enc -pass pass:hunter2", "curl -H 'X-Api-Key: hunter2' http://x",
    'curl -H "Authorization: Basic YWRtaW46aHVudGVyMg==" x', '{"password":"hunter2"}', r'{\"password\":\"hunter2\"}',
    "db:\n  password: hunter2\n", "<password>hunter2</password>", "host=db user=app password=hunter2",
    "Server=db;Uid=x;Pwd=hunter2;", "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=abcdef==",
    "https://x.blob.example.com/y?sv=1&sig=abcdefghijklmnop1234", "admin:$apr1$abcdefgh$0123456789abcdefghijkl",
    # Encoded once and twice, behind something else, and as hexadecimal digits.
    "cG9zdGdyZXM6Ly9hcHA6aHVudGVyMkBkYi94", "Y0c5emRHZHlaWE02THk5aGNIQTZhSFZ1ZEdWeU1rQmtZaTk0",
    "x/cG9zdGdyZXM6Ly9hcHA6aHVudGVyMkBkYi94", "706f7374677265733a2f2f6170703a68756e7465723240646221",
    # Entropy.
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "0123456789abcdef0123456789abcdef", "q9ZxT4mB7vKp2LsW8nRd",
    "https://0f1e2d3c4b5a69788796a5b4c3d2e1f0@o1.ingest.example.com/2",
)  # fmt: skip


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret(text: str) -> None:
    assert secret_in(text) is None


@pytest.mark.parametrize("text", GIVEN_AWAY)
def test_what_is_a_secret(text: str) -> None:
    assert secret_in(text)


@pytest.mark.parametrize("kind", ISSUED)
def test_each_issuer(kind: str) -> None:
    @settings(max_examples=examples(60), deadline=None)
    @given(AROUND, ISSUED[kind], AROUND)
    def planted_anywhere(before: str, secret: str, after: str) -> None:
        if kind in ("Anthropic key", "option", "option and value", "variable", "NATS seed", "Discord bot token"):
            # Words by themselves, where what stands directly before them would make another word.
            before, after = f"{before}\n", f"\n{after}"
        assert secret_in(before + secret + after)

    planted_anywhere()


@settings(max_examples=examples(300), deadline=None)
@given(SECRETS, st.integers(1, 2), st.text(ALPHANUMERIC, max_size=3))
def test_encoded_secrets_are_found(secret: str, layers: int, before: str) -> None:
    data = secret.encode()
    for _ in range(layers):
        data = base64.b64encode(data)
    assert secret_in(before + data.decode())


@settings(max_examples=examples(300), deadline=None)
@given(SECRETS, st.sampled_from(["{}", "x {}", "{} x", "a\n{}\nb"]), st.sampled_from([str, list, dict]))
def test_no_message_shows_a_secret(secret: str, around: str, form: Callable[..., object]) -> None:
    text = around.format(secret)
    value: object = text if form is str else [text] if form is list else {"value": text}
    said = message(rule_of("DKR-PRIV"), Finding("command[0]", value, "false"), container())
    assert secret.strip() not in said
    assert "[secret]" in said


@settings(max_examples=examples(300), deadline=None)
@given(
    SECRETS,
    st.sampled_from(["LOG", "PASSWORD", "x"]),
    st.sampled_from(
        [
            "envs",
            "env name",
            "label",
            "label name",
            "command",
            "entrypoints",
            "health check",
            "shell",
            "service",
            "service name",
            "volume",
        ]
    ),
)
def test_no_message_of_the_rule_shows_a_secret(secret: str, name: str, place: str) -> None:
    spec = "taskSpec.containerSpec"
    resource = {
        "envs": container({"envs": [f"{name}={secret}"]}),
        "env name": container({"envs": [secret]}),
        "label": container({"labels": [{"label": name, "value": secret}]}),
        "label name": container({"labels": [{"label": secret, "value": name}]}),
        "command": container({"command": ["run", *secret.split(" ")]}),
        "entrypoints": container({"entrypoints": [secret]}),
        "health check": container({"healthcheck.tests": ["CMD", secret]}),
        "shell": container({"healthcheck.tests": ["CMD-SHELL", f"check {secret} || exit 1"]}),
        "service": service({f"{spec}.env": {name: secret}}),
        "service name": service({f"{spec}.env": {secret: name}}),
        "volume": volume({"driverOpts": {secret: secret}}),
    }[place]
    rule = rule_of("DKR-SECRET")
    found = findings(rule, [resource], Scope(rule.options()))
    assert found
    for finding in found:
        said = message(rule, finding, resource)
        # Nor any longer part of it.
        assert not any(part in said for part in (secret.strip(), *secret.split()) if len(part) > 12)


@settings(max_examples=examples(200), deadline=None)
@given(st.text(max_size=300))
def test_any_text_can_be_judged(text: str) -> None:
    secret_in(text)
    secret_under(text, text)
    list(secret_in_words(text.split(" ")))


def test_a_secret_over_two_words_is_the_second_one() -> None:
    assert [index for index, _ in secret_in_words(["run", "--password", "hunter2", "--verbose"])] == [2]
    assert [index for index, _ in secret_in_words(["mysql", "-phunter2", "db"])] == [1]
    assert [index for index, _ in secret_in_words(["redis-cli", "-a", "hunter2", "ping"])] == [2]
    assert not list(secret_in_words(["pg_dump", "--no-password", "postgres"]))
    assert not list(secret_in_words(["run", "--password", "--verbose"]))
    assert not list(secret_in_words(["run", "--token-file", "/etc/tasktracker/token"]))


def test_random_keys_have_entropy() -> None:
    random = Random(20251122)
    keys = [random.randbytes(32) for _ in range(500)]
    # 43 characters can be a poor draw; the rest is the length of what people and programs make.
    assert sum(is_random(base64.b64encode(key).decode()) for key in keys) > 490
    assert all(is_random(base64.urlsafe_b64encode(key + key[:16]).decode()) for key in keys)
    assert all(is_random(key.hex()) for key in keys)


def test_every_shape_starts_with_a_literal() -> None:
    """Else every position of every text is tried."""
    assert all(pattern[0].isalnum() or pattern[0] in "-:" or pattern[0] == "\\" for _, pattern in SHAPES)


@pytest.mark.parametrize(
    "part",
    ["a", "a=", "eyJ", "://a:b", "mysql -", "mysql ", "curl ", "--password ", "bearer ", "authorization:", "A1b/",
     "%41", "sk-", "password=$(cat ", "x:", "/a", "-----BEGIN ", "-----BEGIN CERTIFICATE-----", "AAAA",
     "SG.aaaa", "secret-"],
)  # fmt: skip
def test_time_is_linear(part: str) -> None:
    """Docker and Linux take 128 KiB in one variable."""
    text = (part * 131_072)[:131_072]
    start = process_time()
    secret_in(text)
    secret_under(text, text)
    assert process_time() - start < 3
