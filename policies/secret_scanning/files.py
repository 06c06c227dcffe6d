"""Secrets in the files that a container gets, in whose formats they are written in more ways than in a command."""

from __future__ import annotations

import posixpath
import re
from itertools import chain
from typing import Final

from policies.secret_scanning.hints import hinted
from policies.secret_scanning.names import NAMED, is_given, secret_under
from policies.secret_scanning.shapes import is_random
from policies.secret_scanning.texts import AUTHORIZATION, RANDOM, known_secret_in

#: Files of code, in which only a text in quotes is a value.
_CODE: Final = re.compile(
    r"\.(?:py|js|mjs|cjs|ts|lua|rb|pl|pm|php|go|java|sql|vcl|jq|c|h|rs|html?|css|md|txt|svg|map)$"
)

#: Characters of a file that is a secret and nothing else: a password, a token.
_LONGEST_SECRET: Final = 512

#: S3's key has two halves; this one is a user's name.
_PUBLIC_HALF: Final = re.compile(r"(?<!secret[-_.])access[-_.]?key(?:[-_.]?id)?$", re.IGNORECASE)

_SECRETS_FOLDER: Final = re.compile(r"/\.?secrets?/")

#: `name value`, a line each: redis.conf, Dockerfiles, nginx's `set`, .netrc.
_LINE: Final = re.compile(
    r"^[ \t]*(?:(?:set|ENV|ARG|env|export|[Ss]et[Ee]nv|(?:fastcgi|uwsgi|scgi)_param|js_var|proxy_set_header|add_header"
    r"|RequestHeader[ \t]+set)[ \t]+)?"
    r"(?P<name>\$?[A-Za-z_][\w.-]{0,64})(?:[ \t]{0,8}=[ \t]{1,8}|[ \t]{1,8})"
    r"(?P<value>\"[^\"\n]{1,512}\"|'[^'\n]{1,512}'|[^\s;\"'{}=:,]{1,512})"
    r"[ \t]*;?[ \t]*\r?$",
    re.MULTILINE,
)

#: What files have that is in no command: a text that has to be in the file in lower case, and where the value is.
_FORMS: Final = (
    # .netrc, HAProxy, Redis' access lists.
    ("login", re.compile(r"\bmachine\s+\S+\s+login\s+\S+\s+password\s+(\S+)")),
    ("insecure-password", re.compile(r"insecure-password\s+(\S+)")),
    ("stats", re.compile(r"stats\s+auth\s+[^\s:]+:(\S+)")),
    (" >", re.compile(r"^user\s+\S+\s[^\n]{0,400}?\s>(\S+)", re.MULTILINE)),
    (
        "auth",
        re.compile(r"auth\s{0,4}=\s{0,4}\(\s{0,9}[\"'][^\"'\n]{0,128}[\"']\s{0,4},\s{0,4}[\"']([^\"'\n]{1,512})[\"']"),
    ),
    # SQL.
    ("password", re.compile(r"password\s+'([^'\n]{1,512})'")),
    ("identified", re.compile(r"identified\s+by\s+'([^'\n]{1,512})'")),
)
_BLOCK: Final = re.compile(
    r"^[ \t-]{0,99}[\"']?([\w.-]{1,128})[\"']?:[ \t]{0,9}[>|][-+0-9]{0,2}[ \t]{0,9}\n[ \t]{1,99}(\S{1,512})$",
    re.MULTILINE,
)
#: The same for names and values: PHP's constants, lists in JSON, YAML and XML, and what a URL asks for.
_PAIRS: Final = (
    ("define", re.compile(r"define\s*\(\s*[\"']([\w.-]{1,128})[\"']\s*,\s*[\"']([^\"'\n]{0,512})[\"']")),
    (
        "value",
        re.compile(
            r"(?:name|key|type)[\"']?\s{0,9}[:=]\s{0,9}[\"']?([\w.-]{1,128})[\"']?\s{0,99},?\s{0,99}[\"']?value[\"']?"
            r"\s{0,9}[:=]\s{0,9}[\"']?([^\"'\s,}]{1,512})"
        ),
    ),
    (
        "value",
        re.compile(
            r"value[\"']?\s{0,9}[:=]\s{0,9}[\"']?(?P<value>[^\"'\s,}]{1,512})[\"']?\s{0,99},?\s{0,99}[\"']?(?:name|key)[\"']?"
            r"\s{0,9}[:=]\s{0,9}[\"']?(?P<name>[\w.-]{1,128})"
        ),
    ),
    # YAML's blocks; an option and its value as the items of a list.
    (": >", _BLOCK),
    (": |", _BLOCK),
    ('"-', re.compile(r"\"--?([\w-]{1,64})\"\s{0,99},\s{0,99}\"([^\"\n-][^\"\n]{0,512})\"")),
    ("- -", re.compile(r"^[ \t]{0,99}-[ \t]--?([\w-]{1,64})[ \t]{0,9}\n[ \t]{0,99}-[ \t]([^\s-]\S{0,512})$", re.M)),
    *(
        (f"{name}=", re.compile(rf"[?&]({name})=([^&\s\"']{{1,512}})", re.IGNORECASE))
        for name in ("api_key", "apikey", "token", "access_token", "password", "secret")
    ),
)
_HEADER: Final = re.compile(r"authorization[\"']?[ \t]+[\"']?(?:basic|bearer|token)[ \t]+([^\s\"';$]{3,512})")
#: Those that only files of that name are in: PostgreSQL's and pgbouncer's passwords.
_BY_PATH: Final = (
    ("sasl_passwd", re.compile(r"^[^\s#]\S{0,256}[ \t]+[^\s:]{1,128}:(\S{1,512})[ \t]*$", re.MULTILINE)),
    ("pgpass", re.compile(r"^[^#:\n]{1,256}:(?:\d{1,5}|\*):[^:\n]{1,256}:[^:\n]{1,256}:([^\n]{1,512})$", re.MULTILINE)),
    ("userlist", re.compile(r"^\"[^\"\n]{1,128}\"[ \t]+\"([^\"\n]{1,512})\"", re.MULTILINE)),
)

