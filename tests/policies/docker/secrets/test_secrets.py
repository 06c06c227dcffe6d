"""No secrets where `docker inspect` and an image's history show them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import pytest

from policies.evaluate import message
from policies.resource import IMAGE, REGISTRY_IMAGE, REMOTE_IMAGE
from policies.values import UNKNOWN
from policies.workloads.uploads import SERVICE_CONFIG
from tests.policies.cases import Case, of_each_rule, rule_of, run, run_all
from tests.policies.compliant import UNSET, carrier, container, make, network, service, volume
from tests.policies.docker.secrets.samples import (
    ASIDE,
    COMMANDS,
    COMMIT,
    IN_FILES,
    NAMED,
    RANDOM,
    SPEC,
    TOKEN,
    case,
    check,
    command,
    encoded,
    env,
    label,
    service_env,
)

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
    for each in CASES:
        for finding in run(each):
            for resource in each.resources:
                said = message(rule, finding, resource)
                assert not any(secret in said for secret in ("hunter2", TOKEN, RANDOM, COMMIT)), each


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
