"""What providers are configured with: the way to Docker, and secrets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from policies.docker.providers import PROVIDER, with_environment
from policies.evaluate import REDACTED, findings, message
from policies.resource import Resource
from policies.rule import Scope
from policies.values import UNKNOWN
from tests.policies.cases import Case, of_each_rule, rule_of, run_all
from tests.policies.compliant import container, make

PEM = "-----BEGIN CERTIFICATE-----"
TLS: dict[str, Any] = {"caMaterial": PEM, "certMaterial": PEM, "keyMaterial": "x"}


def provider(secret: tuple[str, ...] = (), **properties: Any) -> tuple[Resource]:
    return (make(PROVIDER, {"version": "5.2.0", **properties}, name="docker-host", secret=secret),)


def ssh(*options: Any) -> tuple[Resource]:
    """As the SDK sends it: lists of a provider's settings are JSON."""
    return provider(host="ssh://deploy@host.example.com", sshOpts=json.dumps(options))


def registry(**changes: Any) -> list[dict[str, Any]]:
    return [{"address": "registry.example.com", "username": "ci", **changes}]


#: The options that the program itself gives, and others that change no check.
GOOD_OPTIONS = (
    ("-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "ConnectTimeout=10", "-o", "ControlMaster=auto",
     "-o", "ControlPath=~/.ssh/x", "-o", "UserKnownHostsFile=~/.ssh/prod", "-o", "GlobalKnownHostsFile=/dev/null"),
    ("-i", "~/.ssh/id", "-p", "2222", "-o", "IdentitiesOnly=yes"),
    ("-4", "-C", "-q", "-o", "ServerAliveInterval=5"),
    ("-oStrictHostKeyChecking=yes",),
    ("-J", "jump.example.com"),
)  # fmt: skip

BAD_OPTIONS = (
    ("-o", "StrictHostKeyChecking=no"), ("-o", "StrictHostKeyChecking no"), ("-o", "stricthostkeychecking=NO"),
    ("-oStrictHostKeyChecking=no",), ("-o", "StrictHostKeyChecking = no"), ("-o", "StrictHostKeyChecking=off"),
    ("-o", "StrictHostKeyChecking=accept-new"), ("-o", "StrictHostKeyChecking=ask"), ("-o",
    'StrictHostKeyChecking="no"'),
    ("-o", '"StrictHostKeyChecking" no'), ("-qoStrictHostKeyChecking=no",), ("-4Coo", "x"),
    ("-o", "UserKnownHostsFile=/dev/null"), ("-o", "UserKnownHostsFile=none"), ("-o", "userknownhostsfile /dev/null"),
    ("-o", "UserKnownHostsFile="), ("-o", "ProxyCommand=nc evil 22"), ("-o", "KnownHostsCommand=/bin/cat /x"),
    ("-o", "LocalCommand=x"), ("-o", "PermitLocalCommand=yes"), ("-o", "Include=/tmp/x"), ("-F", "/tmp/ssh_config"),
    ("-F/tmp/ssh_config",), ("-o", "NoHostAuthenticationForLocalhost=yes"), ("-o", "HostKeyAlias=x"),
    ("-o", "HostName=evil.example.com"), ("-o", "VerifyHostKeyDNS=yes"), ("-A",), ("-L", "80:x:80"), ("-R80:x:80",),
    ("-D", "1080"), ("-o", "PKCS11Provider=/tmp/x.so"), ("-o", "ForwardAgent=yes"), ("evil.example.com",), ("--",),
    ("-W", "evil:22"), ("-o", "StrictHostKeyChecking=yes", "-o", "StrictHostKeyChecking=no"),
)  # fmt: skip

#: Two findings, as one word hides two options.
TWICE = {("-4Coo", "x")}

