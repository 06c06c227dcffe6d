"""Nothing leads from outside to a port of monitoring, and no proxy to one of a data store."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Final

from pydantic import Field as Constraint

from policies.containers import CONTAINER, SERVICE, Entry
from policies.destinations import SHARED_PORTS, is_monitoring_name, plain
from policies.docker_ports import TUNNEL_CONFIGS, is_for_people_here, numbers_of, published, services
from policies.encoding import encoded_texts
from policies.ports import MAX_PORT, MONITORING_PORTS, SERVICE_NAMES, STORE_PORTS
from policies.proxies import leads, mentioned_ports, port_of
from policies.resource import WORKLOADS, Resource
from policies.roles import command_line, command_words, health_line, is_forwarder, is_proxy
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.uploads import READS, SECRET, SERVICE_CONFIG, contents
from policies.values import entries, items, text

NO_MONITORING: Final = "no monitoring port"
NO_INTERNAL: Final = "no port of a data store or of monitoring"
NO_INTERNAL_HOST: Final = "a web app's host, by a name that is no data store's or monitoring tool's"
OPEN: Final = "a host or a port that a request or an unknown variable chooses"
SPELLED_OUT: Final = (
    "destinations that the file spells out, or variables with known values (nginx: `set`, `map`, `geo` or "
    "`split_clients` with literal values)"
)

#: A variable's name that tells which of the container's own ports it is.
_OWN_PORT: Final = re.compile(
    r"(?:(?:HTTPS?|WEB|SERVER|APP|ADMIN|HEALTH|METRICS?|STATS|STATUS|CONTAINER|INTERNAL|PUBLIC|NGINX)_?)?"
    r"(?:(?:HTTPS?|SERVER|HEALTH|METRICS?)_)?(?:LISTEN(?:ING|ER)?_?)?(?:PORT|ADDR(?:ESS)?|BIND|LISTEN)"
)

#: A variable's name that tells that its number is an amount.
_AMOUNT: Final = re.compile(
    r"TIMEOUT|SIZE|LIMIT|MAX|MIN|SECONDS?|_MS$|INTERVAL|COUNT|CONNECTIONS?|TTL|AGE|RATE|BUFFER|WORKERS?|BYTES|MEMORY"
    r"|_ID$|RETR|DELAY|LENGTH|LEVEL|YEAR|VERSION|BURST|QUOTA|DAYS|NOFILE|OPEN_FILES|UID|GID"
)

#: A variable's name that tells that it is where a proxy leads.
_DESTINATION: Final = re.compile(r"UPSTREAM|BACKEND|TARGET|FORWARD|DEST|ORIGIN|PROXY_PASS|PROXY_TO|CONNECT")

#: The same where no other container has it: an exporter has a target as well.
_UPSTREAM: Final = re.compile(r"UPSTREAM|PROXY_(?:PASS|TO|TARGET|URL)|FORWARD_?(?:TO|HOST|PORT|URL|ADDR)")

#: What a health check has that takes connections.
_LISTENS: Final = re.compile(r"listen|\s-\w*l|DNAT|\s-\w*[LRD]\b|fork", re.IGNORECASE)

#: What a shell gives a variable in the command line itself.
_ASSIGNED: Final = re.compile(r"(?:^|[\s;&|(])(\w{1,100})=([\w.:/-]{1,200})(?=$|[\s;&|)])", re.ASCII)

#: A destination in a command that passes on, of which a variable, an arithmetic or another command is a part.
_UNSPELLED: Final = re.compile(
    r"\b(?:TCP[46]?|TCP[46]?-CONNECT|UDP[46]?|OPENSSL|SSL):[^\s,;]{0,300}?(?:\$[({\w]|`)"
    r"|(?:^|\s)-[-\w]{1,40}[= ]?[\w.:/\[\]-]{0,300}:(?:\$[({\w]|`)"
    r"|\b(?:nc|ncat|netcat)(?:\s+-\w+){0,9}\s+[\"']?\$[({\w]",
    re.IGNORECASE,
)

#: Commands of proxies that go wherever a request says.
_OPEN_PROXY: Final = re.compile(
    r"(?:^|[\s/;&|\"'(])(?:(?:microsocks|tinyproxy|privoxy|3proxy|sockd|danted|squid|glider|dumbproxy|srelay|ss-?server)\b"
    r"|(?:auto)?ssh\b[^;&|]{0,300}?\s-\w*D"
    r"|mitm(?:proxy|dump|web)\b(?![^;&|]{0,300}?\breverse:)"
    r"|(?:gost\b[^;&|]{0,300}?)?-L[= ]?(?:(?:http|socks5?|auto|ss)\w*://)?[\w.@:]*:\d{1,5}(?=$|\s))"
)

_SHELL_VARIABLE: Final = re.compile(r"\$\{?(\w{1,100})\}?", re.ASCII)

#: Schemes of clients of data stores, which a gateway may be as well.
_CLIENT: Final = re.compile(
    r"(?:postgres(?:ql)?|mysql|redis|rediss|mongodb|nats|amqp|kafka)(?:\+\w+)?://", re.IGNORECASE
)

_CLIENT_URL: Final = re.compile(rf"{_CLIENT.pattern}[^\s\"',]*", re.IGNORECASE)

#: Labels by which a proxy that watches Docker finds what it leads to.
_ROUTER_LABEL: Final = re.compile(
    r"traefik\..*|caddy(?:_\d+)?(?:\..*)?|(?:easy)?haproxy\..*|sozu\..*|swarm-proxy\..*|com\.df\..*|fabio\..*|ingress\..*"
    r"|tsdproxy\..*|docktail\..*|cloudflare\..*|.*\.(?:proxy|upstream|loadbalancer)\..*",
    re.IGNORECASE,
)

#: Variables by which nginx-proxy and its like find what they lead to.
_ROUTER_VARIABLE: Final = re.compile(r"VIRTUAL_PORT|VIRTUAL_HOST_MULTIPORTS|CADDY_PORT|SERVICE_\d+_NAME|TRAEFIK_\w+")

#: What a shell takes out of the middle of a word.
_QUOTE_INSIDE: Final = re.compile(r"(?<=[\w:])[\"'\\]{1,9}(?=\w)")

#: A port where a number stands for one: alone, decimal, hexadecimal or octal, and not a container's own.
_TOKEN: Final = re.compile(r"(?<![\w.])(?:(0x[0-9a-fA-F]{2,4})|(0[0-7]{3,6})|(\d{2,5}))(?![\w]|\.\d)")
_OWN: Final = re.compile(
    r"(?:0\.0\.0\.0|127(?:\.\d{1,3}){3}|localhost|\[::1?\]|\*|(?<![\w\])}.-])(?<!\w[\"'])):\d{2,5}(?!\w)"
    r"|(?:TCP[46]?|UDP[46]?|SCTP[46]?|OPENSSL|SSL)-?L(?:ISTEN)?:(?:0x[0-9a-f]+|\d+)|-?-(?:listen|bind)[= ]:?\d+"
    r"|\blisten\s+(?:\S{1,40}:)?\d+",
    re.IGNORECASE,
)
_SERVICE: Final = re.compile(
    rf":({'|'.join(sorted(map(re.escape, SERVICE_NAMES), key=len, reverse=True))})(?=$|[\s,;\"'/)])", re.IGNORECASE
)


class MonitoringOptions(Options):
    """`ports`: monitoring ports beside those that the rule knows. `publishers`, `loopback_in_development`: as in
    DKR-PORT."""

    ports: tuple[Annotated[int, Constraint(ge=1, le=MAX_PORT)], ...] = ()
    publishers: tuple[str, ...] = ("nginx",)
    loopback_in_development: bool = True


def _monitoring_ports(scope: Scope[MonitoringOptions]) -> frozenset[int]:
    return frozenset({*MONITORING_PORTS, *scope.options.ports})


def _published_monitoring(
    resource: Resource, scope: Scope[MonitoringOptions], monitoring: frozenset[int]
) -> Iterator[Finding]:
    names = ("targetPort", "publishedPort") if resource.container.is_service else ("internal", "external")
    for port in published(resource):
        if is_for_people_here(port, scope):
            continue
        for name, value in zip(names, (port.internal, port.external), strict=True):
            if not monitoring.isdisjoint(numbers_of(value)):
                yield Finding(f"{port.path}.{name}", value, NO_MONITORING)


def _is_entry(resource: Resource, scope: Scope[MonitoringOptions]) -> bool:
    """Whether requests from outside come to it: it publishes a port, or is what does so where no tunnel is."""
    if any(not is_for_people_here(port, scope) for port in published(resource)):
        return True
    return not services(resource, scope).isdisjoint(scope.options.publishers)


def _port_tokens(line: str) -> set[int]:
    """The ports that the numbers and names of a forwarder's command line may stand for, but those it listens on."""
    rest = _OWN.sub(" ", _CLIENT_URL.sub(" ", plain(_QUOTE_INSIDE.sub("", line))))
    found = {SERVICE_NAMES[match[1].lower()] for match in _SERVICE.finditer(rest)}
    for match in _TOKEN.finditer(rest):
        if match[1]:
            found.add(int(match[1], 16))
        elif match[2]:
            found |= {int(match[2], 8), int(match[2])}
        else:
            found.add(int(match[3]))
    return found


