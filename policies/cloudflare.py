"""What a Cloudflare tunnel lets in, where it leads, and who may come that way.

Properties are read as `pulumi_cloudflare` 6 names them, and as versions 4 and 5 did. How a rule of the
tunnel is taken is what `cloudflared` itself does with it (`ingress/ingress.go`, `ingress/config.go`).
"""

from __future__ import annotations

import base64
import fnmatch
import functools
import ipaddress
import itertools
import json
import posixpath
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import AfterValidator

from policies.containers import CONTAINER, SERVICE, Container, Field
from policies.limits import limit
from policies.resource import Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.uploads import contents
from policies.values import UNKNOWN, entries, flag, is_unset, items, join, lookup, text

TUNNELS: Final = (
    "cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared",
    "cloudflare:index/tunnel:Tunnel",
    "cloudflare:index/argoTunnel:ArgoTunnel",
)
CONFIGS: Final = (
    "cloudflare:index/zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig",
    "cloudflare:index/tunnelConfig:TunnelConfig",
)
WARP_CONNECTOR: Final = "cloudflare:index/zeroTrustTunnelWarpConnector:ZeroTrustTunnelWarpConnector"
#: What leads people with a WARP client into a network behind a tunnel, past every ingress rule.
PRIVATE_ROUTES: Final = {
    "cloudflare:index/zeroTrustTunnelCloudflaredRoute:ZeroTrustTunnelCloudflaredRoute": "network",
    "cloudflare:index/zeroTrustTunnelRoute:ZeroTrustTunnelRoute": "network",
    "cloudflare:index/tunnelRoute:TunnelRoute": "network",
    "cloudflare:index/zeroTrustNetworkHostnameRoute:ZeroTrustNetworkHostnameRoute": "hostname",
    WARP_CONNECTOR: "name",
}
RECORDS: Final = ("cloudflare:index/dnsRecord:DnsRecord", "cloudflare:index/record:Record")
APPLICATIONS: Final = (
    "cloudflare:index/zeroTrustAccessApplication:ZeroTrustAccessApplication",
    "cloudflare:index/accessApplication:AccessApplication",
)
ACCESS_POLICIES: Final = (
    "cloudflare:index/zeroTrustAccessPolicy:ZeroTrustAccessPolicy",
    "cloudflare:index/accessPolicy:AccessPolicy",
)
GROUPS: Final = (
    "cloudflare:index/zeroTrustAccessGroup:ZeroTrustAccessGroup",
    "cloudflare:index/accessGroup:AccessGroup",
)
WORKLOADS: Final = (CONTAINER, SERVICE)

#: The list of ingress rules, by version of the provider: 6, 4 and 5, and the first releases of 6.
INGRESS_NAMES: Final = ("ingresses", "ingressRules", "ingress")

#: Ports on which a destination that is named without one may be reached.
WEB_PORTS: Final = frozenset({"80", "443", "8080", "8443"})
DEFAULT_PORTS: Final = {"http": "80", "https": "443"}

#: The one form of a service that leads somewhere; what Go's parser would make of others is not asked.
HTTP_SERVICE: Final = re.compile(r"(https?)://([a-z0-9][a-z0-9._-]*)(?::([0-9]{1,5}))?", re.ASCII)
#: A service that answers with an error and leads nowhere.
ERROR_SERVICE: Final = re.compile(r"http_status:[45][0-9][0-9]", re.ASCII)
NOT_FOUND: Final = "http_status:404"
USERINFO: Final = re.compile(r"//[^/]*@")

#: A team's name is a part of the address that `cloudflared` gets the keys of Access from.
TEAM_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


@dataclass(frozen=True)
class _Ingress:
    """An ingress rule and its path."""

    path: str
    rule: Any
    is_last: bool

    def get(self, name: str) -> Any:  # noqa: ANN401 - any JSON value
        return UNKNOWN if self.rule is UNKNOWN else entries(self.rule).get(name)

    @property
    def leads_nowhere(self) -> bool:
        """Whether it answers with an error."""
        service = self.get("service")
        return isinstance(service, str) and ERROR_SERVICE.fullmatch(service) is not None

    @property
    def has_access(self) -> bool:
        """Whether `cloudflared` itself demands a token of Access.

        It reads that from the rule alone: what the whole config says of Access is never looked at.
        """
        access = lookup(self.rule, "originRequest.access")
        if access is UNKNOWN:
            return True
        required, team = lookup(access, "required"), lookup(access, "teamName")
        tags = lookup(access, "audTags")
        tags = lookup(access, "audTag") if is_unset(tags) else tags
        return (
            (required is UNKNOWN or flag(required) is True)
            and (team is UNKNOWN or (isinstance(team, str) and TEAM_NAME.fullmatch(team) is not None))
            and (tags is UNKNOWN or any(tag is UNKNOWN or (isinstance(tag, str) and tag) for _, tag in items(tags)))
        )


def _ingresses(resource: Resource) -> list[_Ingress]:
    found: list[_Ingress] = []
    for name in INGRESS_NAMES:
        rules = items(resource.get(f"config.{name}"))
        found += [_Ingress(f"config.{name}[{index}]", rule, index == len(rules) - 1) for index, rule in rules]
    return found


