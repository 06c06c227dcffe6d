"""Shapes of secrets that their issuers document, and texts that are as random as a key."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Final

#: Kinds of secrets by the shape that their issuers document. A shape starts with a literal character:
#: `re` then skips all text that starts none of them. What has to stand before it is looked behind for.
SHAPES: Final = (
    ("an AWS access key", r"A(?:KIA|SIA|BIA|CCA|3T[A-Z0-9])[A-Z0-9]{16}"),
    ("a GitHub token", r"gh[pousr]_[A-Za-z0-9]{20,}"),
    ("a GitHub token", r"github_pat_[A-Za-z0-9_]{20,}"),
    ("a GitLab token", r"gl(?:pat|ptt|dt|rt|cbt|ft|soat|imt|agent|oas|ffct)-[\w-]{20,}"),
    ("a Slack token", r"xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,}"),
    ("a Slack token", r"xapp-\d-[A-Z0-9]{6,}-\d"),
    ("a Slack webhook", r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9_/-]{20,}"),
    ("a Discord webhook", r"discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/[\w-]{20,}"),
    ("a Teams webhook", r"webhook\.office\.com/webhookb2/[^\s\"']{20,}"),
    ("a Stripe key", r"sk_(?:live|test)_[A-Za-z0-9]{10,}"),
    ("a Stripe key", r"rk_(?:live|test)_[A-Za-z0-9]{10,}"),
    ("a webhook secret", r"whsec_[A-Za-z0-9+/=]{20,}"),
    ("a Google key", r"AIza[\w-]{30,}"),
    ("a Google token", r"ya29\.[\w-]{20,}"),
    ("a Google OAuth secret", r"GOCSPX-[\w-]{20,}"),
    ("a Cloudflare tunnel token", r"eyJhIjoi[A-Za-z0-9+/_-]{20,}"),
    ("a JSON Web Token", r"eyJ[\w-]{8,1000}\.[\w-]{8,}"),
    ("a Cloudflare origin CA key", r"v1\.0-[0-9a-f]{24}-"),
    ("an npm token", r"npm_[A-Za-z0-9]{30,}"),
    ("a PyPI token", r"pypi-A[\w-]{30,}"),
    ("a Telegram bot token", r":(?<=\d{6}:)AA[\w-]{30,}"),
    ("a Discord bot token", r"\.(?<=[\w-]{24}\.)[\w-]{6}\.[\w-]{27,}"),
    ("a SendGrid key", r"SG\.[\w-]{16,64}\.[\w-]{16,}"),
    ("a Mailgun key", r"key-[0-9a-f]{32}"),
    ("a Twilio key", r"SK[0-9a-f]{32}"),
    ("a Twilio account", r"AC[0-9a-f]{32}"),
    ("a DigitalOcean token", r"do[opr]_v1_[0-9a-f]{32,}"),
    ("an age key", r"AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Za-z]{20,}"),
    ("a private key", r"-----BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY"),
    ("a private key", r"PuTTY-User-Key-File-"),
    ("NATS credentials", r"-----BEGIN (?:NATS USER JWT|USER NKEY SEED)"),
    ("a NATS seed", r"S[ACNOUX][A-Z2-7]{54,56}(?![A-Z2-7])"),
    ("a Pulumi token", r"pul-[0-9a-f]{40}"),
    ("a Vault token", r"hv[sbr]\.[\w-]{20,}"),
    ("a Vault token", r"s\.(?<![\w.-]s\.)[A-Za-z0-9]{24}(?![\w.-])"),
    ("an OpenAI or Anthropic key", r"sk-(?<![A-Za-z0-9]sk-)(?:(?:proj|svcacct|admin|ant)-[\w-]{20,}|[A-Za-z0-9]{32,})"),
    ("an OpenAI key", r"T3BlbkFJ[\w-]{10,}"),
    ("a Hugging Face token", r"hf_[A-Za-z0-9]{30,}"),
    ("an Azure client secret", r"Q~(?<=[\w.~-]{3}\dQ~)[\w.~-]{31,}"),
    ("a Docker token", r"dckr_(?:pat|oat)_[\w-]{20,}"),
    ("a Grafana token", r"gl(?:sa|c)_[A-Za-z0-9+/_]{30,}"),
    ("a Linear, Notion, Shopify or Square key", r"lin_api_[A-Za-z0-9]{30,}"),
    ("a Linear, Notion, Shopify or Square key", r"ntn_[A-Za-z0-9]{40,}"),
    ("a Linear, Notion, Shopify or Square key", r"shp(?:at|ca|pa|ss)_[0-9A-Fa-f]{32}"),
    ("a Linear, Notion, Shopify or Square key", r"sq0(?:atp|csp)-[\w-]{20,}"),
    ("a password hash", r"\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{20,}"),
    ("a password hash", r"\$argon2(?:id|i|d)\$"),
    ("a password hash", r"\$(?:1|5|6|y|apr1|scrypt|pbkdf2[\w-]*)\$[^\s$]{1,64}\$[^\s\"']{16,}"),
    ("a password hash", r"SCRAM-SHA-(?:1|256)\$\d{4,}:"),
    ("a password hash", r"pbkdf2_sha(?:1|256|512)\$\d+\$"),
    ("a password hash", r"\{S?SHA(?:256|512)?\}[A-Za-z0-9+/=]{20,}"),
    ("a password hash", r"md5[0-9a-f]{32}(?![0-9a-f])"),
)  # fmt: skip

# What each shape starts with: looking for these first takes a fifth of the time that one search for all shapes does.
_START: Final = re.compile(r"(?:(?:[\w:~ -]|\\[.$/{])(?![?*+{]))+", re.ASCII)


def _start(pattern: str) -> str:
    match = _START.match(pattern)
    return match[0].replace("\\", "") if match else ""


_SHAPES: Final = tuple((kind, _start(pattern), re.compile(pattern, re.ASCII)) for kind, pattern in SHAPES)

#: Bits per character above which a text is random, of base64 and of hexadecimal digits: the defaults
#: of detect-secrets (`Base64HighEntropyString` and `HexHighEntropyString`).
BASE64_ENTROPY: Final = 4.5
HEX_ENTROPY: Final = 3.0

#: 20 characters have 4.3 bits each at most. Random ones have over nine tenths of the most that their
#: length allows, and names and sentences have up to eight: below 45 characters the limit lies between.
SHARE_OF_MOST: Final = 0.82

#: Characters of the shortest text that is judged by its entropy; 20 random ones of base64 are 120 bits.
SHORTEST: Final = 20

#: Hexadecimal digits of the shortest key, 128 bits. What is shorter are ids, digests' starts and colours.
SHORTEST_HEX: Final = 32

#: A random text goes from letters to digits or to capitals at every second character, a name in
#: `camelCase` or with a number at its end hardly ever.
LEAST_TURNS: Final = 0.2

# Runs of base64's characters, and what is between them as spaces: far faster than a regular expression.
_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-"
_RUNS: Final = bytes(byte if byte in _BASE64 else 32 for byte in range(256))
_SHORTEST_RUN: Final = 16

# Shapes with spaces in them, and the characters of the shortest of the others.
_WITH_SPACES: Final = "-----BEGIN "
_SHORTEST_SHAPE: Final = 9

HEX: Final = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_DIGIT: Final = re.compile(r"[0-9]")
_SEPARATORS: Final = re.compile(r"[/_-]")
# The capital that starts a word and the letter behind it are no turn.
_TURN: Final = re.compile(r"(?<=[a-z])[A-Z]|(?<=[A-Za-z])[0-9]|(?<=[0-9])[A-Za-z]|(?<=[A-Z])[a-z](?=[A-Z0-9])")

# Random and public: digests, UUIDs, images tagged with a commit, public keys, certificates.
_PUBLIC: Final = re.compile(
    r"sha(?:256|384|512):[0-9A-Fa-f]{64,128}"
    # The digests of packages, and the public half of a Sentry project's address.
    r"|(?<![A-Za-z0-9])sha(?:1|256|384|512)-[A-Za-z0-9+/]{27,86}={0,2}(?![A-Za-z0-9+/])"
    r"|https://[0-9a-f]{32}@o\d{1,20}\.ingest(?:\.[a-z]{2})?\.sentry\.io/[0-9]{1,20}(?![^\s\"',])"
    r"|(?<![0-9A-Fa-f])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Fa-f])"
    r"|/[a-z0-9._-]{1,128}:[0-9a-f]{7,40}(?![0-9A-Za-z])"
    r"|(?:ssh-(?:rsa|ed25519)|ecdsa-sha2-nistp\d+) AAAA[A-Za-z0-9+/]{16,}={0,3}"
    r"|age1[02-9ac-hj-np-z]{58}(?![0-9a-z])"
    r"|(?<![A-Za-z0-9])(?:pk_(?:live|test)|phc)_[A-Za-z0-9]{10,200}"
    r"|-----BEGIN (?:CERTIFICATE|PUBLIC KEY)-----[A-Za-z0-9+/=\s\\]{1,20000}-----END"
)


def shape_of(text: str) -> str | None:
    """The kind of the known shape of a secret that is in `text`, such as `an AWS access key`; None if none is.

    >>> shape_of("token " + "ghp_" + 36 * "a"), shape_of("ghp_")
    ('a GitHub token', None)
    """
    words = text if _WITH_SPACES in text else " ".join(word for word in text.split() if len(word) >= _SHORTEST_SHAPE)
    for kind, start, pattern in _SHAPES if words else ():
        if start in words and pattern.search(words):
            return kind
    return None


def runs(text: str) -> list[str]:
    """The runs of base64's characters in `text` that are long enough to hold a secret, without `=` at their ends.

    >>> runs("a short one, and cHJveHlfcGFzczE2==")
    ['cHJveHlfcGFzczE2']
    """
    found = text.encode("ascii", "replace").translate(_RUNS).split()
    return [run.decode() for run in found if len(run) >= _SHORTEST_RUN]


def is_random(text: str) -> bool:
    """Whether a part of `text` has the entropy of a key, and isn't known to be public.

    >>> [is_random(text) for text in ("q9ZxT4mB7vKp2LsW8nRd", "ECDHE-ECDSA-AES128-GCM-SHA256", "sha256:" + 64 * "0")]
    [True, False, False]
    """
    if not _DIGIT.search(text) or not any(map(run_is_random, runs(text))):
        return False
    return bool(random_runs(text))


def entropy(text: str) -> float:
    """Shannon's entropy, bits per character."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values()) if text else 0.0


def random_runs(text: str) -> list[str]:
    """The runs of characters in `text` that are random and not known to be public."""
    return [run for run in runs(_PUBLIC.sub(" ", text)) if run_is_random(run)]


def run_is_random(run: str) -> bool:
    """Whether a run of base64's characters is: a piece between `/`, `-` and `_`, or all of it."""
    if len(run) < SHORTEST:
        return False
    if any(_piece_is_random(piece) for piece in _SEPARATORS.split(run)):
        return True
    return _turns(run) >= LEAST_TURNS and entropy(run) >= BASE64_ENTROPY


def _piece_is_random(piece: str) -> bool:
    if len(piece) < SHORTEST or piece.isdigit() or piece.isalpha():
        return False
    if HEX.fullmatch(piece):
        return len(piece) >= SHORTEST_HEX and entropy(piece) >= HEX_ENTROPY
    limit = min(BASE64_ENTROPY, SHARE_OF_MOST * math.log2(len(piece)))
    return _turns(piece) >= LEAST_TURNS and entropy(piece) >= limit


def _turns(text: str) -> float:
    """How often, per character, `text` goes from one class of characters to another."""
    return len(_TURN.findall(text)) / len(text)
