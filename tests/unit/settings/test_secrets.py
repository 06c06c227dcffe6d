"""Config secrets: present, encrypted and of the right form, and never shown."""

import re

import pytest

from settings import SettingsError
from tests.certificates import chain, ec_key, key_pem
from tests.unit.settings.config import problem, problems, read

KEY = "k" * 32
PEM_BODY = "MIIBszCCAVmgAwIBAgIUSVGhYmJkZQ=="
CERTIFICATE = f"-----BEGIN CERTIFICATE-----\n{PEM_BODY}\n-----END CERTIFICATE-----\n"
TLS_KEY = f"-----BEGIN PRIVATE KEY-----\n{PEM_BODY}\n-----END PRIVATE KEY-----\n"
DATABASE_URL = "postgresql://tasks:p%40ss@db.example.com:5432/tasks"


def test_settings_name_the_secrets_that_are_set() -> None:
    settings = read({}, {"encryption_key": KEY, "database_url": DATABASE_URL})
    assert settings.secrets == {"encryption_key", "database_url"}
    assert settings.external_database
    assert not read({}).external_database


def test_settings_hold_no_value_of_a_secret() -> None:
    assert KEY not in repr(read({}, {"encryption_key": KEY}))


def test_a_secret_in_clear_is_refused_with_the_command_that_encrypts_it() -> None:
    assert problem({"encryption_key": KEY}) == (
        "tasktracker:encryption_key: must be encrypted; run ./tt pulumi config set --secret encryption_key --stack test"
    )


def test_a_setting_is_no_secret() -> None:
    assert problem({}, {"domain": "tasks.example.com"}) == (
        "tasktracker:domain: must not be a secret; set it again without --secret"
    )


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("encryption_key", "k" * 31, "must have at least 32 bytes; it has 31"),
        ("encryption_key", "k" * 31 + "\n", "must have at least 32 bytes; it has 31"),
        ("encryption_key", "", "must have at least 32 bytes; it has 0"),
        ("backup_passphrase", "k" * 31, "must have at least 32 bytes; it has 31"),
        ("backup_passphrase", "k" * 32 + "\nrepo1-type=posix", "must be one line of visible ASCII characters"),
        ("s3_access_key", "", "must be one line of visible ASCII characters"),
        ("s3_secret_key", "key\n", "must be one line of visible ASCII characters"),
        ("cloudflare_api_token", "", "must be one line of visible ASCII characters"),
        ("cloudflare_api_token", "Bearer abc", "must be one line of visible ASCII characters"),
        ("cloudflare_api_token", 37 * "a", "must be an API token; this has the form of the global API key"),
        ("tls_ca_certificate", TLS_KEY, "must be certificates in PEM form"),
        ("s3_ca_certificate", TLS_KEY, "must be certificates in PEM form"),
        ("tls_certificate", "no such thing", "must be certificates in PEM form"),
        ("tls_certificate", TLS_KEY, "must be certificates in PEM form"),
        ("tls_certificate", CERTIFICATE.replace("MII", "MI"), "must be certificates in PEM form"),
        ("tls_key", CERTIFICATE, "must be a private key in PEM form"),
        ("tls_key", TLS_KEY.replace("PRIVATE", "ENCRYPTED PRIVATE"), "must be a private key without a pass phrase"),
        ("tls_key", TLS_KEY.replace("MII", "Proc-Type: 4,ENCRYPTED\nMII"), "without a pass phrase"),
    ],
)
def test_refuses_a_malformed_secret(name: str, value: str, words: str) -> None:
    line = problem({}, {name: value})
    assert line.startswith(f"tasktracker:{name}: ")
    assert words in line


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_takes_certificates_and_keys(line_end: str) -> None:
    pair = {"tls_certificate": chain(hosts=["localhost"]), "tls_key": key_pem(ec_key("server"))}
    settings = read({"nginx": {"tls": True}}, {name: text.replace("\n", line_end) for name, text in pair.items()})
    assert settings.nginx.tls


@pytest.mark.parametrize(
    "url",
    [
        "",
        "db.example.com",
        "postgres://tasks:hunter2@db.example.com:5432/tasks",
        "postgresql+asyncpg://tasks:hunter2@db.example.com:5432/tasks",
        "postgresql://db.example.com:5432/tasks",
        "postgresql://tasks@db.example.com:5432/tasks",
        "postgresql://tasks:hunter2@db.example.com/tasks",
        "postgresql://tasks:hunter2@db.example.com:port/tasks",
        "postgresql://tasks:hunter2@db.example.com:5432",
        "postgresql://tasks:hunter2@db.example.com:5432/a/b",
        "postgresql://tasks:hunter2@db.example.com:5432/tasks?sslmode=require",
        "postgresql://tasks:hun#ter2@db.example.com:5432/tasks",
        "postgresql://tasks:hunter2@[::1:5432/tasks",
        "postgresql://tasks:hunter2@db.example.com:5432/tasks\n",
    ],
)
def test_refuses_another_form_of_database_url(url: str) -> None:
    line = problem({}, {"database_url": url})
    assert line == (
        "tasktracker:database_url: must have the form postgresql://USER:PASSWORD@HOST:PORT/DATABASE,"
        " with special characters of the password as %XX"
    )


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_refuses_a_database_inside_the_container(host: str) -> None:
    line = problem({}, {"database_url": f"postgresql://tasks:hunter2@{host}:5432/tasks"})
    assert "must name a host that containers reach" in line


def test_an_app_secret_has_the_length_and_the_form_that_is_asked_for() -> None:
    wanted = {"app_secrets": {"slack_token": {"min_bytes": 8, "pattern": "xoxb-[0-9]+"}}}
    assert read(wanted, {"slack_token": "xoxb-1234"}).secrets == {"slack_token"}
    assert problem(wanted, {"slack_token": "xoxb-1"}) == (
        "tasktracker:slack_token: must have at least 8 bytes; it has 6"
    )
    assert problem(wanted, {"slack_token": "xoxb-1234x"}) == "tasktracker:slack_token: must match xoxb-[0-9]+"
    assert problem({"app_secrets": {"pin": {}}}, {"pin": ""}) == (
        "tasktracker:pin: must have at least 1 byte; it has 0"
    )


def test_an_unknown_secret_is_refused_with_the_nearest_known_one() -> None:
    assert problem({}, {"tls_certifcate": "hunter2"}) == (
        "tasktracker:tls_certifcate: unknown secret; did you mean tls_certificate?"
        " Allowed here: encryption_key, database_url, tls_certificate, tls_key, tls_ca_certificate,"
        " cloudflare_api_token, backup_passphrase, s3_access_key, s3_secret_key, s3_reader_access_key,"
        " s3_reader_secret_key, s3_ca_certificate"
    )


def test_no_problem_shows_a_secret() -> None:
    hidden = "hunter2"
    keys = {
        "encryption_key": hidden,
        "passwrod": hidden,
        "app_secrets": {"token": hidden, "other": {"value": hidden}},
        "postgres": hidden,
    }
    secrets = {"database_url": hidden, "tls_key": hidden, "token": hidden, "domain": hidden, "nonsense": hidden}
    with pytest.raises(SettingsError) as caught:
        read(keys, secrets)
    assert len(caught.value.problems) >= 9
    assert not re.search(hidden, str(caught.value))


def test_secrets_are_not_unknown_where_the_list_of_their_names_is_unreadable() -> None:
    assert len(problems({"app_secrets": ["slack_token"]}, {"slack_token": "x"})) == 1