def _ends_with_404(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    given = [name for name in INGRESS_NAMES if not is_unset(resource.get(f"config.{name}"))]
    if not given:
        yield Finding(f"config.{INGRESS_NAMES[0]}", None, f"rules of which the last one is {NOT_FOUND} for every host")
    for ingress in _ingresses(resource):
        if ingress.rule is UNKNOWN:
            continue
        hostname, path, service = (ingress.get(name) for name in ("hostname", "path", "service"))
        has_host = hostname is not UNKNOWN and not is_unset(hostname) and hostname != "*"
        has_path = path is not UNKNOWN and not is_unset(path)
        if not ingress.is_last:
            if not (has_host or has_path or UNKNOWN in (hostname, path)):
                yield Finding(f"{ingress.path}.hostname", hostname, "a hostname; the last rule alone is for every host")
            continue
        if has_host:
            yield Finding(f"{ingress.path}.hostname", hostname, "unset: the last rule is for every host")
        if has_path:
            yield Finding(f"{ingress.path}.path", path, "unset: the last rule is for every path")
        if service is not UNKNOWN and service != NOT_FOUND:
            yield Finding(f"{ingress.path}.service", _without_userinfo(service), NOT_FOUND)


class Destinations(Options):
    """Options of CF-DEST.

    `destinations`: where an ingress rule may lead, as `host:port`, or as `host` for its ports 80, 443,
    8080 and 8443. `admin_destinations`: the same, for rules that demand a token of Access themselves.
    """

    destinations: tuple[str, ...] = ("nginx",)
    admin_destinations: tuple[str, ...] = ()


def _destination(resource: Resource, scope: Scope[Destinations]) -> Iterator[Finding]:
    if (path := PRIVATE_ROUTES.get(resource.type)) is not None:
        yield Finding(path, resource.get(path), "no route into a private network")
        return
    if flag(resource.get("config.warpRouting.enabled")):
        yield Finding("config.warpRouting.enabled", True, "false or unset")
    yield from _proxy_modes("config", resource.get("config"))
    for ingress in _ingresses(resource):
        yield from _proxy_modes(ingress.path, ingress.rule)
        service = ingress.get("service")
        if service is UNKNOWN or ingress.leads_nowhere or _leads_to(service, scope.options.destinations):
            continue
        if not _leads_to(service, scope.options.admin_destinations):
            known = " or ".join(scope.options.destinations)
            yield Finding(
                f"{ingress.path}.service", _without_userinfo(service), f"http:// or https:// to {known}, or {NOT_FOUND}"
            )
        elif not ingress.has_access:
            yield Finding(
                f"{ingress.path}.originRequest.access",
                lookup(ingress.rule, "originRequest.access.required"),
                "required: true with teamName and audTags, for a destination that is for administrators",
            )


def _proxy_modes(path: str, value: object) -> Iterator[Finding]:
    """Settings that turn a rule for a web service into a way to any address that the client names."""
    bastion, proxy = lookup(value, "originRequest.bastionMode"), lookup(value, "originRequest.proxyType")
    if flag(bastion):
        yield Finding(f"{path}.originRequest.bastionMode", bastion, "false or unset")
    if proxy is not UNKNOWN and not is_unset(proxy):
        yield Finding(f"{path}.originRequest.proxyType", proxy, "unset")


def _leads_to(service: object, destinations: Sequence[str]) -> bool:
    match = HTTP_SERVICE.fullmatch(service) if isinstance(service, str) else None
    if match is None:
        return False
    scheme, host, port = match.groups()
    port = port or DEFAULT_PORTS[scheme]
    return (host in destinations and port in WEB_PORTS) or f"{host}:{port}" in destinations


def _without_userinfo(service: object) -> object:
    """`service` without a password that may stand in it."""
    return USERINFO.sub("//[hidden]@", service) if isinstance(service, str) else service


# Containers that run cloudflared.

IMAGE: Final = re.compile(r"(?:^|[/._-])cloudflared(?=$|[:@])", re.IGNORECASE)
#: What a shell takes for the end of a word.
WORD_END: Final = re.compile(r"[\s;|&()<>`\"'$]+")
INITS: Final = frozenset({"tini", "dumb-init", "catatonit", "docker-init", "--"})
SUBCOMMANDS: Final = ("tunnel", "run")
PROGRAM_ALLOWED: Final = "cloudflared itself, run by no shell or script"

#: Flags of `cloudflared tunnel run` that have a value, and leave what the tunnel does to Cloudflare's config.
VALUE_FLAGS: Final = frozenset(
    {
        "autoupdate-freq", "credentials-file", "cred-file", "edge-bind-address", "edge-ip-version", "features", "F",
        "grace-period", "ha-connections", "label", "log-directory", "logfile", "loglevel", "max-edge-addr-retries",
        "metrics", "metrics-update-freq", "origincert", "output", "pidfile", "proto-loglevel", "protocol", "p",
        "quic-connection-level-flow-control-limit", "quic-stream-level-flow-control-limit", "region", "retries",
        "rpc-timeout", "tag", "token-file", "transport-loglevel", "write-stream-timeout",
    }
)  # fmt: skip
#: The same, without a value.
BOOLEAN_FLAGS: Final = frozenset(
    {
        "management-diagnostics", "no-autoupdate", "no-prechecks", "post-quantum", "pq",
        "quic-disable-pmtu-discovery",
    }
)  # fmt: skip
#: Flags whose value is the tunnel's secret.
SECRET_FLAGS: Final = frozenset({"token", "credentials-contents", "secret", "api-key", "api-ca-key"})
TLS_FLAG: Final = "no-tls-verify"
TLS_ENV: Final = "NO_TLS_VERIFY"

#: Environment variables that are the same as the flags that are allowed.
PLAIN_ENV: Final = frozenset(
    {
        "TUNNEL_CRED_FILE", "TUNNEL_DISABLE_QUIC_PMTU", "TUNNEL_EDGE_BIND_ADDRESS", "TUNNEL_EDGE_IP_VERSION",
        "TUNNEL_GRACE_PERIOD", "TUNNEL_LOGDIRECTORY", "TUNNEL_LOGFILE", "TUNNEL_LOGLEVEL", "TUNNEL_LOG_OUTPUT",
        "TUNNEL_MANAGEMENT_DIAGNOSTICS", "TUNNEL_MANAGEMENT_OUTPUT", "TUNNEL_METRICS", "TUNNEL_METRICS_UPDATE_FREQ",
        "TUNNEL_NO_PRECHECKS", "TUNNEL_ORIGIN_CERT", "TUNNEL_PIDFILE", "TUNNEL_POST_QUANTUM",
        "TUNNEL_PROTO_LOGLEVEL", "TUNNEL_QUIC_CONN_LEVEL_FLOW_CONTROL_LIMIT",
        "TUNNEL_QUIC_STREAM_LEVEL_FLOW_CONTROL_LIMIT", "TUNNEL_REGION", "TUNNEL_RETRIES",
        "TUNNEL_STREAM_WRITE_TIMEOUT", "TUNNEL_TAG", "TUNNEL_TOKEN_FILE", "TUNNEL_TRANSPORT_LOGLEVEL",
        "TUNNEL_TRANSPORT_PROTOCOL",
    }
)  # fmt: skip
#: Environment variables that give a tunnel or an account away.
SECRET_ENV: Final = frozenset(
    {
        "TUNNEL_TOKEN", "TUNNEL_CRED_CONTENTS", "TUNNEL_CREATE_SECRET", "TUNNEL_API_KEY", "TUNNEL_API_CA_KEY",
        "TUNNEL_MANAGEMENT_TOKEN", "TUNNEL_SERVICE_TOKEN_SECRET", "CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY",
        "CF_API_TOKEN", "CF_API_KEY",
    }
)  # fmt: skip
#: Environment variables that tell a cloudflared whose image has another name.
TELLING_ENV: Final = frozenset(
    {
        "TUNNEL_TOKEN", "TUNNEL_TOKEN_FILE", "TUNNEL_CRED_FILE", "TUNNEL_CRED_CONTENTS", "TUNNEL_URL",
        "TUNNEL_HELLO_WORLD", "TUNNEL_UNIX_SOCKET",
    }
)  # fmt: skip
SECRET_ASSIGNMENT: Final = re.compile(rf"\b(?:{'|'.join(sorted(SECRET_ENV))})=")

#: Where cloudflared looks for a config that nobody named.
DEFAULT_CONFIG: Final = re.compile(r"(?:^|/)\.?(?:cloudflared|cloudflare-warp)/config\.ya?ml\Z")

TOKEN_LENGTH: Final = 60
TOKEN: Final = re.compile(rf"[A-Za-z0-9+/_-]{{{TOKEN_LENGTH},}}")
LINE_ENDS: Final = str.maketrans("", "", "\r\n")
URL_SAFE: Final = str.maketrans("-_", "+/")


def _tunnel_secret(value: object) -> str | None:
    """What secret of a tunnel is in a text: credentials, or a token (base64 of an account, a tunnel, its secret)."""
    if not isinstance(value, str) or len(value) < TOKEN_LENGTH:
        return None
    if "TunnelSecret" in value:
        return "a tunnel's credentials"
    # Go's decoder skips line ends.
    for found in TOKEN.findall(value.translate(LINE_ENDS)):
        # What stands before a token may look like a part of it; the token itself begins with `{"` in base64.
        for start in {0, max(0, found.find("ey"))}:
            if _is_token(found[start:].translate(URL_SAFE)):
                return "a tunnel's token"
    return None


def _is_token(word: str) -> bool:
    try:
        content = json.loads(base64.b64decode(word + -len(word) % 4 * "="))
    except (ValueError, RecursionError):
        return False
    # Go takes a key in any case.
    return isinstance(content, dict) and {"a", "s", "t"} <= {key.lower() for key in content}


def _words(container: Container) -> list[Field]:
    """The words of entrypoint and command, as far as they are texts or unknown."""
    found = []
    for field in (container.field("entrypoints"), container.field("command")):
        found += [Field(f"{field.path}[{index}]", item) for index, item in items(field.value)]
    return found


def _split(word: object) -> list[str]:
    """What a shell would make of a word, roughly: its parts at spaces, quotes and operators."""
    return [part for part in WORD_END.split(word) if part] if isinstance(word, str) else []


def _is_program(word: object) -> bool:
    return isinstance(word, str) and posixpath.basename(word) == "cloudflared"


def _runs_cloudflared(container: Container) -> bool:
    image = container.field("image").value
    if isinstance(image, str) and IMAGE.search(image):
        return True
    if any(entry.name in TELLING_ENV for entry in container.env):
        return True
    words = [item for name in ("entrypoints", "command") for _, item in items(container.field(name).value)]
    # Most containers are done with here, for each rule.
    if not any(isinstance(word, str) and ("cloudflared" in word or "tunnel" in word) for word in words):
        return False
    parts = [part for word in words for part in _split(word)]
    return any(_is_program(part) for part in parts) or SUBCOMMANDS in itertools.pairwise(parts)


def _flag_name(word: str) -> str | None:
    """The name of a flag; Go takes one dash or two."""
    if not word.startswith("-") or word in ("-", "--"):
        return None
    return word.lstrip("-").partition("=")[0]


def _verifies_tls(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    if resource.type not in WORKLOADS:
        places = [("config", resource.get("config"))]
        for path, value in places + [(ingress.path, ingress.rule) for ingress in _ingresses(resource)]:
            given = lookup(value, "originRequest.noTlsVerify")
            if flag(given):
                yield Finding(f"{path}.originRequest.noTlsVerify", given, "false or unset")
        return
    if not _runs_cloudflared(resource.container):
        return
    for word in _words(resource.container):
        for part in _split(word.value):
            if _flag_name(part) == TLS_FLAG and flag(part.partition("=")[2]) is not False:
                yield Finding(word.path or "", f"--{TLS_FLAG}", "no such flag")
    for entry in resource.container.env:
        # A value that is neither true nor false stops cloudflared; an empty one is false.
        if entry.name == TLS_ENV and isinstance(entry.value, str) and entry.value and flag(entry.value) is not False:
            yield Finding(entry.path, TLS_ENV, "no such variable")


def _keeps_secret(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    if resource.type not in WORKLOADS:
        for name in ("tunnelSecret", "secret"):
            value = resource.get(name)
            if value is not UNKNOWN and not is_unset(value) and not resource.is_secret(name):
                yield Finding(name, "given as plain text", "a value that is marked as secret, or unset")
        return
    container = resource.container
    flags = SECRET_FLAGS if _runs_cloudflared(container) else frozenset[str]()
    for word in container.words:
        found = _tunnel_secret(word.value) or _secret_flag(word.value, flags)
        if found:
            yield Finding(word.path or "", found, "--token-file with the path of a file")
    for entry in container.env:
        if entry.name in SECRET_ENV and entry.value != "":
            yield Finding(entry.path, entry.name, "TUNNEL_TOKEN_FILE with the path of a file")
        elif found := _tunnel_secret(entry.value) or _tunnel_secret(entry.name):
            yield Finding(entry.path, found, "TUNNEL_TOKEN_FILE with the path of a file")
    for entry in container.labels:
        if found := _tunnel_secret(entry.value) or _tunnel_secret(entry.name):
            yield Finding(entry.path, found, "a label without a secret")
    for file in contents(resource):
        # A token is base64 itself.
        found = _tunnel_secret(file.text) or _tunnel_secret(file.written)
        if found and not resource.is_secret(file.path):
            yield Finding(file.path, f"{found} as plain text", "`content` with a value that is marked as secret")


def _secret_flag(word: object, flags: frozenset[str]) -> str | None:
    if not isinstance(word, str):
        return None
    if "=" in word and (assignment := SECRET_ASSIGNMENT.search(word)):
        return assignment[0].rstrip("=")
    if flags and "-" in word:
        return next((f"--{name}" for part in _split(word) if (name := _flag_name(part)) in flags), None)
    return None


def _is_remotely_managed(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    if resource.type in TUNNELS:
        source = resource.get("configSrc")
        if source is not UNKNOWN and source != "cloudflare":
            yield Finding("configSrc", source, '"cloudflare"')
        return
    if resource.type in CONFIGS:
        source = resource.get("source")
        if source is not UNKNOWN and not is_unset(source) and source != "cloudflare":
            yield Finding("source", source, '"cloudflare" or unset')
        return
    container = resource.container
    for index, upload in items(resource.get("uploads")):
        file = entries(upload).get("file")
        if isinstance(file, str) and DEFAULT_CONFIG.search(posixpath.normpath(file)):
            yield Finding(f"uploads[{index}].file", file, "no config file of cloudflared")
    if container.never_runs or not _runs_cloudflared(container):
        return
    yield from _run_command(container, _words(container))
    for entry in container.env:
        name = entry.name
        if isinstance(name, str) and name.startswith("TUNNEL_") and name not in PLAIN_ENV | SECRET_ENV:
            yield Finding(entry.path, name, "TUNNEL_TOKEN_FILE, TUNNEL_METRICS, and what else says nothing of a config")


def _run_command(container: Container, words: Sequence[Field]) -> Iterator[Finding]:
    """What a command has that isn't `cloudflared tunnel run` with flags that leave the config to Cloudflare."""
    program = next((index for index, word in enumerate(words) if _is_program(word.value)), None)
    if program is not None:
        for word in words[:program]:
            if isinstance(word.value, str) and not _is_init(word.value):
                yield Finding(word.path or "", _shown(word.value), PROGRAM_ALLOWED)
                return
        words = words[program + 1 :]
    elif entrypoint := items(container.field("entrypoints").value):
        # Something else than cloudflared takes the place of the image's own entrypoint.
        if all(word.value is not UNKNOWN for word in words):
            yield Finding(words[0].path or "", _shown(entrypoint[0][1]), PROGRAM_ALLOWED)
        return
    missing = list(SUBCOMMANDS)
    unsure = False
    skip = False
    for word in words:
        value = word.value
        if skip or value is UNKNOWN:
            unsure = unsure or not skip
            skip = False
            continue
        name = _flag_name(value) if isinstance(value, str) else None
        if name is not None and isinstance(value, str):
            skip = "=" not in value and name in VALUE_FLAGS | SECRET_FLAGS
            if name not in VALUE_FLAGS | SECRET_FLAGS | BOOLEAN_FLAGS:
                yield Finding(word.path or "", f"--{name}", "flags that say nothing of a config, such as --token-file")
                # Whether it takes the next word is unknown.
                unsure = True
        elif missing and value == missing[0]:
            missing.pop(0)
        elif missing and not unsure:
            yield Finding(word.path or "", _shown(value), "the subcommand `tunnel run`")
            return
    if missing and not unsure:
        yield Finding(container.field("command").path or "", None, "the subcommand `tunnel run`")


def _is_init(word: str) -> bool:
    return word.startswith("-") or posixpath.basename(word) in INITS


def _shown(word: object) -> object:
    return _tunnel_secret(word) or word


# Who may come to the hosts of administrators.


def _not_everyone(kind: str) -> str:
    if kind == "everyone":
        raise ValueError("everyone is nobody known")
    return kind


class Access(Options):
    """Options of CF-ACCESS.

    `admin_hosts`: what makes a hostname one for administrators. A plain word is looked for in the
    hostname's labels and their parts between hyphens, with any number after it; what has a dot or a `*`
    is a pattern for the whole hostname. `include_kinds`: the rules in a policy's `includes` that tell
    who somebody is. `external_policies`: ids of good Access policies that another stack defines.
    """

    admin_hosts: tuple[str, ...] = tuple(limit("CF-ACCESS", "adminHosts"))
    include_kinds: tuple[Annotated[str, AfterValidator(_not_everyone)], ...] = (
        # As version 6 names them, and where 4 and 5 had another name, that too.
        "anyValidServiceToken", "azureAd", "azures", "certificate", "cloudflareAccountMember", "commonName",
        "commonNames", "devicePosture", "devicePostures", "email", "emailDomain", "emailDomains", "emailList",
        "emailLists", "emails", "externalEvaluation", "githubOrganization", "githubs", "group", "groups", "gsuite",
        "gsuites", "linkedAppToken", "oidc", "okta", "oktas", "saml", "samls", "serviceToken", "serviceTokens",
    )  # fmt: skip
    external_policies: tuple[str, ...] = ()


#: Domains in which anybody can have an address.
PUBLIC_MAIL: Final = frozenset(
    {
        "aol.com", "gmail.com", "gmx.com", "gmx.de", "googlemail.com", "hotmail.com", "icloud.com", "live.com",
        "mail.com", "mail.ru", "outlook.com", "proton.me", "protonmail.com", "qq.com", "web.de", "yahoo.com",
        "yandex.ru",
    }
)  # fmt: skip
#: Kinds of applications that stand before a hostname; a bookmark doesn't.
GUARDING_TYPES: Final = (None, "", "self_hosted", "ssh", "vnc", "rdp")
#: Kinds of records that a browser follows.
ADDRESS_TYPES: Final = ("A", "AAAA", "CNAME")
TUNNEL_DOMAIN: Final = "cfargotunnel.com"
NUMBER_AT_END: Final = re.compile(r"[0-9]+$")
HOST_ALLOWED: Final = "a hostname with an Access application, whose policies let in known people only"


@functools.lru_cache(maxsize=8)
def _admin_patterns(names: tuple[str, ...]) -> tuple[frozenset[str], re.Pattern[str]]:
    globs = [name.lower() for name in names if "." in name or "*" in name]
    pattern = re.compile("|".join(fnmatch.translate(each) for each in globs) or r"(?!)")
    return frozenset(name.lower() for name in names if "." not in name and "*" not in name), pattern


def _hostname(value: object) -> str:
    """A hostname as resolvers and browsers take it: in lower case, full-width letters as plain ones, no final dot."""
    host = value if isinstance(value, str) else ""
    if not host.isascii():
        host = unicodedata.normalize("NFKC", host).replace("\u3002", ".")
    return host.strip().rstrip(".").lower()


def _is_admin(host: str, names: tuple[str, ...]) -> bool:
    words, pattern = _admin_patterns(names)
    if pattern.match(host):
        return True
    labels = host.split(".")
    # The last two are the domain. A record's name may be relative to it, and then is short.
    labels = labels[:-2] if len(labels) > 2 else labels[:1]
    parts = {part for label in labels for part in re.split("[-_]", label)}
    return any(part in words or NUMBER_AT_END.sub("", part) in words for part in parts)


@dataclass(frozen=True)
class _Exposed:
    """A hostname that the stack makes reachable and that has to be protected."""

    host: str
    finding: Finding


def _exposed(resource: Resource, options: Access) -> Iterator[_Exposed]:
    """The hostnames for administrators, and those that stand for any host, of a tunnel's config or a record."""
    if resource.type in RECORDS:
        yield from _exposed_record(resource, options)
        return
    header = resource.get("config.originRequest.httpHostHeader")
    for ingress in _ingresses(resource):
        if ingress.rule is UNKNOWN or ingress.leads_nowhere or ingress.has_access:
            continue
        hostname = ingress.get("hostname")
        host = _hostname(hostname)
        path = f"{ingress.path}.hostname"
        # The last rule is for every host, and CF-404's concern.
        is_any = (is_unset(hostname) and not ingress.is_last) or host.startswith("*")
        if is_any or (host and _is_admin(host, options.admin_hosts)):
            yield _Exposed(host, Finding(path, hostname, HOST_ALLOWED, resource.urn))
        # nginx chooses the site by this name, so it says which host it really is.
        own = lookup(ingress.rule, "originRequest.httpHostHeader")
        path = f"{ingress.path}.originRequest.httpHostHeader"
        name, path = (own, path) if not is_unset(own) else (header, "config.originRequest.httpHostHeader")
        alias = _hostname(name).partition(":")[0]
        if alias and alias != host and _is_admin(alias, options.admin_hosts):
            yield _Exposed(host, Finding(path, name, HOST_ALLOWED, resource.urn))


def _exposed_record(resource: Resource, options: Access) -> Iterator[_Exposed]:
    name, type_, proxied = resource.get("name"), resource.get("type"), resource.get("proxied")
    host = _hostname(name)
    if not host or not (host.startswith("*") or _is_admin(host, options.admin_hosts)):
        return
    if isinstance(type_, str) and type_.strip().upper() not in ADDRESS_TYPES:
        return
    content = resource.get("content") if not is_unset(resource.get("content")) else resource.get("value")
    if flag(proxied) or _hostname(content).endswith(TUNNEL_DOMAIN):
        yield _Exposed(host, Finding("name", name, HOST_ALLOWED, resource.urn))
    elif UNKNOWN not in (proxied, content) and not host.startswith("*") and not _is_private(content):
        # Access stands in Cloudflare's proxy: around that, it protects nothing.
        yield _Exposed(host, Finding("proxied", proxied, "true, or an address in a private network", resource.urn))


def _is_private(content: object) -> bool:
    try:
        return ipaddress.ip_address(text(content) or "").is_private
    except ValueError:
        return False


@dataclass(frozen=True)
class _Verdict:
    """What some Access policies do: each one's holes, whether one is good, and whether one can't be judged yet."""

    holes: tuple[Finding, ...] = ()
    is_good: bool = False
    is_unsure: bool = False

    def __add__(self, other: _Verdict) -> _Verdict:
        return _Verdict(self.holes + other.holes, self.is_good or other.is_good, self.is_unsure or other.is_unsure)


UNSURE: Final = _Verdict(is_unsure=True)


class _AccessOfStack:
    """The stack's Access applications, policies and groups, and what they come to."""

    def __init__(self, resources: Sequence[Resource], options: Access) -> None:
        self._options = options
        self._applications = [each for each in resources if each.type in APPLICATIONS]
        self._policies = {each.urn: each for each in resources if each.type in ACCESS_POLICIES}
        self._groups = {each.urn: each for each in resources if each.type in GROUPS}

    def gaps(self, exposed: _Exposed) -> list[Finding]:
        """What leaves a hostname open: no application that stands before all of it, or a policy with a hole."""
        guards = [(each, whole) for each in self._applications for whole in _covers(each, exposed.host)]
        holes: list[Finding] = []
        is_guarded = False
        for application, is_whole in guards:
            verdict = self._judge(application)
            holes += verdict.holes
            # One with nothing but holes is reported by them.
            is_guarded |= is_whole and (verdict.is_good or verdict.is_unsure or bool(verdict.holes))
        return holes if is_guarded else [*holes, exposed.finding]

    def _judge(self, application: Resource) -> _Verdict:
        verdict = _Verdict()
        references: list[object] = []
        policies = application.get("policies")
        for index, item in items(policies):
            path = f"policies[{index}]"
            inline = entries(item)
            if item is UNKNOWN or isinstance(item, str):
                references.append(item)
            elif not is_unset(inline.get("id")):
                references.append(inline.get("id"))
            else:
                verdict += self._judge_policy(application, path, inline)
        linked = [self._policies[urn] for urn in application.dependencies.get("policies", ()) if urn in self._policies]
        external = [each for each in references if each in self._options.external_policies]
        # Versions 4 and 5: a policy names its application.
        owned = [
            each for each in self._policies.values() if application.urn in each.dependencies.get("applicationId", ())
        ]
        for policy in {each.urn: each for each in (*linked, *owned)}.values():
            verdict += self._judge_policy(policy, "", policy.properties)
        if external:
            verdict += _Verdict(is_good=True)
        open_ids = [each for each in references if each not in external]
        if policies is UNKNOWN and not linked:
            return verdict + UNSURE
        if len(open_ids) <= len(linked):
            return verdict
        if all(each is UNKNOWN for each in open_ids):
            return verdict + UNSURE
        count = len(open_ids) - len(linked)
        return verdict + _Verdict(
            (Finding("policies", f"{count} of unknown content", "policies of this stack", application.urn),)
        )

    def _judge_policy(self, resource: Resource, path: str, policy: Mapping[str, Any]) -> _Verdict:
        decision = policy.get("decision")
        if decision is UNKNOWN:
            return UNSURE
        word = decision.strip().lower() if isinstance(decision, str) else ""
        if word == "deny":
            return _Verdict(is_good=True)
        if word not in ("allow", "non_identity"):
            finding = Finding(join(path, "decision"), decision, "allow, non_identity or deny", resource.urn)
            return _Verdict((finding,))
        return self._judge_includes(resource, join(path, "includes"), policy.get("includes"), set())

    def _judge_includes(self, resource: Resource, path: str, includes: object, seen: set[str]) -> _Verdict:
        verdict = UNSURE if includes is UNKNOWN else _Verdict()
        for index, item in items(includes):
            if item is UNKNOWN:
                verdict += UNSURE
            for kind, value in entries(item).items():
                # Version 6 has an empty object for everyone, version 5 true; false and empty lists say nothing.
                if value is None or value is False or value in ([], ""):
                    continue
                if value is UNKNOWN and kind not in self._options.include_kinds:
                    verdict += UNSURE
                elif kind in self._options.include_kinds and not _is_public_mail(value):
                    verdict += _Verdict(is_good=True)
                else:
                    place = f"{path}[{index}].{kind}"
                    allowed = "rules that tell who somebody is, such as email, emailDomain or group"
                    shown = value if kind.startswith("email") else kind
                    verdict += _Verdict((Finding(place, shown, allowed, resource.urn),))
        linked = {urn for urns in resource.dependencies.values() for urn in urns} & self._groups.keys()
        for urn in sorted(linked - seen):
            seen.add(urn)
            group = self._groups[urn]
            verdict += self._judge_includes(group, "includes", group.get("includes"), seen)
        return verdict


def _covers(application: Resource, host: str) -> list[bool]:
    """For each address of the application that is on `host`: whether it is the whole of it, not a path only."""
    type_ = application.get("type")
    if type_ is not UNKNOWN and type_ not in GUARDING_TYPES:
        return []
    destinations = application.get("destinations")
    # With destinations, Access leaves the older properties aside.
    if is_unset(destinations):
        addresses = [application.get("domain"), application.get("selfHostedDomains")]
    else:
        addresses = [destinations]
    found = []
    while addresses:
        address = addresses.pop()
        if isinstance(address, list):
            addresses += address
        elif isinstance(address, dict):
            if address.get("type") in (None, "", "public", UNKNOWN):
                addresses.append(address.get("uri"))
        elif address is UNKNOWN:
            found.append(True)
        elif isinstance(address, str):
            name, _, path = address.strip().removeprefix("https://").partition("/")
            if _covers_host(_hostname(name), host):
                found.append(path in ("", "*"))
    return found


def _covers_host(pattern: str, host: str) -> bool:
    if pattern == host:
        return bool(host)
    if "*" not in pattern or "*" in host:
        return False
    # A wildcard of Access stands for a part of one label.
    return re.fullmatch("[^.]*".join(re.escape(part) for part in pattern.split("*")), host) is not None


def _is_public_mail(value: object) -> bool:
    """Whether a value has a domain of a mail service that is open to everybody."""
    if isinstance(value, dict):
        return any(_is_public_mail(each) for key, each in value.items() if key == "domain")
    if isinstance(value, list):
        return any(_is_public_mail(each) for each in value if isinstance(each, str))
    return isinstance(value, str) and _hostname(value).removeprefix("@") in PUBLIC_MAIL


def _admin_hosts(resources: Sequence[Resource], scope: Scope[Access]) -> Iterator[Finding]:
    access = _AccessOfStack(resources, scope.options)
    # cloudflared demands a token for these, so that a record for one of them needs nothing more.
    rules = [each for resource in resources if resource.type in CONFIGS for each in _ingresses(resource)]
    open_rules = {_hostname(each.get("hostname")) for each in rules if not (each.has_access or each.leads_nowhere)}
    guarded = {_hostname(each.get("hostname")) for each in rules if each.has_access} - open_rules
    reported: set[tuple[str | None, str]] = set()
    for resource in resources:
        if resource.type not in (*CONFIGS, *RECORDS):
            continue
        for exposed in _exposed(resource, scope.options):
            is_direct = exposed.finding.path == "proxied"
            if not is_direct and resource.type in RECORDS and exposed.host in guarded:
                continue
            for finding in [exposed.finding] if is_direct else access.gaps(exposed):
                if (finding.urn, finding.path) not in reported:
                    reported.add((finding.urn, finding.path))
                    yield finding


_CONFIG = ("config",)
_COMMAND = ("image", "entrypoints", "command", "envs")
_SERVICE_COMMAND = tuple(f"taskSpec.containerSpec.{name}" for name in ("image", "commands", "args", "env"))

RULES: tuple[Rule, ...] = (
    Rule(
        id="CF-404",
        title="A tunnel answers 404 for every hostname that it has no rule for",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("cloudflared: catch-all ingress rule", "CIS Docker 1.6, 5.8"),
        reads=dict.fromkeys(CONFIGS, _CONFIG),
        why="What matches no rule goes where the last one leads, so that a new DNS name would publish a service that "
        "nobody meant to publish.",
        fix="Make {service: http_status:404}, without a hostname and a path, the last ingress rule and the only one "
        "for every host.",
        check=_ends_with_404,
    ),
    Rule(
        id="CF-DEST",
        title="A tunnel leads to nginx and nowhere else",
        level=Level.MANDATORY,
        severity=Severity.CRITICAL,
        sources=("Cloudflare Tunnel: ingress services", "CIS Docker 1.6, 5.8"),
        reads=dict.fromkeys(CONFIGS, _CONFIG) | {type_: (path,) for type_, path in PRIVATE_ROUTES.items()},
        why="A tunnel goes past the firewall: a rule for a socket, a shell, a database or a whole network puts it on "
        "the internet, past the limits and headers that nginx sets.",
        fix="Let the rule's service be http://nginx:8080, and let nginx pass the request on; take private routes, "
        "bastion mode and proxy types away.",
        check=_destination,
        options=Destinations,
    ),
    Rule(
        id="CF-TLS",
        title="A tunnel verifies the certificate of what it leads to",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("cloudflared: noTLSVerify", "OWASP Docker #7"),
        reads=dict.fromkeys(CONFIGS, _CONFIG) | {CONTAINER: _COMMAND, SERVICE: _SERVICE_COMMAND},
        why="Without verification anybody on the network can answer in place of the service and read every request.",
        fix="Remove noTlsVerify; give the service's own CA in caPool and its name in originServerName.",
        check=_verifies_tls,
    ),
    Rule(
        id="CF-SECRET",
        title="A tunnel's token is in a file, never in a command or the environment",
        level=Level.MANDATORY,
        severity=Severity.CRITICAL,
        sources=("CIS Docker 1.6, 4.10", "cloudflared: --token-file"),
        reads=dict.fromkeys((*TUNNELS, WARP_CONNECTOR), ("tunnelSecret", "secret"))
        | {
            CONTAINER: (*_COMMAND, "healthcheck", "labels", "uploads"),
            SERVICE: (
                *_SERVICE_COMMAND,
                "taskSpec.containerSpec.healthcheck",
                "taskSpec.containerSpec.labels",
                "labels",
            ),
        },
        why="Whoever has the token can run the tunnel from elsewhere and take its requests, and `docker inspect`, the "
        "process list and crash reports show commands and environments.",
        fix="Mark the token as secret, put it into a file of the container and start cloudflared with --token-file.",
        check=_keeps_secret,
    ),
    Rule(
        id="CF-SRC",
        title="A tunnel gets its config from Cloudflare, where this program sets it",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("Cloudflare Tunnel: remotely-managed tunnels",),
        reads=dict.fromkeys(TUNNELS, ("configSrc",))
        | dict.fromkeys(CONFIGS, ("source",))
        | {CONTAINER: (*_COMMAND, "uploads"), SERVICE: _SERVICE_COMMAND},
        why="A tunnel with a local config, or a quick tunnel, publishes what its file or its flags say; no rule of "
        "this pack sees that.",
        fix='Set configSrc to "cloudflare" and start the container with the command `tunnel run --token-file PATH`.',
        check=_is_remotely_managed,
    ),
    Rule(
        id="CF-ACCESS",
        title="Hostnames for administrators are behind Cloudflare Access",
        level=Level.MANDATORY,
        severity=Severity.CRITICAL,
        sources=("Cloudflare Access: self-hosted applications", "NIST SP 800-207"),
        reads=dict.fromkeys(CONFIGS, _CONFIG)
        | dict.fromkeys(RECORDS, ("name", "type", "content", "value", "proxied"))
        | dict.fromkeys(APPLICATIONS, ("domain", "destinations", "selfHostedDomains", "policies", "type"))
        | dict.fromkeys(ACCESS_POLICIES, ("decision", "includes", "applicationId"))
        | dict.fromkeys(GROUPS, ("includes",)),
        why="Dashboards, databases and brokers have weak logins or none; on a public name everybody can try them.",
        fix="Make an Access application for the hostname, without a path, whose policies allow named people, groups or "
        "service tokens; remove policies that bypass Access or include everyone.",
        check_stack=_admin_hosts,
        options=Access,
    ),
)
