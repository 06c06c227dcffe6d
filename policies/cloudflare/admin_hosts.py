"""Hostnames for administrators are behind Cloudflare Access."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.cloudflare.access import StackAccess
from policies.cloudflare.exposure import exposed_hostnames
from policies.cloudflare.hostnames import AccessOptions, normal_hostname
from policies.cloudflare.ingress import ingresses
from policies.cloudflare.types import ACCESS_POLICIES, APPLICATIONS, CONFIG_PROPERTY, GROUPS, RECORDS
from policies.resource import Resource
from policies.rule import Finding, Level, Rule, Scope, Severity
from policies.workloads.tunnels import TUNNEL_CONFIGS


def _admin_hosts(resources: Sequence[Resource], scope: Scope[AccessOptions]) -> Iterator[Finding]:
    access = StackAccess(resources, scope.options)
    # cloudflared demands a token for these, so that a record for one of them needs nothing more.
    rules = [each for resource in resources if resource.type in TUNNEL_CONFIGS for each in ingresses(resource)]
    open_rules = {
        normal_hostname(each.get("hostname")) for each in rules if not (each.has_access or each.leads_nowhere)
    }
    guarded = {normal_hostname(each.get("hostname")) for each in rules if each.has_access} - open_rules
    reported: set[tuple[str | None, str]] = set()
    for resource in resources:
        if resource.type not in (*TUNNEL_CONFIGS, *RECORDS):
            continue
        for exposed in exposed_hostnames(resource, scope.options):
            is_direct = exposed.finding.path == "proxied"
            if not is_direct and resource.type in RECORDS and exposed.host in guarded:
                continue
            for finding in [exposed.finding] if is_direct else access.gaps(exposed):
                if (finding.urn, finding.path) not in reported:
                    reported.add((finding.urn, finding.path))
                    yield finding


RULES = (
    Rule(
        id="CF-ACCESS",
        title="Hostnames for administrators are behind Cloudflare Access",
        level=Level.MANDATORY,
        severity=Severity.CRITICAL,
        sources=("Cloudflare Access: self-hosted applications", "NIST SP 800-207"),
        reads=dict.fromkeys(TUNNEL_CONFIGS, CONFIG_PROPERTY)
        | dict.fromkeys(RECORDS, ("name", "type", "content", "value", "proxied"))
        | dict.fromkeys(APPLICATIONS, ("domain", "destinations", "selfHostedDomains", "policies", "type"))
        | dict.fromkeys(ACCESS_POLICIES, ("decision", "includes", "applicationId"))
        | dict.fromkeys(GROUPS, ("includes",)),
        why="Dashboards, databases and brokers have weak logins or none; on a public name everybody can try them.",
        fix="Make an Access application for the hostname, without a path, whose policies allow named people, groups or "
        "service tokens; remove policies that bypass Access or include everyone.",
        check_stack=_admin_hosts,
        options=AccessOptions,
    ),
)
