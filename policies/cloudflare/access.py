"""A stack's Access applications, policies and groups, and whom they let in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from policies.cloudflare.exposure import Exposed
from policies.cloudflare.hostnames import AccessOptions, normal_hostname
from policies.cloudflare.types import ACCESS_POLICIES, APPLICATIONS, GROUPS
from policies.resource import Resource
from policies.rule import Finding
from policies.values import UNKNOWN, entries, is_unset, items, join

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


@dataclass(frozen=True)
class _Verdict:
    """What some Access policies do: each one's holes, whether one is good, and whether one can't be judged yet."""

    holes: tuple[Finding, ...] = ()
    is_good: bool = False
    is_unsure: bool = False

    def __add__(self, other: _Verdict) -> _Verdict:
        return _Verdict(self.holes + other.holes, self.is_good or other.is_good, self.is_unsure or other.is_unsure)


UNSURE: Final = _Verdict(is_unsure=True)


class StackAccess:
    """The stack's Access applications, policies and groups, and what they come to."""

    def __init__(self, resources: Sequence[Resource], options: AccessOptions) -> None:
        self._options = options
        self._applications = [each for each in resources if each.type in APPLICATIONS]
        self._policies = {each.urn: each for each in resources if each.type in ACCESS_POLICIES}
        self._groups = {each.urn: each for each in resources if each.type in GROUPS}

    def gaps(self, exposed: Exposed) -> list[Finding]:
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
            if _covers_host(normal_hostname(name), host):
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
    return isinstance(value, str) and normal_hostname(value).removeprefix("@") in PUBLIC_MAIL