def _finding(path: str | None, port: int, monitoring: frozenset[int]) -> Finding:
    return Finding(path or "", port, NO_MONITORING if port in monitoring else NO_INTERNAL)


def _of_hosts(path: str, hosts: Iterable[str]) -> Iterator[Finding]:
    return (Finding(path, host, NO_INTERNAL_HOST) for host in sorted(hosts))


def _in_command(resource: Resource, scope: Scope[MonitoringOptions], *, is_entry: bool) -> Iterator[Finding]:
    """Findings in the command. A proxy's may not name such a port in any notation, an entry's not behind a host, and no
    container's may hold a proxy's config that leads there."""
    monitoring = _monitoring_ports(scope)
    internal = monitoring.union(STORE_PORTS)
    container = resource.container
    proxy, environment = is_proxy(container), _environment(resource)
    seen: set[int] = set()
    for word in command_words(container):
        value = text(word.value)
        if not value:
            continue
        ports = set[int]()
        if ":" in value or "$" in value:
            # Quotes are the shell's, around what it writes into a file or hands on.
            found = leads(re.sub("[\"']", "\n", value), internal, (), environment)
            ports |= found.ports
            yield from _of_hosts(word.path or "", found.hosts)
            if found.is_open:
                yield Finding(word.path or "", OPEN, SPELLED_OUT)
        if proxy:
            ports |= _port_tokens(_filled(value, environment | _assigned(value))) & internal
        elif is_entry:
            ports |= mentioned_ports(value, monitoring)
        seen |= ports
        yield from (_finding(word.path, port, monitoring) for port in sorted(ports))
    if proxy and _is_unspelled(command_line(container), environment, is_entry=is_entry):
        yield Finding(container.field("command").path or "", OPEN, SPELLED_OUT)
    if proxy:
        # What is in base64, or in words that only together name a port.
        rest = (_port_tokens(_filled(command_line(container), environment)) & internal) - seen
        yield from (_finding(container.field("command").path, port, monitoring) for port in sorted(rest))
    health = health_line(container)
    if _LISTENS.search(health) and is_forwarder(health):
        for port in sorted(_port_tokens(health) & internal):
            yield _finding(container.field("healthcheck.tests").path, port, monitoring)


