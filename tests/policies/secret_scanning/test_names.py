"""What names of secrets say of their values."""

from __future__ import annotations

import pytest

from policies.secret_scanning.names import secret_under

NAMES_OF_SECRETS = (
    "PASSWORD", "password", "pAsSwOrD", "DB_PASSWORD", "dbPassword", "DBPASSWORD", "db-password", "db.password",
    "PGPASSWORD", "MYSQL_PWD", "Pwd", "DB_PASS", "dbpass", "SSH_PASSPHRASE", "PASSWORD_2", "PASSWORD_PROD", "SECRET",
    "CLIENT_SECRET", "clientSecret", "SECRET_KEY_BASE", "TOKEN", "token", "GITHUB_TOKEN", "authToken", "API_KEY",
    "APIKEY", "apiKey", "x-api-key", "PRIVATE_KEY", "ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "ENCRYPTION_KEY", "APP_KEY",
    "TLS_KEY", "CREDENTIAL", "GOOGLE_APPLICATION_CREDENTIALS", "REDIS_CREDS", "SENTRY_DSN", "CONNECTION_STRING",
    "DATABASE_CONNSTR", "SLACK_WEBHOOK", "SLACK_WEBHOOK_URL", "GH_PAT", "BASIC_AUTH", "ERLANG_COOKIE", "AUTH_SALT",
    " PASSWORD ",
    "\N{FULLWIDTH LATIN CAPITAL LETTER P}ASSWORD", "PASSWORD_HASH", "DB_PASSWORD_FILE", "TLS_KEY_PATH",
)  # fmt: skip

NAMES_OF_OTHER_THINGS = (
    "LOG_LEVEL", "POSTGRES_DB", "APP_USER", "TOKEN_TTL", "PASSWORD_POLICY", "PASSWORD_MIN_LENGTH", "SECRET_NAME",
    "TOKEN_ISSUER", "TOKENIZERS_PARALLELISM", "COMPASS_MODE", "BYPASS", "PASSIVE", "PUBLIC_KEY", "SORT_KEY",
    "CACHE_KEY", "MONKEY", "KEYCLOAK_URL", "SECRETARY", "PATH", "SSH_AUTH_SOCK", "POSTGRES_HOST_AUTH_METHOD", "",
    "org.opencontainers.image.revision", "traefik.http.routers.api.rule",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES_OF_SECRETS)
def test_names_of_secrets(name: str) -> None:
    assert secret_under(name, "hunter2")


@pytest.mark.parametrize("name", NAMES_OF_OTHER_THINGS)
def test_names_of_other_things(name: str) -> None:
    assert secret_under(name, "hunter2") is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PASSWORD", ""), ("ALLOW_EMPTY_PASSWORD", "yes"), ("REQUIRE_TOKEN", "True"), ("MAX_TOKENS", "4096"),
        ("DB_PASSWORD", "/run/secrets/db"), ("DB_PASSWORD_FILE", "/run/secrets/db"), ("TLS_KEY_PATH", "/key.pem"),
        ("DB_PASSWORD", "${DB_PASSWORD}"), ("DB_PASSWORD", "$__file{/run/secrets/db}"), ("DB_PASSWORD", "***"),
        ("DB_PASSWORD", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:db-AbCdEf"), ("PWD", "/app"),
        ("TOKEN_URL", "https://login.example.com/oauth/token"), ("DATABASE_DSN", "postgres://postgres:5432/x"),
        ("TOKEN_TTL_SECONDS", "3600"), ("GF_AUTH_TOKEN_ROTATION_INTERVAL_MINUTES", "10"),
        ("API_KEY_MAX_AGE_DAYS", "90"),
    ],
)  # fmt: skip
def test_harmless_values(name: str, value: str) -> None:
    assert secret_under(name, value) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PASSWORD", "123456"), ("PASSWORD", "changeme"), ("PASSWORD", "/hunter2"), ("DB_PASSWORD_FILE", "hunter2"),
        ("DB_PASSWORD_FILE", "secrets/db"), ("DB_PASSWORD_FILE", "/run/secrets/../hunter2"), ("PASSWORD", "$ecret1"),
        ("PASSWORD", "${PASSWORD:-hunter2}"), ("WEBHOOK_URL", "https://chat.example.com/hooks/x"), ("PWD", "hunter2"),
        ("PASSWORD", " 'hunter2' "), ("TOKEN", "0x10"), ("SENTRY_DSN", "https://abc@sentry.example.com/1"),
        ("DB_PASSWORD_SECONDS", "hunter2"), ("TOKEN_MS", "1234567"),
    ],
)  # fmt: skip
def test_values_that_are_not_harmless(name: str, value: str) -> None:
    assert secret_under(name, value)