#: pgbouncer's users, under any name.
_USER_LIST: Final = re.compile(r"(?:\"[^\"\n]{1,128}\"[ \t]+\"[^\"\n]{1,512}\"\s{1,9})+")

#: What a shell script puts together as it runs, and its comments.
_COMPUTED: Final = re.compile(
    r"=[\"']?\$(?:\((?!\s*(?:echo|printf)\b)[^\n]*|\w+|\{\w+(?::?[-?+=]\}|\}))|[\"']?\$\{\w+(?::?[-?+]\}|\})[\"']?"
)
_COMMENT: Final = re.compile(r"[ \t]*+(?:#|//|--|;)")

#: A colon with a sentence behind it.
_COLON: Final = re.compile(r": (?=\S+[ \t]+\S)")
_QUOTES: Final = re.compile(r"\"{3}|'{3}|(?<=[=:(\s,\[])[bBrRuUfF]{1,2}[\"']")

#: What stands where a template's secret comes.
_PLACEHOLDER: Final = re.compile(
    r"<[^<>\n]{1,64}>|\{\{[^{}\n]{1,100}\}\}|\$\{?\w+\}?|:'?\w+'?|%\(?\w+\)?s?|@\w+@|__\w+__|\*+"
)


def secret_in_file(path: str, content: str) -> str | None:
    """What kind of secret the file `path` holds, such as `an AWS access key`; None if none.

    >>> secret_in_file("/etc/app/app.env", "DB_PASSWORD=hunter2"), secret_in_file("/etc/nginx.conf", "proxy_pass http://x;")
    ('a value that is named as a secret', None)
    """
    if not content.strip():
        return None
    in_code = bool(_CODE.search(path.lower()))
    if content.startswith("#!") or path.endswith((".sh", ".bash", ".envsh")):
        content = _COMPUTED.sub(" ", content)
    # What a comment says of a secret is prose.
    content = _COLON.sub(_without_colon, content)
    # Quotes of three, and what stands before a quote in Python.
    if in_code or '"""' in content or "'''" in content:
        content = _QUOTES.sub(lambda match: match[0][-1], content)
    return (
        known_secret_in(content, in_code=in_code)
        or _whole(path, content.strip())
        or (None if in_code else _in_lines(content))
        or _in_forms(path, content)
    )


def _without_colon(colon: re.Match[str]) -> str:
    """The colon as it is; in a comment, a space."""
    line = colon.string.rfind("\n", 0, colon.start()) + 1
    return " " if _COMMENT.match(colon.string, line) else colon[0]


def _whole(path: str, content: str) -> str | None:
    """A file that is a secret and nothing else, by its name or its entropy."""
    if len(content) > _LONGEST_SECRET or "\n" in content or " " in content:
        return None
    name = posixpath.basename(path).lstrip(".")
    # A file `db-password.txt` holds what it is named after.
    stem = name.rpartition(".")[0] or name
    # A folder of secrets holds nothing else.
    if _SECRETS_FOLDER.search(path) and is_given("secret", content):
        return NAMED
    is_named = not _PUBLIC_HALF.search(stem) and any(secret_under(each, content) for each in (stem, name))
    if is_named and not _PLACEHOLDER.fullmatch(content):
        return NAMED
    return RANDOM if is_random(content) else None


def _in_lines(content: str) -> str | None:
    for match in chain.from_iterable(_LINE.finditer(content, *span) for span in hinted(content)):
        value = match["value"].strip("\"'")
        if not _PLACEHOLDER.fullmatch(value) and is_given(match["name"].lstrip("$"), value):
            return NAMED
    return None


def _in_forms(path: str, content: str) -> str | None:
    lower = content.lower()
    if "authorization" in lower and (match := _HEADER.search(lower)) and not _PLACEHOLDER.fullmatch(match[1]):
        return AUTHORIZATION
    forms = [form for hint, form in _FORMS if hint in lower]
    for form in [*forms, *(form for hint, form in _BY_PATH if hint in path.lower())]:
        for match in form.finditer(lower):
            value = next((group for group in match.groups() if group), "")
            if value and not _PLACEHOLDER.fullmatch(value):
                return NAMED
    if content.startswith('"') and _USER_LIST.fullmatch(content):
        return NAMED
    for hint, pair in _PAIRS:
        for match in pair.finditer(content) if hint in lower else ():
            name, value = (match["name"], match["value"]) if "name" in pair.groupindex else match.groups()
            if not _PLACEHOLDER.fullmatch(value) and is_given(name, value):
                return NAMED
    return None
