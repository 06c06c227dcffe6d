"""The ingress rules of a tunnel, as `cloudflared` takes them (`ingress/ingress.go`, `ingress/config.go`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from policies.resource import Resource
from policies.values import UNKNOWN, entries, flag, is_unset, items, lookup

#: The list of ingress rules, by version of the provider: 6, 4 and 5, and the first releases of 6.
INGRESS_NAMES: Final = ("ingresses", "ingressRules", "ingress")

#: A service that answers with an error and leads nowhere.
ERROR_SERVICE: Final = re.compile(r"http_status:[45][0-9][0-9]", re.ASCII)
NOT_FOUND: Final = "http_status:404"
USERINFO: Final = re.compile(r"//[^/]*@")

#: A team's name is a part of the address that `cloudflared` gets the keys of Access from.
TEAM_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


@dataclass(frozen=True)
class Ingress:
    """An ingress rule and its path."""

    path: str
    rule: Any
    is_last: bool

    def get(self, name: str) -> Any:  # noqa: ANN401 - any JSON value
        """The rule's property of that name; UNKNOWN where the rule is."""
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


def ingresses(resource: Resource) -> list[Ingress]:
    """The ingress rules of a tunnel's config, in any version's property."""
    found: list[Ingress] = []
    for name in INGRESS_NAMES:
        rules = items(resource.get(f"config.{name}"))
        found += [Ingress(f"config.{name}[{index}]", rule, index == len(rules) - 1) for index, rule in rules]
    return found


def without_userinfo(service: object) -> object:
    """`service` without a password that may stand in it."""
    return USERINFO.sub("//[hidden]@", service) if isinstance(service, str) else service