def _is_unspelled(line: str, environment: dict[str, str], *, is_entry: bool) -> bool:
    """Whether a forwarder's command doesn't say where it leads: a shell computes it, or an entry's requests do."""
    is_computed = ("$" in line or "`" in line) and is_forwarder(line)
    if is_computed and _UNSPELLED.search(_filled(line, environment | _assigned(line))):
        return True
    return is_entry and _OPEN_PROXY.search(line) is not None


def _assigned(line: str) -> dict[str, str]:
    """The variables that a command line sets itself."""
    return {match[1]: match[2] for match in _ASSIGNED.finditer(line)}


def _filled(line: str, environment: dict[str, str]) -> str:
    """A command line with the variables that a shell fills in, where their values are known."""
    return _SHELL_VARIABLE.sub(lambda match: environment.get(match[1], match[0]), line) if "$" in line else line


def _environment(resource: Resource) -> dict[str, str]:
    """The variables that a template in the container is filled with."""
    return {
        entry.name: entry.value
        for entry in resource.container.env
        if isinstance(entry.name, str) and isinstance(entry.value, str)
    }


def _in_env(resource: Resource, scope: Scope[MonitoringOptions], *, is_entry: bool) -> Iterator[Finding]:
    """Findings in the environment: where a proxy's template takes its destinations from, and files and commands in it.

    Only the variables of an entry and of a proxy are destinations, and those that are called so.
    """
    monitoring = _monitoring_ports(scope)
    internal = monitoring.union(STORE_PORTS)
    proxy = is_proxy(resource.container)
    for entry in resource.container.env:
        value = text(entry.value)
        if not value or not isinstance(entry.name, str):
            continue
        name, ports = entry.name.upper(), set[int]()
        leads_there = _UPSTREAM.search(name) is not None
        if proxy or is_entry or leads_there:
            ports |= _env_ports(entry, value, monitoring)
        is_destination = leads_there or (proxy and _DESTINATION.search(name) is not None)
        if is_destination and not _CLIENT.match(value):
            ports |= _env_ports(entry, value, frozenset(STORE_PORTS))
        if is_destination and "$" in value and " " not in value and leads(f"proxy_pass {value};", internal).is_open:
            yield Finding(entry.path, OPEN, SPELLED_OUT)
        texts = [value, *(encoded_texts(value) if proxy or is_entry else ())]
        for each in texts if " " in value or len(texts) > 1 else ():
            found = leads(each, internal)
            ports |= found.ports
            if is_forwarder(each):
                ports |= _port_tokens(each) & internal
            yield from _of_hosts(entry.path, found.hosts)
            if found.is_open:
                yield Finding(entry.path, OPEN, SPELLED_OUT)
        yield from (_finding(entry.path, port, monitoring) for port in sorted(ports))


