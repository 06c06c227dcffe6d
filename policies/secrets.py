"""What gives a secret away: its known shape, what it is assigned to, its entropy.

Redacting takes all three, see `secret_in`. A rule that knows a value's name asks `secret_under` too.
Every pattern is bounded or possessive, so that no text takes more than linear time.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, chain
from typing import Final, Literal
from urllib.parse import unquote

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

# The empty group at the end of each shape says which one matched; at its start it would hide the literal.
_SHAPE: Final = re.compile("|".join(f"{pattern}()" for _, pattern in SHAPES), re.ASCII)

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

# Most values of most containers are words, versions, addresses, lower-case paths: nothing in them is as long as
# any shape, and nothing is assigned to anything.
_ORDINARY: Final = re.compile(r'"?[\w-]{0,15}+(?:(?:[/.]|:(?=//|\d))[\w-]{0,15}+)*+"?', re.ASCII)

_RUN: Final = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_PRINTABLE: Final = re.compile(r"[\t\n\r -~]{8,}")
_DIGIT: Final = re.compile(r"[0-9]")
_SEPARATORS: Final = re.compile(r"[/_-]")
_HEX: Final = re.compile(r"[0-9a-f]+|[0-9A-F]+")
# The capital that starts a word and the letter behind it are no turn.
_TURN: Final = re.compile(r"(?<=[a-z])[A-Z]|(?<=[A-Za-z])[0-9]|(?<=[0-9])[A-Za-z]|(?<=[A-Z])[a-z](?=[A-Z0-9])")

# Random and public: digests, UUIDs, images tagged with a commit, public keys, certificates.
_PUBLIC: Final = re.compile(
    r"sha(?:256|384|512):[0-9A-Fa-f]{64,128}"
    r"|(?<![0-9A-Fa-f])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Fa-f])"
    r"|/[a-z0-9._-]{1,128}:[0-9a-f]{7,40}(?![0-9A-Za-z])"
    r"|(?:ssh-(?:rsa|ed25519)|ecdsa-sha2-nistp\d+) AAAA[A-Za-z0-9+/]{16,}={0,3}"
    r"|age1[02-9ac-hj-np-z]{58}(?![0-9a-z])"
    r"|(?<![A-Za-z0-9])(?:pk_(?:live|test)|phc)_[A-Za-z0-9]{10,200}"
    r"|-----BEGIN (?:CERTIFICATE|PUBLIC KEY)-----[A-Za-z0-9+/=\s\\]{1,20000}-----END"
)

# A secret's own word in a name that is written `like_this`.
_SECRET_WORD: Final = re.compile(
    r"passw(?:or)?d|passwort|kennwort|passphrase|passcode|secret(?!ar|smanager)|credential|token(?!i[sz])|webhook"
    r"|conn(?:ection)?_?str(?:ing)?(?![a-z])"
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
    r"publishable|site|anon|idempotency|public|pub|primary|foreign|sort|partition|cache|routing|index|group|object|lookup|hash|shard|order"
)

_ENDS_IN_SECRET_WORD: Final = re.compile(rf"(?:{_SECRET_WORD.pattern}|{_AUTH.pattern})s?(?:_?\d+)?$")
#: What Stripe and PostHog give to browsers.
_PUBLIC_VALUE: Final = re.compile(r"(?:pk_(?:live|test)|phc)_[A-Za-z0-9]{10,200}")
_PUBLIC_KEYS: Final = re.compile(r"publishable|public|pub|site|anon")

#: The last words of names of files.
FILES: Final = frozenset({"file", "files", "path", "paths", "dir", "directory", "folder"})

# The last words of names that say something of a secret and don't hold it, such as TOKEN_TTL.
_ABOUT_SECRETS: Final = re.compile(
    r"policy|length|ttl|timeout|expiry|expires|expiration|lifetime|age|duration|enabled|disabled|required|algorithm"
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
    {"true", "false", "yes", "no", "on", "off", "none", "null", "nil", "0", "1", "enabled", "disabled"}
)
_MASK: Final = re.compile(r"\*+|x{3,}|\[?redacted\]?|\[secret\]", re.IGNORECASE)
_COUNT: Final = re.compile(r"[0-9]{1,6}")
_PATH: Final = re.compile(r"(?:/[\w.@+-]{1,128})+/?", re.ASCII)
_PLAIN_URL: Final = re.compile(r"[a-z][a-z0-9+.-]{0,20}://[^\s@?#\"']*", re.IGNORECASE)
# Where a secret is, for those who look it up: a variable, a file, a secret store.
_REFERENCE: Final = re.compile(
    r"\$\{[A-Za-z_][A-Za-z0-9_]*\}|\$__(?:file|env)\{[^{}\s]{1,200}\}|file:/{1,3}[\w./-]{2,200}"
    r"|op://[\w ./-]{3,200}|vault:[\w/-]{3,200}#[\w-]+|arn:aws[\w-]*:(?:secretsmanager|ssm):[\w:/+=.@-]{3,200}"
    r"|\{\{[^{}]{1,100}\}\}"
)
_SHELL_REFERENCE: Final = re.compile(
    r"(?:\$[A-Z_][A-Z0-9_]*|\$[0-9@*#?]|\$\((?:cat |<) ?/[^\s()]{1,200}\)|`cat /[^\s`]{1,200}`|%\(\w{1,50}\)s|%s"
    rf"|{_REFERENCE.pattern})"
    r"(?=$|[\s\"'&;,@/:)\]}}\\])"
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
_OPTION_HINT: Final = re.compile(
    r"-(?<!\S-)(?:[A-Za-z]{0,6}[pawPuAUbkKH]|-(?:proxy-)?user|-header|-(?:password-)?stdin)"
)
_COMMAND_HINT: Final = ("authtoken", "vault", "snyk", "tailscale", "rabbitmqctl", "mc ", "aws_s")
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
NAMED: Final = "a value that is named as a secret"
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


def secret_under(name: str, value: str) -> str | None:
    """What kind of secret `value` is because of its name; None where that says nothing, or the value is harmless.

    >>> [secret_under(*pair) for pair in (("DB_PASSWORD", "x"), ("DB_PASSWORD_FILE", "/run/secrets/x"), ("TZ", "UTC"))]
    ['a value that is named as a secret', None, None]
    """
    kind = _kind_of_name(name)
    if kind in (None, "public") or _REFERENCE.fullmatch(value.strip()) or _is_harmless(value, kind):
        return None
    return NAMED


def names_a_thing(name: str, value: str) -> bool:
    """Whether `value`, however random, is a name by the name that it has: of a bucket, a zone, or a public key.

    >>> [names_a_thing(name, "tt-0f1e2d3c4b5a69788796a5b4c3d2e1f0") for name in ("S3_BUCKET", "BUCKET_URL", "LOG")]
    [True, True, False]
    """
    kind = _kind_of_name(name)
    if kind is not None:
        return kind == "public"
    words = [word.lower() for word in _WORD.findall(name)]
    # What has a place for the names of several things has one for a bucket's, too.
    if not {*words[-1:], *(word for word in words if word in ("bucket", "repository"))} & _THINGS or "session" in words:
        return False
    random = [run for run in _RUN.findall(_PUBLIC.sub(" ", value)) if _run_is_random(run)]
    return all(_THINGS_NAME.fullmatch(piece) for run in random for piece in run.split("/") if _run_is_random(piece))


def is_only_a_secrets(name: str) -> bool:
    """Whether a name ends in a secret's own word, so that nothing but a secret is under it.

    >>> [is_only_a_secrets(name) for name in ("DB_PASSWORD", "LOGIN_WITH_PASSWORD", "TOKEN_BUCKET_RATE", "SORT_KEY")]
    [True, False, False, False]
    """
    if _kind_of_name(name) not in ("value", "plural", "link", "auth"):
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


def is_random(text: str) -> bool:
    """Whether a part of `text` has the entropy of a key, and isn't known to be public.

    >>> [is_random(text) for text in ("q9ZxT4mB7vKp2LsW8nRd", "ECDHE-ECDSA-AES128-GCM-SHA256", "sha256:" + 64 * "0")]
    [True, False, False]
    """
    if not _DIGIT.search(text) or not any(map(_run_is_random, _RUN.findall(text))):
        return False
    return any(map(_run_is_random, _RUN.findall(_PUBLIC.sub(" ", text))))


def entropy(text: str) -> float:
    """Shannon's entropy, bits per character."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values()) if text else 0.0


