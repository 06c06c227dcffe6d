"""What gives a secret away in a text: its known shape, what it is assigned to, an option before it, its entropy.

Redacting takes all of them, see `secret_in`. A rule that knows a value's name asks `secret_under` too.
Every pattern is bounded or possessive, so that no text takes more than linear time.
"""

from __future__ import annotations

import binascii
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain
from typing import Final
from urllib.parse import unquote

from policies.secret_scanning.harmless import MASK, REFERENCE, is_harmless
from policies.secret_scanning.hints import hinted
from policies.secret_scanning.name_kinds import kind_of_name
from policies.secret_scanning.names import NAMED
from policies.secret_scanning.shapes import HEX, is_random, runs, shape_of

# Most values of most containers are words, versions, addresses, lower-case paths: nothing in them is as long as
# any shape, and nothing is assigned to anything.
_ORDINARY: Final = re.compile(r'"?[\w-]{0,15}+(?:(?:[/.]|:(?=//|\d))[\w-]{0,15}+)*+"?', re.ASCII)

_PRINTABLE: Final = re.compile(r"[\t\n\r -~]{8,}")
_SHELL_REFERENCE: Final = re.compile(
    r"(?:\$[A-Z_][A-Z0-9_]*|\$[0-9@*#?]|\$\((?:cat |<) ?/[^\s()]{1,200}\)|`cat /[^\s`]{1,200}`|%\(\w{1,50}\)s|%s"
    rf"|{REFERENCE.pattern})"
    r"(?=$|[\s\"'&;,@/:)\]}}\\])"
)

