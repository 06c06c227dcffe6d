"""A monitoring port is found however it is written."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from policies.docker.network.known_ports import MONITORING_PORTS
from policies.proxies.destinations import SHARED_PORTS
from policies.proxies.leads import leads
from policies.values import UNKNOWN
from tests.generated import examples
from tests.policies.cases import Case, run
from tests.policies.compliant import container
from tests.policies.docker.network.publishing import ADDRESSES, PORTS, in_swarm
from tests.policies.docker.network.test_ports import forms


@given(
    internal=st.sampled_from(sorted(MONITORING_PORTS)).flatmap(forms),
    external=st.one_of(
        st.integers(0, 65535).filter(lambda each: each not in MONITORING_PORTS).flatmap(forms),
        st.sampled_from((None, "", UNKNOWN)),
    ),
    address=ADDRESSES,
    protocol=st.sampled_from(("tcp", "udp", "sctp", "TCP", None, UNKNOWN)),
    environment=st.sampled_from(("prod", "staging", "production", "live")),
)
@settings(max_examples=examples(1000), deadline=None)
def test_a_monitoring_port_is_always_found(
    internal: Any, external: Any, address: Any, protocol: Any, environment: str
) -> None:
    ports = [{"internal": internal, "external": external, "ip": address, "protocol": protocol}]
    run(Case("DKR-MON", "bypass", "any", (container({"ports": ports}),), ("ports[0].internal",), {}, environment))
    swarm = [{"targetPort": internal, "publishedPort": external, "protocol": protocol}]
    run(Case("DKR-MON", "bypass", "any", in_swarm(*swarm), (f"{PORTS}[0].targetPort",), {}, environment))


@given(
    directive=st.sampled_from(("proxy_pass", "grpc_pass", "fastcgi_pass", "server")),
    scheme=st.sampled_from(("", "http://", "https://", "grpcs://")),
    host=st.sampled_from(("nats", "172.20.1.4", "[fd00::4]", "$host", "${x}", "a-b.c_d")),
    # What a shared port is depends on the host: tests/policies/docker/monitoring/test_exposure.py.
    number=st.sampled_from(sorted(MONITORING_PORTS.keys() - SHARED_PORTS)),
    zeros=st.sampled_from(("", "0", "000")),
    after=st.sampled_from(("", "/", "/varz", "?a=b", "$request_uri", " weight=5")),
    space=st.sampled_from((" ", "\n", "\t ", " # comment; {\n")),
    quote=st.sampled_from(("", '"', "'")),
)
@settings(max_examples=examples(500), deadline=None)
def test_a_proxied_monitoring_port_is_always_found(
    directive: str, scheme: str, host: str, number: int, zeros: str, after: str, space: str, quote: str
) -> None:
    config = f"a {{ b c; {directive}{space}{quote}{scheme}{host}:{zeros}{number}{after}{quote}; }}"
    assert leads(config, frozenset(MONITORING_PORTS)).ports == {number}


@given(st.text(alphabet="$ab{};:82\"'\\# \n/set proxy_pass", max_size=200))
def test_any_text_can_be_read(config: str) -> None:
    leads(f"proxy_pass $x:8222 {config}", frozenset(MONITORING_PORTS), [config])
