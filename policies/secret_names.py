"""What a name says of its value: a secret, a secret's file, a setting about secrets, or the name of a thing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, Literal

from policies.secret_shapes import is_random, random_runs, run_is_random

# A secret's own word in a name that is written `like_this`.
_SECRET_WORD: Final = re.compile(
    r"passw(?:or)?d|passwort|kennwort|passphrase|passcode|secret(?!ar|smanager)|credential|token(?!i[sz])|webhook"
    r"|(?:bind|root)pw(?![a-z])|conn(?:ection)?_?str(?:ing)?(?![a-z])"
    r"|(?:api|access|auth|private|secret|signing|encryption|master|account|deploy|license|shared)_?keys?(?![a-z])"
    r"|pwd(?![a-z])|(?<!by)(?<!com)(?<!tres)(?<!sur)pass(?![a-z])"
    r"|(?<![a-z])(?:pw|dsn|creds?|pat|salt|mnemonic|basic_?auth|erlang_cookie)(?![a-z])"
    r"|(?<![a-z])(?:ssh|tls|ssl|rsa|aes|hmac|app|priv|pass)_?keys?(?![a-z])|nkey_?seed"
)
#: Redis and NATS call a password so: REDISCLI_AUTH, `--auth`, `masterauth`.
_AUTH: Final = re.compile(r"(?:^|_)(?:master)?auth$")
#: nginx's directives that pass requests on.
_PASS_ON: Final = re.compile(r"(?:proxy|grpc|fastcgi|uwsgi|scgi|memcached|js|access)_?(?:redirect_)?pass")
_KEY: Final = re.compile(r"(?:^|_)([a-z0-9]+)_keys?$")

# What stands before `key` where the key opens nothing.
_NO_LOCK: Final = re.compile(
    r"gpg|pgp|publishable|site|anon|idempotency|public|pub|primary|foreign|sort|partition|cache|routing|index|group|object|lookup|hash|shard|order"
)

_ENDS_IN_SECRET_WORD: Final = re.compile(rf"(?:{_SECRET_WORD.pattern}|{_AUTH.pattern})s?(?:_?\d+)?$")
#: What Stripe and PostHog give to browsers.
_PUBLIC_VALUE: Final = re.compile(r"(?:pk_(?:live|test)|phc)_[A-Za-z0-9]{10,200}")
#: What a build puts into the pages that browsers get, and names that say so; a password is none in any case.
_TO_BROWSERS: Final = re.compile(
    r"(?:(?:next|nuxt|expo)_public|vite|react_app|gatsby)_(?:(?!secret|private|passw|pwd|credential)[a-z0-9_]){1,100}"
    r"|(?:[a-z0-9_]{0,100}_)?(?:publishable|public|anon)_(?:token|dsn)"
)
_SENTRY: Final = re.compile(r"https://[0-9a-f]{32}@o\d{1,20}\.ingest(?:\.[a-z]{2})?\.sentry\.io/[0-9]{1,20}")
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
_AMOUNT: Final = re.compile(r"[0-9][0-9.,]{0,9} ?(?:[A-Za-z]{1,3}(?:/[a-z]{1,4})?|%)?")

# Words of names that say whether something is done: LOGIN_WITH_PASSWORD, REQUIRE_TOKEN.
_SWITCHES: Final = frozenset({
    "with", "without", "require", "requires", "required", "allow", "allows", "allowed", "enable", "enables", "use",
    "uses", "disable", "has", "is", "skip", "login", "signin", "signup", "support", "supports", "force", "optional",
})  # fmt: skip

#: What such a name is set to.
_MODES: Final = frozenset({
    "optional", "required", "require", "allow", "allowed", "deny", "denied", "always", "never", "auto", "prefer",
    "preferred", "strict", "lax", "any", "all", "only", "default", "hidden", "visible", "warn", "ignore", "fallback",
})  # fmt: skip

#: Ways to authenticate, which a name such as REGISTRY_AUTH may hold.
_MECHANISMS: Final = frozenset({
    "basic", "digest", "plain", "login", "cram-md5", "ntlm", "oauth", "oauth2", "xoauth2", "oidc", "openid", "saml",
    "ldap", "kerberos", "gssapi", "gss", "negotiate", "bearer", "token", "jwt", "htpasswd", "md5", "scram-sha-1",
    "scram-sha-256", "scram-sha-512", "peer", "trust", "ident", "cert", "mtls", "tls", "external", "anonymous", "local",
    "internal", "proxy", "header", "session", "cookie", "apikey", "iam", "password", "pam", "radius", "sspi", "native",
    "x509", "forward", "github", "google", "azure",
})  # fmt: skip

# Words of names of things, whose values are names: an S3 bucket's may be random.
_THINGS: Final = frozenset({
    "bucket", "repository", "repo", "registry", "name", "hostname", "domain", "zone", "account", "tenant", "project",
    "cluster", "stack", "queue", "topic", "prefix", "id",
})  # fmt: skip
#: Characters of a UUID in base64, as Kafka's clusters have them.
_UUID_IN_BASE64: Final = 22
_THINGS_NAME: Final = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")

# The last words of names of amounts, whose values are counts: TOKEN_TTL_SECONDS.
_UNITS: Final = frozenset(
    {"seconds", "secs", "minutes", "mins", "hours", "days", "weeks", "ms", "bytes", "kb", "mb", "percent"}
)

# The shell's own variables: the folder that it is in.
_FOLDERS: Final = frozenset({"pwd", "oldpwd"})

_NO_WORD: Final = re.compile(r"[^a-z0-9]+")
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

#: Values that hold nothing.
NOTHING: Final = frozenset(
    {
        "true",
        "false",
        "yes",
        "no",
        "on",
        "off",
        "none",
        "files",
        "compat",
        "null",
        "nil",
        "0",
        "1",
        "enabled",
        "disabled",
    }
)
MASK: Final = re.compile(r"\*+|x{3,}|\[?redacted\]?|\[secret\]", re.IGNORECASE)
_COUNT: Final = re.compile(r"[0-9]{1,6}")
_PATH: Final = re.compile(r"(?:/[\w.@+-]{1,128})+/?", re.ASCII)
# From a user's home: .ssh/authorized_keys.
_HOME_PATH: Final = re.compile(r"(?:%h/|\.(?=[A-Za-z]))(?:[\w@+-]{1,128}/)*[\w@+-]{1,128}", re.ASCII)
# A key's file beside the file that names it: `ssl_certificate_key tls.key`.
_KEY_NAME: Final = re.compile(r"key$", re.IGNORECASE)
_KEY_FILE: Final = re.compile(r"(?:[\w@+-]{1,128}/)*[\w.@+-]{1,128}\.(?:key|pem|der|p12|pfx|jks|ppk)", re.ASCII)
_PLAIN_URL: Final = re.compile(r"[a-z][a-z0-9+.-]{0,20}://[^\s@?#\"']*", re.IGNORECASE)
# Where a secret is, for those who look it up: a variable, a file, a secret store.
REFERENCE: Final = re.compile(
    r"\$\{[A-Za-z_][A-Za-z0-9_]*\}|\$__(?:file|env)\{[^{}\s]{1,200}\}|file:/{1,3}[\w./-]{2,200}"
    r"|op://[\w ./-]{3,200}|vault:[\w/-]{3,200}#[\w-]+|arn:aws[\w-]*:(?:secretsmanager|ssm):[\w:/+=.@-]{3,200}"
    r"|\{\{[^{}]{1,100}\}\}|#\{ENV(?:\[|\.fetch\()[\"'][A-Z0-9_]{1,64}[\"'][\])]\}"
)

# What no name of a secret is without, and no option in short form: a quick look before the search for them. A regular
# expression of these takes ten times as long as looking for each.
_NAME_HINTS: Final = (
    "pass", "secret", "token", "key", "pwd", "cred", "auth", "dsn", "webhook", "conn", "salt", "mnemonic", "cookie",
    "pw", "pat", "kennwort", "jwt",
)  # fmt: skip
_NAME_HINT: Final = re.compile("|".join(_NAME_HINTS), re.IGNORECASE)
#: Words of configs that have such a part and are no name of a secret.
_NO_HINT: Final = re.compile(r"(?<=proxy_)pass|(?<=grpc_)pass|pat(?:h|tern|ch)|connection(?!_?-?str)|connect(?!ion)")

NAMED: Final = "a value that is named as a secret"

Kind = Literal["value", "plural", "file", "link", "auth", "switch", "amount", "public"]


def secret_under(name: str, value: str) -> str | None:
    """What kind of secret `value` is because of its name; None where that says nothing, or the value is harmless.

    >>> [secret_under(*pair) for pair in (("DB_PASSWORD", "x"), ("DB_PASSWORD_FILE", "/run/secrets/x"), ("TZ", "UTC"))]
    ['a value that is named as a secret', None, None]
    """
    kind = kind_of_name(name)
    if kind in (None, "public") or REFERENCE.fullmatch(value.strip()) or is_harmless(value, kind):
        return None
    is_file = _KEY_NAME.search(name) and _KEY_FILE.fullmatch(value.strip())
    return None if is_file else NAMED


def names_a_thing(name: str, value: str) -> bool:
    """Whether `value`, however random, is a name by the name that it has: of a bucket, a zone, or a public key.

    >>> [names_a_thing(name, "tt-0f1e2d3c4b5a69788796a5b4c3d2e1f0") for name in ("S3_BUCKET", "BUCKET_URL", "LOG")]
    [True, True, False]
    """
    kind = kind_of_name(name)
    if kind is not None:
        return kind == "public"
    words = [word.lower() for word in _WORD.findall(name)]
    if words[-2:] == ["cluster", "id"] and len(value) == _UUID_IN_BASE64:
        return True
    # What has a place for the names of several things has one for a bucket's, too.
    if not {*words[-1:], *(word for word in words if word in ("bucket", "repository"))} & _THINGS or "session" in words:
        return False
    pieces = (piece for run in random_runs(value) for piece in run.split("/") if run_is_random(piece))
    return all(map(_THINGS_NAME.fullmatch, pieces))


def is_only_a_secrets(name: str) -> bool:
    """Whether a name ends in a secret's own word, so that nothing but a secret is under it.

    >>> [is_only_a_secrets(name) for name in ("DB_PASSWORD", "LOGIN_WITH_PASSWORD", "TOKEN_BUCKET_RATE", "SORT_KEY")]
    [True, False, False, False]
    """
    if kind_of_name(name) not in ("value", "plural", "link", "auth"):
        return False
    joined = "_".join(word.lower() for word in _WORD.findall(name) if not word.isdigit())
    return joined == "key" or any(
        map(_ENDS_IN_SECRET_WORD.search, (joined, _NO_WORD.sub("_", name.lower()).strip("_")))
    )


def is_given(name: str, value: str) -> bool:
    """Whether a line of a file gives a secret to `name`: `value` is neither harmless nor a reference.

    >>> [is_given(*pair) for pair in (("requirepass", "hunter2"), ("auth_pass", "$pw"), ("proxy_pass", "http://x"))]
    [True, False, False]
    """
    return not value.startswith("$") and secret_under(name, value) is not None


# The searches of a file all ask for the lines of the same text.
@lru_cache(maxsize=1)
def hinted(text: str) -> Sequence[tuple[int, int]]:
    """Where in `text` there are lines with a word that names of secrets have; each with the line after it."""
    lower = text.lower()
    if len(lower) == len(text):
        found = sorted(place for hint in _NAME_HINTS if hint in lower for place in _lines_with(lower, hint))
    else:
        # Lower case can have more characters than upper case; it has other places then.
        lower, found = text, [match.start() for match in _NAME_HINT.finditer(text)]
    spans: list[tuple[int, int]] = []
    end = 0
    for place in found:
        if place < end:
            continue
        start = max(end, lower.rfind("\n", 0, place) + 1)
        end = lower.find("\n", place)
        end = len(lower) if end < 0 else lower.find("\n", end + 1)
        end = len(lower) if end < 0 else end
        spans.append((start, end))
    return spans


def _lines_with(text: str, hint: str) -> Iterator[int]:
    """Where `hint` is the first time in each line that has it."""
    place = text.find(hint)
    while place >= 0:
        end = place + 1
        if not _NO_HINT.match(text, place):
            yield place
            end = text.find("\n", place)
            if end < 0:
                return
        place = text.find(hint, end)


@lru_cache(maxsize=4096)
def kind_of_name(name: str) -> Kind | None:
    """What a secret's name says that its value is; None where the name is of something else.

    `value` is the secret, `plural` several or a number of them, `file` its path, `link` a link that is one, `auth` a
    secret or a way to authenticate, `switch` and `amount` a setting about secrets, `public` a public key.
    """
    if not name.isascii():
        name = unicodedata.normalize("NFKC", name)
    words = [word.lower() for word in _WORD.findall(name)]
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
    is_auth = bool(_AUTH.search(joined))
    # Capitals can be anywhere: `dbPassword` is two words, and so is `pAssword`.
    has_word = _SECRET_WORD.search(joined) or _SECRET_WORD.search(_NO_WORD.sub("_", name.lower()))
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


def is_harmless(value: str, kind: Kind) -> bool:
    """Whether a value under a secret's name is plainly none."""
    value = value.strip().strip("\"'")
    lower = value.lower()
    if not value or lower in NOTHING or MASK.fullmatch(value) or _PUBLIC_VALUE.fullmatch(value):
        return True
    if kind == "public" or (kind == "switch" and lower in _MODES):
        return True
    if kind == "auth" and lower in _MECHANISMS | _MODES:
        return True
    if _PATH.fullmatch(value) and ".." not in value:
        return kind == "file" or (value.count("/") > 1 and not is_random(value))
    if kind == "file":
        return bool(_HOME_PATH.fullmatch(value)) and not is_random(value)
    if kind == "value" and _SENTRY.fullmatch(value):
        return True
    if kind == "amount":
        return bool(_AMOUNT.fullmatch(value)) or lower in _MODES or lower.isalpha()
    if _COUNT.fullmatch(value):
        return kind == "plural"
    return kind != "link" and bool(_PLAIN_URL.fullmatch(value))