CASES = (
    Case("PROV-HOST", "passing", "nothing given", provider()),
    Case("PROV-HOST", "passing", "no docker", (container(),)),
    *(
        Case("PROV-HOST", "passing", f"host {host}", provider(host=host))
        for host in ("unix:///var/run/docker.sock", "unix:///run/user/1000/docker.sock", "ssh://deploy@host.example.com",
                     "ssh://deploy@host:2222", "ssh://deploy@host/run/user/1000/docker.sock", "ssh://host", "ssh://d@[fd00::1]",
                     "npipe:////./pipe/docker_engine", "")
    ),
    Case("PROV-HOST", "passing", "TLS by a folder", provider(host="tcp://host.example.com:2376", certPath="~/.docker")),
    Case("PROV-HOST", "passing", "TLS by texts", provider(host="tcp://host.example.com:2376", **TLS)),
    *(Case("PROV-HOST", "passing", f"ssh {' '.join(words)[:40]}", ssh(*words)) for words in GOOD_OPTIONS),
    Case("PROV-HOST", "passing", "options as a list", provider(sshOpts=["-p", "2222"])),
    Case("PROV-HOST", "passing", "a registry", provider(registryAuth=json.dumps(registry()))),
    Case("PROV-HOST", "failing", "plain TCP", provider(host="tcp://203.0.113.5:2375"), ("host",)),
    *(
        Case("PROV-HOST", "bypass", f"host {host!r}", provider(host=host), ("host",))
        for host in ("tcp://203.0.113.5:2376", "tcp://127.0.0.1:2375", "tcp://localhost:2375", "TCP://host:2375",
                     "http://host:2375", "https://host:2376", "host:2375", "203.0.113.5", " tcp://host:2375", "tcp://",
                     "tcp://[::1]:2375", "fd://", "ssh://deploy:secret@host", "ssh://-oProxyCommand=x@host",
                     "ssh://deploy@-oProxyCommand=x", "ssh://deploy@host:0", "ssh://deploy@host:99999", "SSH://d@host",
                     "ssh://d@host/a b", "unix://docker.sock", "unix:///x?y", "vsock://2:2375", "ssh://d@host\n",
                     2375, True)
    ),
    *(
        Case("PROV-HOST", "bypass", f"TLS without {'-'.join(sorted(set(TLS) - set(given)))}",
             provider(host="tcp://host:2376", **{name: TLS[name] for name in given}), ("host",))
        for given in (("caMaterial",), ("certMaterial", "keyMaterial"), ("keyMaterial",), ("caMaterial",
        "certMaterial"))
    ),
    Case("PROV-HOST", "bypass", "no CA beside a folder",
         provider(host="tcp://host:2376", certPath="/x", certMaterial=PEM, keyMaterial="x"), ("host",)),
    Case("PROV-HOST", "bypass", "TLS with an empty folder", provider(host="tcp://host:2376", certPath=""), ("host",)),
    Case("PROV-HOST", "bypass", "HTTP with TLS", provider(host="http://host:2376", **TLS), ("host",)),
    Case("PROV-HOST", "bypass", "a context", provider(host="unix:///run/docker.sock", context="evil"), ("context",)),
    *(
        Case("PROV-HOST", "bypass", f"ssh {' '.join(words)}", ssh(*words), ("sshOpts",))
        for words in BAD_OPTIONS if words not in TWICE
    ),
    Case("PROV-HOST", "bypass", "options as a list", provider(sshOpts=["-o", "StrictHostKeyChecking=no"]), ("sshOpts",
         )),
    *(
        Case("PROV-HOST", "bypass", f"options {options!r}", provider(sshOpts=options), ("sshOpts",))
        for options in ("-o StrictHostKeyChecking=no", "{", '{"a": 1}', "[null]", [["-p"]], 3, True)
    ),
    Case("PROV-HOST", "bypass", "a registry over HTTP",
         provider(registryAuth=registry(address="HTTP://registry.example.com")), ("registryAuth[0].address",)),
    Case("PROV-HOST", "bypass", "registries that are no list", provider(registryAuth="x"), ("registryAuth",)),
    Case("PROV-HOST", "bypass", "in development", provider(host="tcp://203.0.113.5:2375"), ("host",),
         environment="dev"),
    Case("PROV-HOST", "unknown", "host", provider(host=UNKNOWN, sshOpts=UNKNOWN, context=UNKNOWN,
         registryAuth=UNKNOWN)),
    Case("PROV-HOST", "unknown", "folder", provider(host="tcp://host:2376", certPath=UNKNOWN)),
    Case("PROV-HOST", "unknown", "one option", provider(sshOpts=[UNKNOWN, "-o", "StrictHostKeyChecking=no"]),
         ("sshOpts",)),
    # Secrets.
    Case("PROV-SECRET", "passing", "nothing secret", provider(host="ssh://deploy@host", certPath="~/.docker")),
    Case("PROV-SECRET", "passing", "marked", provider(
        ("registryAuth", "keyMaterial"), registryAuth=json.dumps(registry(password="hunter2")), **TLS)),
    Case("PROV-SECRET", "passing", "marked in a list",
         provider(("registryAuth[0].password",), registryAuth=registry(password="hunter2"))),
    Case("PROV-SECRET", "passing", "certificates", provider(caMaterial=PEM, certMaterial=PEM)),
    Case("PROV-SECRET", "passing", "other providers", (
        make("pulumi:providers:aws", {"region": "eu-central-1", "skipCredentialsValidation": "true"}),
        make("pulumi:providers:cloudflare", {"apiToken": "x"}, secret=("apiToken",)),
    )),
    Case("PROV-SECRET", "failing", "a password", provider(registryAuth=json.dumps(registry(password="hunter2"))),
         ("registryAuth[0].password",)),
    *(
        Case("PROV-SECRET", "bypass", f"{what} {name}", (make(f"pulumi:providers:{what}", {name: value}),), (path,))
        for what, name, value, path in (
            ("docker", "keyMaterial", "-----BEGIN PRIVATE KEY-----", "keyMaterial"),
            ("docker", "keyMaterial", "x", "keyMaterial"),
            ("docker", "registryAuth", registry(password="x"), "registryAuth[0].password"),
            ("docker", "registryAuth", registry(configFileContent="{}"), "registryAuth[0].configFileContent"),
            ("docker", "registryAuth", registry(username="ghp_" + 9 * "aB3d"), "registryAuth[0].username"),
            ("aws", "secretKey", "x", "secretKey"), ("aws", "accessKey", "AKIA" + 16 * "A", "accessKey"),
            ("aws", "token", "x", "token"),
            ("aws", "assumeRole", '{"password": "x"}', "assumeRole.password"),
            ("cloudflare", "apiToken", "x", "apiToken"), ("cloudflare", "apiKey", "x", "apiKey"),
            ("cloudflare", "apiUserServiceKey", "x", "apiUserServiceKey"), ("postgresql", "password", "x", "password"),
            ("whatever", "privateKey", "x", "privateKey"),
        )
    ),
    Case("PROV-SECRET", "bypass", "one of two is marked",
         provider(("registryAuth[0].password",), registryAuth=[*registry(password="a"), *registry(password="b")]),
         ("registryAuth[1].password",)),
    Case("PROV-SECRET", "unknown", "a password", provider(registryAuth=registry(password=UNKNOWN),
         keyMaterial=UNKNOWN)),
)  # fmt: skip


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)


