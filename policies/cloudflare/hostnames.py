"""Hostnames, and which of them are for administrators."""

from __future__ import annotations

import fnmatch
import functools
import re
import unicodedata
from typing import Annotated, Final

from pydantic import AfterValidator

from policies.limits import limit
from policies.rule import Options


def _not_everyone(kind: str) -> str:
    if kind == "everyone":
        raise ValueError("everyone is nobody known")
    return kind


class AccessOptions(Options):
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


NUMBER_AT_END: Final = re.compile(r"[0-9]+$")


@functools.lru_cache(maxsize=8)
def _admin_patterns(names: tuple[str, ...]) -> tuple[frozenset[str], re.Pattern[str]]:
    globs = [name.lower() for name in names if "." in name or "*" in name]
    pattern = re.compile("|".join(fnmatch.translate(each) for each in globs) or r"(?!)")
    return frozenset(name.lower() for name in names if "." not in name and "*" not in name), pattern


def normal_hostname(value: object) -> str:
    """A hostname as resolvers and browsers take it: in lower case, full-width letters as plain ones, no final dot."""
    host = value if isinstance(value, str) else ""
    if not host.isascii():
        host = unicodedata.normalize("NFKC", host).replace("\u3002", ".")
    return host.strip().rstrip(".").lower()


def is_admin_host(host: str, names: tuple[str, ...]) -> bool:
    """Whether a hostname is one for administrators, by `names` as in `AccessOptions.admin_hosts`."""
    words, pattern = _admin_patterns(names)
    if pattern.match(host):
        return True
    labels = host.split(".")
    # The last two are the domain. A record's name may be relative to it, and then is short.
    labels = labels[:-2] if len(labels) > 2 else labels[:1]
    parts = {part for label in labels for part in re.split("[-_]", label)}
    return any(part in words or NUMBER_AT_END.sub("", part) in words for part in parts)
