"""What is too broad in the statements of a policy document."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from policies.aws.policy_document import Document, Statement, principals, scalar, texts
from policies.rule import Finding
from policies.values import entries, is_unset

#: What AWS takes for any text, and for any single character.
WILDCARD: Final = re.compile(r"[*?]")

#: The one wildcard that an action may have: at its end, after a verb that only reads. AWS Config's
#: `iam-policy-no-statements-with-full-access` draws a line of this kind.
READING: Final = re.compile(r"[a-z0-9-]+:(?:describe|get|list)[a-z0-9]*\*", re.ASCII | re.IGNORECASE)

#: Actions that AWS can't narrow to a resource ("Resource types" is empty in the Service Authorization
#: Reference), among those that a small system has a use for.
WITHOUT_RESOURCE: Final = re.compile(
    r"cloudwatch:putmetricdata|ec2:describe[a-z0-9]*\*?|ecr:getauthorizationtoken|s3:listallmybuckets"
    r"|sts:getcalleridentity|xray:put(?:telemetryrecords|tracesegments)",
    re.ASCII | re.IGNORECASE,
)

#: Services whose ARNs name the thing first, with no word for its type before it.
UNTYPED: Final = frozenset({"execute-api", "s3"})

#: Characters of a name that come before a wildcard at least: fewer would let a handful of resources name them all.
LEAST_PREFIX: Final = 3

ACTIONS: Final = "actions by name; a `*` only at the end of one that reads (Get*, List*, Describe*)"
RESOURCES: Final = "ARNs that name a resource; a `*` only after the beginning of its name or below it"
PRINCIPALS: Final = "accounts, roles or services by name, with no wildcard"
SUBJECTS: Final = "a StringEquals or StringLike on the provider's `sub`, that names more than its kind"

#: An identity provider that proves who somebody is by OpenID Connect, by its host and path.
OIDC_PROVIDER: Final = re.compile(r"arn:[^:]*:iam::[^:]*:oidc-provider/(.+)", re.DOTALL)

#: Claims that tell one user of a provider from the others; its audience, or a branch's name, is many users'.
SUBJECT_CLAIMS: Final = frozenset({"repository", "repository_id", "repository_owner_id", "sub"})

#: Operators of conditions that are false for a key that isn't there or that has another value.
IDENTIFYING: Final = frozenset(
    prefix + name
    for prefix in ("", "foranyvalue:")
    for name in ("stringequals", "stringequalsignorecase", "stringlike")
)


def judged(document: Document, *checks: Callable[[Statement], Iterable[Finding]]) -> Iterator[Finding]:
    """What is wrong with a document: what can't be read of it, and what `checks` find in statements that grant."""
    yield from document.problems
    for statement in document.statements:
        if statement.grants:
            for check in checks:
                yield from check(statement)


def broad_actions(statement: Statement) -> Iterator[Finding]:
    """What an allowing statement grants that has no end: wildcards, and everything but something."""
    if "notaction" in statement.elements:
        yield _excluded(statement, "NotAction", "Action")
    elif is_unset(statement.get("action")):
        yield Finding(statement.path_of("Action"), None, ACTIONS)
    else:
        for path, text, value in texts(*statement.elements["action"]):
            if text is None or (WILDCARD.search(text) and not READING.fullmatch(text)):
                yield Finding(path, value, ACTIONS)


def broad_resources(statement: Statement) -> Iterator[Finding]:
    """The resources of an allowing statement that aren't named, unless its actions can't be narrowed to any."""
    if "notresource" in statement.elements:
        yield _excluded(statement, "NotResource", "Resource")
    elif is_unset(statement.get("resource")):
        yield Finding(statement.path_of("Resource"), None, RESOURCES)
    else:
        for path, text, value in texts(*statement.elements["resource"]):
            if text is None or not (_names_resource(text) or (text == "*" and _has_no_resource(statement))):
                yield Finding(path, value, RESOURCES)


def broad_principals(statement: Statement) -> Iterator[Finding]:
    """Whom an allowing statement of a resource's policy lets in without naming them."""
    if "notprincipal" in statement.elements:
        yield _excluded(statement, "NotPrincipal", "Principal")
    elif is_unset(statement.get("principal")):
        yield Finding(statement.path_of("Principal"), None, PRINCIPALS)
    else:
        for path, text, value in principals(*statement.elements["principal"]):
            if text is None or WILDCARD.search(text):
                yield Finding(path, value, PRINCIPALS)


def any_subject(statement: Statement) -> Iterator[Finding]:
    """The OIDC providers in a role's trust that let in each of their users, such as every repository on GitHub."""
    if statement.partial or "principal" not in statement.elements:
        return
    for path, text, value in principals(*statement.elements["principal"]):
        provider = OIDC_PROVIDER.fullmatch(text or "")
        if provider and not _names_subject(statement.get("condition"), provider[1].lower()):
            yield Finding(path, value, SUBJECTS)


def _names_subject(condition: object, provider: str) -> bool:
    for operator, keys in _named(condition):
        if operator not in IDENTIFYING:
            continue
        for key, wanted in _named(keys):
            of, _, claim = key.rpartition(":")
            if of == provider and claim in SUBJECT_CLAIMS:
                values = wanted if isinstance(wanted, list) else [wanted]
                if values and all(isinstance(value, str) and _narrows(value) for value in values):
                    return True
    return False


def _named(value: object) -> Iterator[tuple[str, Any]]:
    return ((name.lower(), item) for name, item in entries(value).items())


def _narrows(subject: str) -> bool:
    """Whether a subject is one, or the beginning of one's name: in `repo:*` there is only its kind."""
    beginning = WILDCARD.split(subject)[0]
    return beginning == subject or len(beginning.partition(":")[2]) >= LEAST_PREFIX


def _excluded(statement: Statement, name: str, instead: str) -> Finding:
    path, value = statement.elements[name.lower()]
    return Finding(path, scalar(value), f"`{instead}` in its place")


def _has_no_resource(statement: Statement) -> bool:
    return all(text and WITHOUT_RESOURCE.fullmatch(text) for _, text, _ in texts("", statement.get("action")))


def _names_resource(arn: str) -> bool:
    # arn:partition:service:region:account:resource. Partitions are worlds apart, and an account's own
    # regions are its own, so those two may be left open; a service and an account may not.
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn" or WILDCARD.search(parts[2]) or WILDCARD.search(parts[4]):
        return False
    if parts[2] in UNTYPED and not (parts[2] == "s3" and parts[4]):
        return bool(name := parts[5].partition("/")[0]) and not WILDCARD.search(name)
    first, _, rest = re.sub(r"[:/]", "\n", parts[5].lstrip("/"), count=1).partition("\n")
    if WILDCARD.search(first) and rest:
        return False
    name = rest or first
    wildcard = WILDCARD.search(name)
    return bool(name) and (wildcard is None or len(name[: wildcard.start()].lstrip("/")) >= LEAST_PREFIX)
