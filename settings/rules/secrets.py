"""Secrets of the app, and nginx's certificate."""

from collections.abc import Iterator
from typing import Final

from settings.app_files import ALWAYS, GENERATED_FILES, generated_secrets, secret_name
from settings.errors import PULUMI, THIS_STACK, Path, key_text
from settings.rules.conflict import ENVIRONMENT, Conflict, Rule, is_local
from settings.secrets import BUILT_IN
from settings.services import SERVICES
from settings.stack import Settings, StackConfig

RESERVED_BLOCKS: Final = ("monitoring",)
"""Names of feature blocks that this version does not have yet."""

TAKEN_NAMES: Final = frozenset(
    {
        *StackConfig.model_fields,
        *RESERVED_BLOCKS,
        *BUILT_IN,
        *(name for service in SERVICES.values() for name in service.secrets),
        *map(secret_name, GENERATED_FILES[ALWAYS]),
    }
)
"""What no secret of the app can be called in any stack."""

_CERTIFICATE: Final[Path] = ("nginx", "certificate")


def app_secrets_have_free_names(settings: Settings) -> Iterator[Conflict]:
    """A secret of the app takes no name that means something else, nor that of a file that the program makes."""
    generated = dict(generated_secrets(settings))
    for name in settings.app_secrets:
        path: Path = ("app_secrets", name)
        if name in TAKEN_NAMES:
            yield Conflict(path, "is a name that the program uses itself; choose another")
        elif name in generated:
            block = key_text(generated[name])
            yield Conflict(
                path,
                f"is a secret that {block} makes, and would be replaced by it; remove one of the two, or choose another"
                " name",
                (generated[name],),
            )


def app_secrets_are_given(settings: Settings) -> Iterator[Conflict]:
    """Each secret that the app asks for is there."""
    generated = dict(generated_secrets(settings))
    for name in settings.app_secrets:
        if name not in settings.secrets and name not in TAKEN_NAMES and name not in generated:
            asked: Path = ("app_secrets", name)
            yield Conflict((name,), f"is required by {key_text(asked)}", missing=True)


def tls_secrets_are_given(settings: Settings) -> Iterator[Conflict]:
    """TLS comes with a certificate and its key."""
    tls: Path = ("nginx", "tls")
    for name in ("tls_certificate", "tls_key"):
        if settings.nginx.tls and settings.nginx.certificate == "secrets" and name not in settings.secrets:
            yield Conflict((name,), f"is required by {key_text(tls)}", (tls, _CERTIFICATE), missing=True)


def origin_certificate_is_complete(settings: Settings) -> Iterator[Conflict]:
    """A certificate of Cloudflare's is for TLS with a public name, comes with the API's token and with no other."""
    if settings.nginx.certificate != "cloudflare":
        return
    tls: Path = ("nginx", "tls")
    if settings.environment == "dev":
        yield Conflict(_CERTIFICATE, "is allowed in staging and prod only, and this is dev; remove it", (ENVIRONMENT,))
        return
    if not settings.nginx.tls:
        yield Conflict(_CERTIFICATE, f"is used with {key_text(tls)}: true only; set that, or remove it", (tls,))
    if is_local(settings.domain):
        yield Conflict(("domain",), f"must be a public host name with {key_text(_CERTIFICATE)}", (_CERTIFICATE,))
    if "cloudflare_api_token" not in settings.secrets:
        yield Conflict(
            ("cloudflare_api_token",), f"is required by {key_text(_CERTIFICATE)}", (_CERTIFICATE,), missing=True
        )
    for name in ("tls_certificate", "tls_key"):
        if name in settings.secrets:
            yield Conflict(
                (name,),
                f"is not used with {key_text(_CERTIFICATE)}: cloudflare; set that to secrets, or run"
                f" {PULUMI} config rm {name} {THIS_STACK}",
                (_CERTIFICATE,),
            )


RULES: Final[tuple[Rule, ...]] = (
    app_secrets_have_free_names,
    app_secrets_are_given,
    tls_secrets_are_given,
    origin_certificate_is_complete,
)
