"""Values that are no secret, even under a secret's name."""

from __future__ import annotations

import re
from typing import Final

from policies.secret_scanning.name_kinds import Kind
from policies.secret_scanning.shapes import is_random

#: What Stripe and PostHog give to browsers.
_PUBLIC_VALUE: Final = re.compile(r"(?:pk_(?:live|test)|phc)_[A-Za-z0-9]{10,200}")

_SENTRY: Final = re.compile(r"https://[0-9a-f]{32}@o\d{1,20}\.ingest(?:\.[a-z]{2})?\.sentry\.io/[0-9]{1,20}")

_AMOUNT: Final = re.compile(r"[0-9][0-9.,]{0,9} ?(?:[A-Za-z]{1,3}(?:/[a-z]{1,4})?|%)?")

#: What such a name is set to.
MODES: Final = frozenset({
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

_PLAIN_URL: Final = re.compile(r"[a-z][a-z0-9+.-]{0,20}://[^\s@?#\"']*", re.IGNORECASE)
# Where a secret is, for those who look it up: a variable, a file, a secret store.
REFERENCE: Final = re.compile(
    r"\$\{[A-Za-z_][A-Za-z0-9_]*\}|\$__(?:file|env)\{[^{}\s]{1,200}\}|file:/{1,3}[\w./-]{2,200}"
    r"|op://[\w ./-]{3,200}|vault:[\w/-]{3,200}#[\w-]+|arn:aws[\w-]*:(?:secretsmanager|ssm):[\w:/+=.@-]{3,200}"
    r"|\{\{[^{}]{1,100}\}\}|#\{ENV(?:\[|\.fetch\()[\"'][A-Z0-9_]{1,64}[\"'][\])]\}"
)


def is_harmless(value: str, kind: Kind) -> bool:
    """Whether a value under a secret's name is plainly none."""
    value = value.strip().strip("\"'")
    lower = value.lower()
    if not value or lower in NOTHING or MASK.fullmatch(value) or _PUBLIC_VALUE.fullmatch(value):
        return True
    if kind == "public" or (kind == "switch" and lower in MODES):
        return True
    if kind == "auth" and lower in _MECHANISMS | MODES:
        return True
    if _PATH.fullmatch(value) and ".." not in value:
        return kind == "file" or (value.count("/") > 1 and not is_random(value))
    if kind == "file":
        return bool(_HOME_PATH.fullmatch(value)) and not is_random(value)
    if kind == "value" and _SENTRY.fullmatch(value):
        return True
    if kind == "amount":
        return bool(_AMOUNT.fullmatch(value)) or lower in MODES or lower.isalpha()
    if _COUNT.fullmatch(value):
        return kind == "plural"
    return kind != "link" and bool(_PLAIN_URL.fullmatch(value))