_OPTION_HINT: Final = re.compile(
    r"-(?<!\S-)(?:[A-Za-z]{0,6}[pawPuAUbkKH]|-(?:proxy-)?user|-header|-(?:password-)?stdin)"
)
_COMMAND_HINT: Final = ("authtoken", "vault", "snyk", "tailscale", "rabbitmqctl", "mc ", "aws_s", "chpasswd")
_ASSIGNMENT: Final = re.compile(
    r"(?<![\w.-])(?P<name>-{0,2}+[A-Za-z_][\w.-]*+)"
    r"(?P<separator>\\{0,3}[\"']?\]?(?:\s{0,4}:=?\s{0,4}|\s{1,4}=>?\s{0,4}|=>?|>)|\s{1,4})"
    # Not consumed: the value of one may be the name of the next.
    r"(?=(?P<value>\\{0,3}\"[^\"]{0,512}|\\{0,3}'[^']{0,512}|[^\s\"'&;,<>]{1,512}))",
    re.ASCII,
)
_VERSION: Final = re.compile(r"v?\d[\w.-]*|latest", re.ASCII)
_AUTHORIZATION: Final = re.compile(
    r"authorization\\?[\"']?\s{0,4}[:=]\s{0,4}\\?[\"']?(?:(?:bearer|basic|digest|token|apikey)\s{1,4})?"
    r"(?P<value>[^\s\"'\\,]{3,512})"
    r"|\bbearer\s{1,4}(?P<bearer>(?=[\w.~+/-]{0,200}?[0-9_.~+/])[\w.~+/-]{12,512})",
    re.IGNORECASE,
)
_BASIC: Final = re.compile(r"\bbasic\s{1,4}([A-Za-z0-9+/]{11,512}={0,2})", re.IGNORECASE)
_SIGNATURE: Final = re.compile(r"[?&](?:sig|X-Amz-Signature|X-Goog-Signature|Signature)=[\w%+/-]{16,}", re.IGNORECASE)
_URL_PASSWORDS: Final = (
    # Behind the colon is a port, where a slash follows its digits.
    re.compile(r"://[^\s\"'@/:\[]{0,256}:(?!\d{1,5}(?:[/?#]|$))(?P<value>[^\s\"'@]{1,512})@", re.ASCII),
    # A user alone is a token, to NATS.
    re.compile(r"://(?:(?<=nats://)|(?<=tls://))(?P<value>[^\s\"'@/:]{1,512})@", re.ASCII),
)
# Without a scheme: Go's MySQL driver, and what takes `user:password@host:port`.
_BARE_HOST: Final = re.compile(r"@(?:(?:tcp|unix)\(|(?!sha\d)[\w.-]{1,128}:\d)", re.ASCII)
_BARE_PASSWORD: Final = re.compile(
    rf"(?<![\w.%+-])[\w.%+-]{{1,128}}:(?P<value>[^\s:@/\"']{{1,512}}){_BARE_HOST.pattern}", re.ASCII
)
# What programs take as a password behind a short option.
_OPTION: Final = re.compile(
    r"(?:\b(?:mysql|mariadb)[\w-]{0,16}\b[^|;&]{0,300}?\s-p"
    r"|\b(?:sshpass|mongo\w{0,10}|(?:docker|podman|nerdctl|helm)\b[^|;&]{0,20}\slogin)\b[^|;&]{0,300}?\s-p\s{0,4}"
    r"|\b(?:redis|valkey|keydb)-(?:cli|benchmark)\b[^|;&]{0,300}?\s-a\s{0,4}"
    # HTTPie, hey and oha; smbclient; and those whose subcommand takes a token.
    r"|\b(?:https?|hey|oha)\b[^|;&]{0,300}?\s-a\s{1,4}[\"']?[^\s\"':]{0,128}:"
    r"|\b(?:smbclient|net)\b[^|;&]{0,300}?\s-U\s{0,4}[^\s%\"']{0,128}%"
    r"|\b(?:mosquitto_(?:pub|sub|rr)|zip|cqlsh|ftp|lftp|kinit)\b[^|;&]{0,300}?\s-P\s{1,4}(?!\d{1,5}(?:\s|$))"
    r"|\b(?:cqlsh|7z\w?|unrar|unzip|mc)\b[^|;&]{0,300}?\s-[pP](?=[^\s/.:]{4,})"
    r"|\b(?:lftp|etcdctl)\b[^|;&]{0,300}?\s(?:-u|--user)[\s=]{1,4}[^\s,:\"']{0,128}[,:]"
    r"|\b(?:ngrok\s{1,4}(?:config\s{1,4}add-)?authtoken|vault\s{1,4}login|snyk\s{1,4}auth|tailscale\s{1,4}login)\s{1,4}"
    r"|\brabbitmqctl\b[^|;&]{0,60}?\s(?:add_user|change_password|authenticate_user)\s{1,4}\S{1,128}\s{1,4}"
    r"|\bmc\s{1,4}(?:alias\s{1,4}set|config\s{1,4}host\s{1,4}add)\s{1,4}\S{1,128}\s{1,4}\S{1,256}\s{1,4}\S{1,128}\s{1,4}"
    r"|\bhtpasswd\s[^|;&]{0,20}-\w{0,6}b\w{0,6}\s{1,4}(?:\S{1,256}\s{1,4}){1,2}?(?=\S{1,256}$)"
    r"|\baws\s{1,4}configure\s{1,4}set\s{1,4}aws_(?:secret_access_key|session_token)\s{1,4}"
    r"|\bopenssl\b[^|;&]{0,300}?\s-(?:k|K)\s{1,4}"
    r"|\bopenssl\b[^|;&]{0,300}?\s-pass(?:in|out)?\s{1,4}pass:"
    r"|\b(?:sshpass|bcp)\b[^|;&]{0,20}?\s-p(?=[^\s])"
    r"|\becho\s{1,4}[\"']?[^\s:\"']{1,64}:(?=[^|;&]{1,300}\|\s{0,4}chpasswd\b)"
    r"|\bsnmp\w{1,16}\b[^|;&]{0,300}?\s-[AX]\s{1,4}"
    r"|\becho\s{1,4}(?:-n\s{1,4})?(?=[^|;&]{1,300}\|[^|;&]{1,300}\s--(?:password-)?stdin\b)"
    r"|(?:^|\s)(?:-H|--header)[\s=]{1,4}[\"']?(?i:cookie):\s{0,4}[\w-]{0,40}(?i:sess|sid|auth|token|jwt)[\w-]{0,40}="
    r"|\bldap(?:search|modify|add|delete|whoami|passwd)\b[^|;&]{0,300}?\s-w\s{0,4}"
    r"|\b(?:sqlcmd|bcp|osql)\b[^|;&]{0,300}?\s-P\s{0,4}"
    r"|\b(?:curl|wget|ab|http)\b[^|;&]{0,300}?\s(?:-[A-Za-z]{0,6}u\s{0,4}|-A\s|--(?:proxy-)?user[\s=]{1,4})"
    r"[\"']?[^\s\"':]{0,128}:"
    # Any other program: a value that is neither a port, a protocol, a path nor a word.
    r"|(?:^|\s)-p\s{1,4}(?=[\"']?[^\s/:.=\"']{0,64}\d)(?=[\"']?[^\s/:.=\"']{0,64}[A-Za-z])(?=[^\s/:.=]{6,}))"
    r"(?P<value>[\"']?[^\s\"'-][^\s\"']{0,512})",
    re.ASCII,
)