def _env_ports(entry: Entry, value: str, ports: frozenset[int]) -> set[int]:
    found = mentioned_ports(value, ports)
    name = str(entry.name).upper()
    if not _OWN_PORT.fullmatch(name) and not _AMOUNT.search(name):
        alone = {each for part in re.split(r"[\s,;|]+", value) for each in numbers_of(part.strip("\"'[]()"))}
        if not is_monitoring_name(name):
            alone -= SHARED_PORTS
        found |= (alone | (_port_tokens(value) if _DESTINATION.search(name) else set())) & ports
    return found


def _in_routes(resource: Resource, scope: Scope[MonitoringOptions]) -> Iterator[Finding]:
    """Findings in labels and variables from which a proxy that watches Docker takes its destinations."""
    internal = _monitoring_ports(scope).union(STORE_PORTS)
    container = resource.container
    routes = [
        entry for entry in container.labels if isinstance(entry.name, str) and _ROUTER_LABEL.fullmatch(entry.name)
    ]
    routes += [
        entry for entry in container.env if isinstance(entry.name, str) and _ROUTER_VARIABLE.fullmatch(entry.name)
    ]
    for entry in routes:
        value = text(entry.value) or ""
        for port in sorted((_port_tokens(value) | mentioned_ports(value, internal)) & internal):
            yield Finding(entry.path, port, NO_INTERNAL)


def _destinations(resource: Resource) -> Iterator[tuple[str, object]]:
    """Path and value of what a tunnel leads to."""
    for name in ("ingresses", "ingressRules"):
        for index, item in items(resource.get(f"config.{name}")):
            yield f"config.{name}[{index}].service", entries(item).get("service")