@pytest.mark.parametrize("words", sorted(TWICE))
def test_options_in_one_word(words: tuple[str, ...]) -> None:
    """`-oo` is an option of the name `o`, which ssh itself refuses."""
    rule = rule_of("PROV-HOST")
    assert findings(rule, ssh(*words), Scope(rule.options()))[0].path == "sshOpts"


def test_a_password_in_a_host_is_not_shown() -> None:
    rule = rule_of("PROV-HOST")
    (resource,) = provider(host="ssh://deploy:hunter2@host")
    (found,) = findings(rule, (resource,), Scope(rule.options()))
    assert "hunter2" not in message(rule, found, resource)
    (resource,) = provider(("host",), host="tcp://203.0.113.5:2375")
    (found,) = findings(rule, (resource,), Scope(rule.options()))
    assert REDACTED in message(rule, found, resource)


def test_the_environment_counts_where_the_inputs_are_silent() -> None:
    environment = {
        "DOCKER_HOST": "tcp://h:1",
        "DOCKER_SSH_OPTS": "-o X=y",
        "DOCKER_CONTEXT": "c",
        "DOCKER_KEY_MATERIAL": "k",
    }
    assert with_environment({}, environment) == {
        "host": "tcp://h:1", "sshOpts": ["-o", "X=y"], "context": "c", "keyMaterial": UNKNOWN,
    }  # fmt: skip
    given = {"host": "unix:///x", "context": "default"}
    assert with_environment(given, {"DOCKER_HOST": "tcp://h:1"}) == given
    assert with_environment({}, {"DOCKER_CONTEXT": "default", "DOCKER_HOST": ""}) == {}