IN_A_URL: Final = "a password in a URL"
AUTHORIZATION: Final = "an authorization header"
OPTION: Final = "a password as an option"
RANDOM: Final = "a random text"

#: How many layers of base64 are taken off; Kubernetes and CI systems put one on, people two.
LAYERS: Final = 2


def secret_in(text: str) -> str | None:
    """What kind of secret `text` contains, by its shape or entropy, such as `an AWS access key`; None if none.

    >>> [secret_in(text) for text in ("redis-cli -a hunter2 ping", "tasktracker/nginx:1.2.3")]
    ['a password as an option', None]
    """
    if _ORDINARY.fullmatch(text):
        return None
    return _known(text, LAYERS) or (RANDOM if is_random(text) else None)


def known_secret_in(text: str, *, in_code: bool = False) -> str | None:
    """As `secret_in`, without a look at the entropy; in code a secret's name is given many things that are none."""
    return None if _ORDINARY.fullmatch(text) else _known(text, LAYERS, in_code=in_code)


def secret_in_words(words: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The indexes of words that are secrets because of the words before them, as in `--password`, `x`; their kinds.

    What is a secret by itself isn't repeated here.
    """
    if len(words) < 2:
        return
    line = " ".join(words)
    found = [*_assignments(line), *_options(line), *_authorizations(line)]
    starts = list(accumulate((len(word) + 1 for word in words), initial=0)) if found else []
    seen = set()
    for start, kind in found:
        index = bisect_right(starts, start) - 1
        if index not in seen:
            seen.add(index)
            yield index, kind


def _known(text: str, layers: int, *, in_code: bool = False) -> str | None:
    if kind := shape_of(text):
        return kind
    found = (
        _url_passwords(text),
        _authorizations(text, in_code=in_code),
        _assignments(text, in_code=in_code),
        _options(text),
    )
    for _, kind in chain.from_iterable(found):
        return kind
    if ("sig" in text or "Sig" in text or "SIG" in text) and _SIGNATURE.search(text):
        return "a signed URL"
    if layers:
        for hidden in _encoded(text):
            if behind := _known(hidden, layers - 1, in_code=in_code):
                return behind
    return None


def _encoded(text: str) -> Iterator[str]:
    """What `text` may be the encoded form of."""
    if "%" in text and (plain := unquote(text)) != text:
        yield plain
    for run in runs(text):
        if len(run) % 2 == 0 and HEX.fullmatch(run):
            yield from _as_text(bytes.fromhex(run))
        # Names and paths; encoded text has capitals.
        if run == run.lower():
            continue
        # What stands directly before the encoded text shifts it.
        digits = run.replace("-", "+").replace("_", "/")
        for shift in range(4):
            shifted = digits[shift:]
            yield from _as_text(binascii.a2b_base64(shifted[: len(shifted) - (len(shifted) % 4 == 1)] + "=="))


def _as_text(data: bytes) -> Iterator[str]:
    # UTF-16 of ASCII has a zero in every second byte. A text may end, or begin, in what isn't part of it.
    text = data.replace(b"\0", b"").decode("latin-1")
    yield from _PRINTABLE.findall(text)


def _url_passwords(text: str) -> Iterator[tuple[int, str]]:
    if "@" not in text:
        return
    patterns = _URL_PASSWORDS if "://" in text else ()
    for pattern in (*patterns, _BARE_PASSWORD) if _BARE_HOST.search(text) else patterns:
        for match in pattern.finditer(text):
            value = match["value"]
            if not MASK.fullmatch(value) and not _SHELL_REFERENCE.fullmatch(value):
                yield match.start("value"), IN_A_URL


def _authorizations(text: str, *, in_code: bool = False) -> Iterator[tuple[int, str]]:
    lower = text.lower()
    if "basic" in lower:
        yield from _basic(text)
    if "authorization" not in lower and "bearer" not in lower:
        return
    for match in _AUTHORIZATION.finditer(text):
        start = match.start(match.lastgroup or 0)
        if in_code and "(" in match[match.lastgroup or 0]:
            continue
        if not _SHELL_REFERENCE.match(text, start) and not MASK.fullmatch(match[match.lastgroup or 0]):
            yield start, AUTHORIZATION


def _basic(text: str) -> Iterator[tuple[int, str]]:
    """The credentials of HTTP's basic authentication, whatever the header's name is."""
    for match in _BASIC.finditer(text):
        digits = match[1].rstrip("=")
        plain = binascii.a2b_base64(digits[: len(digits) - (len(digits) % 4 == 1)] + "==").decode("latin-1")
        if ":" in plain[1:] and _PRINTABLE.fullmatch(plain):
            yield match.start(1), AUTHORIZATION


def _assignments(text: str, *, in_code: bool = False) -> Iterator[tuple[int, str]]:
    """Where in `text` something is given to a secret's name, in any common notation; in code, a text in quotes."""
    for match in chain.from_iterable(_ASSIGNMENT.finditer(text, *span) for span in hinted(text)):
        name, separator, value = match["name"], match["separator"], match["value"]
        is_option = name.startswith("-")
        if separator.isspace() and (not is_option or value.startswith("-")):
            continue
        if separator == ":" and (text[match.start() - 1 : match.start()] == ":" or _VERSION.fullmatch(value)):
            continue
        if name == "key" or name.lstrip("-").startswith(("no-", "skip-", "without-", "disable-")):
            continue
        kind = kind_of_name(name)
        if in_code and (value[:1] not in "\"'" or (separator.lstrip() != separator and separator.endswith(":"))):
            # Something of the code's own: a variable, a call, a variable of psql's.
            continue
        value = value.strip("\\\"' ")
        if kind in (None, "public") or is_harmless(value, kind) or (":" in separator and value.startswith(("{", "["))):
            continue
        start = match.start("value")
        if not _SHELL_REFERENCE.match(text, start + (len(match["value"]) - len(match["value"].lstrip("\\\"' ")))):
            yield start, NAMED


def _options(text: str) -> Iterator[tuple[int, str]]:
    if not _OPTION_HINT.search(text) and not any(hint in text for hint in _COMMAND_HINT):
        return
    for match in _OPTION.finditer(text):
        value = match["value"].strip("\"'")
        start = match.start("value") + len(match["value"]) - len(match["value"].lstrip("\"'"))
        if value and not _SHELL_REFERENCE.match(text, start):
            yield start, OPTION