def _in_files(resource: Resource, scope: Scope[MonitoringOptions]) -> Iterator[Finding]:
    """Findings in files that are a proxy's config."""
    monitoring = _monitoring_ports(scope)
    internal = monitoring.union(STORE_PORTS)
    files = [file for file in contents(resource) if file.text]
    texts = [file.text for file in files]
    environment = _environment(resource) if files and resource.type in WORKLOADS else {}
    for file in files:
        found = leads(file.text, internal, texts, environment)
        # The port, and nothing else of a file that may hold a secret.
        for port in sorted(found.ports):
            yield Finding(file.path, port, NO_MONITORING if port in monitoring else NO_INTERNAL)
        yield from _of_hosts(file.path, found.hosts)
        if found.is_open:
            yield Finding(file.path, OPEN, SPELLED_OUT)


def _monitoring(resource: Resource, scope: Scope[MonitoringOptions]) -> Iterator[Finding]:
    monitoring = _monitoring_ports(scope)
    if resource.type in TUNNEL_CONFIGS:
        for path, service in _destinations(resource):
            port = port_of(service) if isinstance(service, str) else None
            if port in monitoring or port in STORE_PORTS:
                yield Finding(path, port, NO_MONITORING if port in monitoring else NO_INTERNAL)
        return
    if resource.type in WORKLOADS:
        is_entry = _is_entry(resource, scope)
        yield from _published_monitoring(resource, scope, monitoring)
        yield from _in_command(resource, scope, is_entry=is_entry)
        yield from _in_env(resource, scope, is_entry=is_entry)
        yield from _in_routes(resource, scope)
    yield from _in_files(resource, scope)


def _behind_tunnel(resources: Sequence[Resource], scope: Scope[MonitoringOptions]) -> Iterator[Finding]:
    """Findings in what a tunnel leads to, which nothing else shows to be reachable from outside."""
    hosts = {
        match[1].lower()
        for resource in resources
        if resource.type in TUNNEL_CONFIGS
        for _, service in _destinations(resource)
        if isinstance(service, str) and (match := _HOST.match(service.strip()))
    }
    for resource in resources:
        if resource.type not in WORKLOADS or not hosts or _is_entry(resource, scope):
            continue
        if not hosts.isdisjoint(_names(resource)):
            found = [*_in_command(resource, scope, is_entry=True), *_in_env(resource, scope, is_entry=True)]
            alone = {(each.path, str(each.value)) for each in _monitoring(resource, scope)}
            for each in found:
                if (each.path, str(each.value)) not in alone:
                    yield Finding(each.path, each.value, each.allowed, resource.urn)


_HOST: Final = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?([a-z0-9_.-]+)", re.IGNORECASE)


def _names(resource: Resource) -> set[str]:
    """The names by which others on its networks reach it."""
    container = resource.container
    names: list[Any] = [resource.get("name"), container.field("hostname").value]
    for _, item in items(container.field("networksAdvanced").value):
        names += [alias for _, alias in items(entries(item).get("aliases"))]
        names.append(entries(item).get("ipv4Address"))
    return {found.lower() for name in names if (found := text(name))}


RULES = (
    Rule(
        id="DKR-MON",
        title="No monitoring port is published or proxied, and no data store's is proxied",
        level=Level.MANDATORY,
        severity=Severity.CRITICAL,
        sources=("CIS Docker 1.6, 5.9", "NATS documentation, monitoring", "OWASP Top 10, A10 (SSRF)"),
        reads={
            CONTAINER: ("ports", *READS[CONTAINER], "command", "entrypoints", "envs", "labels", "image"),
            SERVICE: (
                "endpointSpec.ports",
                "labels",
                *(f"taskSpec.containerSpec.{name}" for name in ("args", "commands", "env", "image", "labels")),
            ),
            SERVICE_CONFIG: READS[SERVICE_CONFIG],
            SECRET: READS[SECRET],
            **dict.fromkeys(TUNNEL_CONFIGS, ("config",)),
        },
        why="Monitoring ports ask for no password and tell who is connected, what is queried and how to go on; a "
        "data store behind a proxy is open to everyone who reaches the proxy, and so is all of the stack where a "
        "request chooses the destination.",
        fix="Take the port out of `ports`, the proxy's config or the tunnel's ingress, and name each destination in "
        "the proxy's config. Read monitoring on its network, or over SSH from the host.",
        check=_monitoring,
        check_stack=_behind_tunnel,
        options=MonitoringOptions,
        waivable=False,
    ),
)
