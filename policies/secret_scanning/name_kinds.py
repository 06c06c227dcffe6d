"""Kinds of names: of a secret, a secret's file, a setting about secrets."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Literal

# A secret's own word in a name that is written `like_this`.
SECRET_WORD: Final = re.compile(
    r"passw(?:or)?d|passwort|kennwort|passphrase|passcode|secret(?!ar|smanager)|credential|token(?!i[sz])|webhook"
    r"|(?:bind|root)pw(?![a-z])|conn(?:ection)?_?str(?:ing)?(?![a-z])"
    r"|(?:api|access|auth|private|secret|signing|encryption|master|account|deploy|license|shared)_?keys?(?![a-z])"
    r"|pwd(?![a-z])|(?<!by)(?<!com)(?<!tres)(?<!sur)pass(?![a-z])"
    r"|(?<![a-z])(?:pw|dsn|creds?|pat|salt|mnemonic|basic_?auth|erlang_cookie)(?![a-z])"
    r"|(?<![a-z])(?:ssh|tls|ssl|rsa|aes|hmac|app|priv|pass)_?keys?(?![a-z])|nkey_?seed"
)
#: Redis and NATS call a password so: REDISCLI_AUTH, `--auth`, `masterauth`.
AUTH: Final = re.compile(r"(?:^|_)(?:master)?auth$")
#: nginx's directives that pass requests on.
_PASS_ON: Final = re.compile(r"(?:proxy|grpc|fastcgi|uwsgi|scgi|memcached|js|access)_?(?:redirect_)?pass")
_KEY: Final = re.compile(r"(?:^|_)([a-z0-9]+)_keys?$")

# What stands before `key` where the key opens nothing.
_NO_LOCK: Final = re.compile(
    r"gpg|pgp|publishable|site|anon|idempotency|public|pub|primary|foreign|sort|partition|cache|routing|index|group|object|lookup|hash|shard|order"
)

#: What a build puts into the pages that browsers get, and names that say so; a password is none in any case.
_TO_BROWSERS: Final = re.compile(
    r"(?:(?:next|nuxt|expo)_public|vite|react_app|gatsby)_(?:(?!secret|private|passw|pwd|credential)[a-z0-9_]){1,100}"
    r"|(?:[a-z0-9_]{0,100}_)?(?:publishable|public|anon)_(?:token|dsn)"
)

_PUBLIC_KEYS: Final = re.compile(r"publishable|public|pub|site|anon")

#: The last words of names of files.
FILES: Final = frozenset({"file", "files", "path", "paths", "dir", "directory", "folder"})

# The last words of names that say something of a secret and don't hold it, such as TOKEN_TTL.
_ABOUT_SECRETS: Final = re.compile(
    r"policy|validators?|length|ttl|timeout|expiry|expires|expiration|lifetime|age|duration|enabled|disabled|required|algorithm"
    r"|alg|issuer|audience|endpoint|host|hostname|port|names?|header|type|format|prefix|suffix|hasher|provider"
    r"|backend|manager|store|storage|version|interval|rotation|min|max|count|total|budget|limit|size|field|encoding"
    r"|encryption|arn|scopes?|realm|method|mode|command|stdin|class|location|delimiter|iterations|rounds|cost|retries"
    r"|strategy|engine|driver|region|namespace"
)

# The last words of names of amounts that say nothing of what a secret is: TOKEN_BUCKET_RATE.
_AMOUNTS: Final = frozenset({
    "rate", "burst", "capacity", "refill", "window", "threshold", "quota", "delay", "period", "validity", "bucket",
    "strength", "complexity", "history", "attempts",
})  # fmt: skip

# Words of names that say whether something is done: LOGIN_WITH_PASSWORD, REQUIRE_TOKEN.
_SWITCHES: Final = frozenset({
    "with", "without", "require", "requires", "required", "allow", "allows", "allowed", "enable", "enables", "use",
    "uses", "disable", "has", "is", "skip", "login", "signin", "signup", "support", "supports", "force", "optional",
})  # fmt: skip

# The last words of names of amounts, whose values are counts: TOKEN_TTL_SECONDS.
_UNITS: Final = frozenset(
    {"seconds", "secs", "minutes", "mins", "hours", "days", "weeks", "ms", "bytes", "kb", "mb", "percent"}
)

# The shell's own variables: the folder that it is in.
_FOLDERS: Final = frozenset({"pwd", "oldpwd"})

NO_WORD: Final = re.compile(r"[^a-z0-9]+")
WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

Kind = Literal["value", "plural", "file", "link", "auth", "switch", "amount", "public"]


@lru_cache(maxsize=4096)
def kind_of_name(name: str) -> Kind | None:
    """What a secret's name says that its value is; None where the name is of something else.

    `value` is the secret, `plural` several or a number of them, `file` its path, `link` a link that is one, `auth` a
    secret or a way to authenticate, `switch` and `amount` a setting about secrets, `public` a public key.
    """
    if not name.isascii():
        name = unicodedata.normalize("NFKC", name)
    words = [word.lower() for word in WORD.findall(name)]
    while words and words[-1].isdigit():
        words.pop()
    joined = "_".join(words)
    if not words or _PASS_ON.fullmatch(joined):
        return None
    # A file is of a key where its name without the word for a file is a key's.
    key = _KEY.search(joined) or (_KEY.search("_".join(words[:-1])) if words[-1] in FILES else None)
    is_public = bool(key and _PUBLIC_KEYS.fullmatch(key[1]))
    if _TO_BROWSERS.fullmatch(joined):
        return "public"
    is_key = joined == "key" or bool(key and not _NO_LOCK.fullmatch(key[1]))
    is_auth = bool(AUTH.search(joined))
    # Capitals can be anywhere: `dbPassword` is two words, and so is `pAssword`.
    has_word = SECRET_WORD.search(joined) or SECRET_WORD.search(NO_WORD.sub("_", name.lower()))
    if not (is_key or is_auth or has_word):
        return "public" if is_public else None
    if (
        words[-1] in FILES
        or joined in _FOLDERS
        or joined.endswith(("passwordfile", "secretfile", "tokenfile", "keyfile"))
    ):
        return "file"
    return _kind_by_words(words, joined, is_auth=is_auth and not (is_key or has_word))


def _kind_by_words(words: Sequence[str], joined: str, *, is_auth: bool) -> Kind | None:
    if _ABOUT_SECRETS.fullmatch(words[-1]):
        return None
    if words[-1] in _AMOUNTS:
        return "amount"
    if "webhook" in joined:
        return "link"
    if _SWITCHES & set(words):
        return "switch"
    if is_auth:
        return "auth"
    is_counted = words[-1] in ("tokens", "keys", "secrets", "passwords", "credentials") or words[-1] in _UNITS
    return "plural" if is_counted else "value"
