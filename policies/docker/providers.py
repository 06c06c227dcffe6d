"""How the engine reaches Docker, registries and clouds: what the providers are configured with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.resource import Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.secret_scanning.names import secret_under
from policies.secret_scanning.texts import known_secret_in
from policies.values import UNKNOWN, entries, is_unset, items, text
from remote.address import SAFE, SAFE_OPTIONS, is_safe, unsafe_options, without_user

PROVIDER: Final = "pulumi:providers:docker"
EVERY_PROVIDER: Final = "pulumi:providers:*"

#: Where Docker's provider has its settings from, where its inputs are silent (`internal/provider/provider.go`).
ENVIRONMENT: Final = {
    "host": "DOCKER_HOST",
    "context": "DOCKER_CONTEXT",
    "sshOpts": "DOCKER_SSH_OPTS",
    "certPath": "DOCKER_CERT_PATH",
    "caMaterial": "DOCKER_CA_MATERIAL",
    "certMaterial": "DOCKER_CERT_MATERIAL",
    "keyMaterial": "DOCKER_KEY_MATERIAL",
}

_TLS: Final = f"{SAFE}: `certPath`, or `caMaterial`, `certMaterial` and `keyMaterial` together"
_NO_CONTEXT: Final = "unset: a context is this machine's own and names a host that nobody can review; use `host`"
_HTTPS: Final = "an address of a registry without http://, so that the password goes over TLS"
_SECRET: Final = "a secret: `pulumi.Output.secret`, or config set with --secret"  # noqa: S105 - words
_JSON: Final = "a list, in the form that the provider takes"

#: Properties of providers that are always secrets, whatever their value looks like.
_SECRET_NAMES: Final = re.compile(
    r"(?:key|cert)?material$|password|passwd|secretkey|secretaccesskey|token$|apikey|apitoken|privatekey|credentials$"
    r"|clientsecret|userservicekey|configfilecontent",
)
_PUBLIC_NAMES: Final = re.compile(r"camaterial|certmaterial")


def with_environment(properties: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """The settings of Docker's provider with what it takes from the environment where its inputs are silent."""
    taken: dict[str, Any] = {
        name: environment[variable]
        for name, variable in ENVIRONMENT.items()
        if is_unset(properties.get(name)) and environment.get(variable)
    }
    if isinstance(options := taken.get("sshOpts"), str):
        taken["sshOpts"] = options.split()
    for name in ("caMaterial", "certMaterial", "keyMaterial"):
        if name in taken:
            # It is there, and in no state.
            taken[name] = UNKNOWN
    # A context of that name is the one of DOCKER_HOST.
    if taken.get("context") == "default":
        del taken["context"]
    return {**properties, **taken}


def _parsed(value: object) -> object:
    """A setting that is a list, which the engine's SDKs send as JSON."""
    if not isinstance(value, str) or not value:
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _over_tls(resource: Resource) -> bool:
    """Whether both sides are checked. Without a CA the provider checks no certificate, and without the other two there
    is no TLS at all; one that is known only at `up` is looked at again then."""
    given = {name: not is_unset(resource.get(name)) for name in ENVIRONMENT}
    if given["certMaterial"] or given["keyMaterial"]:
        return given["caMaterial"] and given["certMaterial"] and given["keyMaterial"]
    return given["certPath"]


def _connection(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    host = resource.get("host")
    if not is_unset(host) and host is not UNKNOWN and not is_safe(text(host) or "", over_tls=_over_tls(resource)):
        yield Finding("host", without_user(text(host) or ""), _TLS)
    context = resource.get("context")
    if not is_unset(context) and context is not UNKNOWN:
        yield Finding("context", context, _NO_CONTEXT)
    options = _parsed(resource.get("sshOpts"))
    if not is_unset(options) and options is not UNKNOWN:
        words = [word for _, item in items(options) if (word := text(item)) is not None]
        if not isinstance(options, list) or (len(words) < len(options) and UNKNOWN not in options):
            yield Finding("sshOpts", "not a list of texts", _JSON)
        for name in dict.fromkeys(unsafe_options(words)):
            yield Finding("sshOpts", name, SAFE_OPTIONS)
    yield from _registries(resource)


def _registries(resource: Resource) -> Iterator[Finding]:
    registries = _parsed(resource.get("registryAuth"))
    if is_unset(registries) or registries is UNKNOWN:
        return
    if not isinstance(registries, list):
        yield Finding("registryAuth", "not a list", _JSON)
        return
    for index, item in enumerate(registries):
        registry = entries(item)
        address = text(registry.get("address")) or ""
        if address.strip().lower().startswith("http://"):
            yield Finding(f"registryAuth[{index}].address", "http://", _HTTPS)


def _secrets(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    for name, value in resource.properties.items():
        for path, key, content in _texts(name, _parsed(value), name):
            if content and not resource.is_marked(path) and _is_secret(key, content):
                yield Finding(path, "a secret in plain text", _SECRET)


def _is_secret(name: str, value: str) -> bool:
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    if _PUBLIC_NAMES.fullmatch(plain):
        return False
    return bool(_SECRET_NAMES.search(plain) or known_secret_in(value) or secret_under(name, value))


def _texts(path: str, value: object, name: str) -> Iterator[tuple[str, str, str]]:
    """Path, own name and value of each text in a setting."""
    if isinstance(value, str):
        yield path, name, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(f"{path}.{key}", item, str(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(f"{path}[{index}]", item, name)


RULES = (
    Rule(
        id="PROV-HOST",
        title="Docker's API is reached over SSH, TLS or a socket of this machine, with the host's identity checked",
        level=Level.MANDATORY,
        severity=Severity.CRITICAL,
        sources=("Docker documentation, Protect the Docker daemon socket", "CIS Docker 1.6, 2.7", "ssh_config(5)"),
        reads={PROVIDER: (*ENVIRONMENT, "registryAuth")},
        why="Who can use Docker's API is root on the host. Plain TCP gives it to everyone on the network, and a host "
        "whose key or certificate nobody checks may be anyone's.",
        fix="Take ssh://USER@HOST with the host's key in known_hosts, or tcp:// with a CA, a certificate and a key. "
        "The default provider has these settings from the config keys `docker:...` and from DOCKER_HOST and its like.",
        check=_connection,
        waivable=False,
    ),
    Rule(
        id="PROV-SECRET",
        title="What a provider is configured with is no secret in plain text",
        level=Level.MANDATORY,
        severity=Severity.CRITICAL,
        sources=("Pulumi documentation, Secrets", "CWE-312"),
        reads={PROVIDER: (), EVERY_PROVIDER: ()},
        why="The settings of a provider are kept in the stack's state: what isn't marked as a secret is there in plain "
        "text, for all who read it.",
        fix="Mark it as a secret and replace it, as it has been stored; or let the provider take it from the "
        "environment or a file of this machine.",
        check=_secrets,
    ),
)
