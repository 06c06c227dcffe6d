"""AWS policy documents: read from any of the forms in which one can be written, and what is too broad in one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from policies.rule import Finding
from policies.values import UNKNOWN, entries, has_unknown, is_unset

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
READABLE: Final = "a JSON policy document in which no key occurs twice"

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

#: What a message says of a value that isn't a text where AWS wants one.
_KINDS: Final[Mapping[type, str]] = {dict: "an object", list: "a list"}


@dataclass(frozen=True)
class Statement:
    """One statement. `elements` maps an element's name in lower case to its path and value.

    `partial`: a part of it is known only at `up`.
    """

    path: str
    elements: Mapping[str, tuple[str, Any]]
    partial: bool = False

    def get(self, name: str) -> Any:  # noqa: ANN401 - any JSON value
        """The value of the element whose name in lower case is `name`; None where there is none."""
        return self.elements.get(name, ("", None))[1]

    def path_of(self, name: str) -> str:
        """The path of an element that may be missing."""
        return self.elements.get(name.lower(), (f"{self.path}.{name}", None))[0]

    @property
    def grants(self) -> bool:
        """Whether it allows: what isn't exactly `Deny` is taken for an `Allow`."""
        effect = self.get("effect")
        return effect is not UNKNOWN and effect != "Deny"

    @property
    def may_deny(self) -> bool:
        """Whether a part that is known only at `up` could make it any denial."""
        return self.partial and self.get("effect") in ("Deny", UNKNOWN)


@dataclass(frozen=True)
class Document:
    """A policy document: what was read of it, and findings where it couldn't be.

    `partial`: a part that is known only at `up` could be any statement.
    """

    statements: tuple[Statement, ...] = ()
    problems: tuple[Finding, ...] = ()
    partial: bool = False


def read(path: str, value: object) -> Document:
    """The policy document at `path`: JSON text, or the object that it stands for."""
    if value is UNKNOWN:
        return Document(partial=True)
    if is_unset(value):
        return Document()
    document: object = value
    if isinstance(value, str):
        try:
            document = json.loads(value, object_pairs_hook=_object, parse_constant=_refuse)
        except (ValueError, RecursionError):
            document = None
    elements = _elements(path, document)
    if elements is None:
        return Document(problems=(Finding(path, value, READABLE),))
    where, content = elements.get("statement", (path, None))
    if content is UNKNOWN:
        return Document(partial=True)
    statements, problems, partial = [], [], False
    # AWS takes a single statement without a list, and so do we.
    many = isinstance(content, list)
    for index, item in enumerate(content if isinstance(content, list) else [] if content is None else [content]):
        place = f"{where}[{index}]" if many else where
        if item is UNKNOWN:
            partial = True
        elif (parts := _elements(place, item)) is None:
            problems.append(Finding(place, _scalar(item), "a statement in which no element occurs twice"))
        else:
            # Text is known as a whole.
            statements.append(Statement(place, parts, partial=not isinstance(value, str) and has_unknown(item)))
    return Document(tuple(statements), tuple(problems), partial)


def texts(path: str, value: object) -> Iterator[tuple[str, str | None, Any]]:
    """The path, text and value of each item of what is one text or a list of them; the text is None for other items."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            if item is not UNKNOWN:
                yield f"{path}[{index}]", item if isinstance(item, str) else None, _scalar(item)
    elif value is not UNKNOWN:
        yield path, value if isinstance(value, str) else None, _scalar(value)


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


def principals(path: str, value: object) -> Iterator[tuple[str, str | None, Any]]:
    """The path, text and value of each of a statement's principals, of any kind."""
    if isinstance(value, dict):
        for kind, names in value.items():
            if not kind.startswith("__") and not is_unset(names):
                yield from texts(f"{path}.{kind}", names)
    else:
        yield from texts(path, value)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _elements(path: str, value: object) -> dict[str, tuple[str, Any]] | None:
    # Names are compared in lower case: a reader that minds the case would pass over an `action` that AWS may take.
    if not isinstance(value, dict):
        return None
    found: dict[str, tuple[str, Any]] = {}
    for name, content in value.items():
        # The engine adds `__defaults` to objects; a null is an element that an SDK left out.
        if name.startswith("__") or content is None:
            continue
        if name.lower() in found:
            return None
        found[name.lower()] = (f"{path}.{name}", content)
    return found


def _scalar(value: object) -> object:
    return _KINDS.get(type(value)) or value


def _excluded(statement: Statement, name: str, instead: str) -> Finding:
    path, value = statement.elements[name.lower()]
    return Finding(path, _scalar(value), f"`{instead}` in its place")


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