def _known(text: str, layers: int, *, in_code: bool = False) -> str | None:
    if match := _SHAPE.search(text):
        return SHAPES[(match.lastindex or 1) - 1][0]
    found = (
        _url_passwords(text),
        _authorizations(text, in_code=in_code),
        _assignments(text, in_code=in_code),
        _options(text),
    )
    for _, kind in chain.from_iterable(found):
        return kind
    if _SIGNATURE.search(text):
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
    for run in _RUN.findall(text):
        if len(run) % 2 == 0 and _HEX.fullmatch(run):
            yield from _as_text(bytes.fromhex(run))
        # Names and paths; encoded text has capitals.
        if run == run.lower():
            continue
        # What stands directly before the encoded text shifts it.
        for shift in range(4):
            shifted = run.rstrip("=")[shift:].replace("-", "+").replace("_", "/")
            try:
                decoded = base64.b64decode(shifted[: len(shifted) - (len(shifted) % 4 == 1)] + "==")
            except (binascii.Error, ValueError):
                continue
            yield from _as_text(decoded)


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
            if not _MASK.fullmatch(value) and not _SHELL_REFERENCE.fullmatch(value):
                yield match.start("value"), IN_A_URL


def _authorizations(text: str, *, in_code: bool = False) -> Iterator[tuple[int, str]]:
    lower = text.lower()
    if "authorization" not in lower and "bearer" not in lower:
        return
    for match in _AUTHORIZATION.finditer(text):
        start = match.start(match.lastgroup or 0)
        if in_code and "(" in match[match.lastgroup or 0]:
            continue
        if not _SHELL_REFERENCE.match(text, start) and not _MASK.fullmatch(match[match.lastgroup or 0]):
            yield start, AUTHORIZATION


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
        kind = _kind_of_name(name)
        if in_code and (value[:1] not in "\"'" or (separator.lstrip() != separator and separator.endswith(":"))):
            # Something of the code's own: a variable, a call, a variable of psql's.
            continue
        value = value.strip("\\\"' ")
        if kind in (None, "public") or _is_harmless(value, kind) or (":" in separator and value.startswith(("{", "["))):
            continue
        start = match.start("value")
        if not _SHELL_REFERENCE.match(text, start + (len(match["value"]) - len(match["value"].lstrip("\\\"' ")))):
            yield start, NAMED


def hinted(text: str) -> Iterator[tuple[int, int]]:
    """Where in `text` there are lines with a word that names of secrets have; each with the line after it."""
    lower = text.lower()
    if len(lower) == len(text):
        found = sorted(place for hint in _NAME_HINTS for place in _places(lower, hint))
        found = [place for place in found if not _NO_HINT.match(lower, place)]
    else:
        # Lower case can have more characters than upper case; it has other places then.
        lower, found = text, [match.start() for match in _NAME_HINT.finditer(text)]
    end = 0
    for place in found:
        if place < end:
            continue
        start = max(end, lower.rfind("\n", 0, place) + 1)
        end = lower.find("\n", place)
        end = len(lower) if end < 0 else lower.find("\n", end + 1)
        end = len(lower) if end < 0 else end
        yield start, end


def _places(text: str, part: str) -> Iterator[int]:
    place = text.find(part)
    while place >= 0:
        yield place
        place = text.find(part, place + 1)


def _options(text: str) -> Iterator[tuple[int, str]]:
    if not _OPTION_HINT.search(text) and not any(hint in text for hint in _COMMAND_HINT):
        return
    for match in _OPTION.finditer(text):
        value = match["value"].strip("\"'")
        start = match.start("value") + len(match["value"]) - len(match["value"].lstrip("\"'"))
        if value and not _SHELL_REFERENCE.match(text, start):
            yield start, OPTION


_Kind = Literal["value", "plural", "file", "link", "auth", "switch", "amount", "public"]


@lru_cache(maxsize=4096)
def _kind_of_name(name: str) -> _Kind | None:
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


def _kind_by_words(words: Sequence[str], joined: str, *, is_auth: bool) -> _Kind | None:
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


def _is_harmless(value: str, kind: _Kind) -> bool:
    """Whether a value under a secret's name is plainly none."""
    value = value.strip().strip("\"'")
    lower = value.lower()
    if not value or lower in NOTHING or _MASK.fullmatch(value) or _PUBLIC_VALUE.fullmatch(value):
        return True
    if kind == "public" or (kind == "switch" and lower in _MODES):
        return True
    if kind == "auth" and lower in _MECHANISMS | _MODES:
        return True
    if _PATH.fullmatch(value) and ".." not in value:
        return kind == "file" or (value.count("/") > 1 and not is_random(value))
    if kind == "file":
        return False
    if kind == "amount":
        return bool(_AMOUNT.fullmatch(value)) or lower in _MODES or lower.isalpha()
    if _COUNT.fullmatch(value):
        return kind == "plural"
    return kind != "link" and bool(_PLAIN_URL.fullmatch(value))


def _run_is_random(run: str) -> bool:
    """Whether a run of base64's characters is: a piece between `/`, `-` and `_`, or all of it."""
    run = run.rstrip("=")
    if len(run) < SHORTEST:
        return False
    if any(_piece_is_random(piece) for piece in _SEPARATORS.split(run)):
        return True
    return _turns(run) >= LEAST_TURNS and entropy(run) >= BASE64_ENTROPY


def _piece_is_random(piece: str) -> bool:
    if len(piece) < SHORTEST or piece.isdigit() or piece.isalpha():
        return False
    if _HEX.fullmatch(piece):
        return len(piece) >= SHORTEST_HEX and entropy(piece) >= HEX_ENTROPY
    limit = min(BASE64_ENTROPY, SHARE_OF_MOST * math.log2(len(piece)))
    return _turns(piece) >= LEAST_TURNS and entropy(piece) >= limit


def _turns(text: str) -> float:
    """How often, per character, `text` goes from one class of characters to another."""
    return len(_TURN.findall(text)) / len(text)
