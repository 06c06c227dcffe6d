"""What a registry has under a tag, by its HTTP API (github.com/opencontainers/distribution-spec); needs no Docker."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

import requests

from settings.values.image_ref import DOCKER_HUB, ImageRef

#: Seconds for one answer.
TIMEOUT = 30

#: What a tag may stand for: an image, or a list of one image for each architecture.
MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)

#: Where Docker Hub's API is.
_HUB_API = "registry-1.docker.io"

#: Docker speaks plain HTTP with registries of this machine, and with no others.
_OWN = re.compile(r"(localhost|127\.\d+\.\d+\.\d+)(:\d+)?")

_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

#: A user's name and password; None where nobody has logged in.
Login = tuple[str, str] | None


class RegistryError(Exception):
    """A registry doesn't say what was asked; the message is for the user."""


class NoRegistryError(RegistryError):
    """A registry says nothing at all, whatever the image."""


def digest(image: ImageRef, login: Callable[[str], Login]) -> str:
    """The digest that a registry has for a tag of an image, given in full. `login` gives what to log in with, by the
    registry.

    Raises:
        RegistryError: it has no such tag, refuses, or doesn't answer.
    """
    host = _HUB_API if image.registry == DOCKER_HUB else image.registry
    scheme = "http" if _OWN.fullmatch(host) else "https"
    url = f"{scheme}://{host}/v2/{image.repository}/manifests/{image.tag}"
    accept = {"Accept": ", ".join(MANIFESTS)}
    # A login is this program's own business, and not that of ~/.netrc.
    session = requests.Session()
    session.trust_env = True
    session.auth = _no_auth
    try:
        answer = session.head(url, headers=accept, timeout=TIMEOUT, allow_redirects=True)
        if answer.status_code == requests.codes.unauthorized:
            who = login(image.registry)
            authorization = _authorization(session, image, answer.headers.get("WWW-Authenticate", ""), who)
            accept["Authorization"] = authorization
            answer = session.head(url, headers=accept, timeout=TIMEOUT, allow_redirects=True)
            if answer.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
                raise RegistryError(_refused(image, who))
        if answer.status_code == requests.codes.forbidden:
            raise RegistryError(_refused(image, None))
        if answer.status_code == requests.codes.not_found:
            raise RegistryError(f"{image}: the registry has no such tag; `make push` brings images there")
        if answer.status_code != requests.codes.ok:
            raise RegistryError(f"{image}: {image.registry} answers {answer.status_code} {answer.reason}")
        found = answer.headers.get("Docker-Content-Digest", "")
        if not found:
            # An optional header: the digest is that of the content.
            content = session.get(url, headers=accept, timeout=TIMEOUT).content
            found = f"sha256:{hashlib.sha256(content).hexdigest()}"
    except requests.RequestException as error:
        raise NoRegistryError(f"{image.registry} does not answer: {_short(error)}") from None
    if not _DIGEST.fullmatch(found):
        raise RegistryError(f"{image}: {image.registry} answers a digest that is none: {found[:80]!r}")
    return found


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _authorization(session: requests.Session, image: ImageRef, challenge: str, who: Login) -> str:
    """The header that the registry asks for: a login, or a token that a server of its choice gives for one."""
    scheme, _, rest = challenge.partition(" ")
    if scheme.lower() == "basic":
        if who is None:
            raise RegistryError(_refused(image, None))
        return requests.auth._basic_auth_str(*who)
    if scheme.lower() != "bearer":
        raise RegistryError(f"{image}: {image.registry} asks for a login of an unknown kind: {challenge[:80]!r}")
    asked = dict(_CHALLENGE.findall(rest))
    realm = asked.pop("realm", "")
    if not realm.startswith("https://") and not _OWN.match(realm.removeprefix("http://")):
        raise RegistryError(f"{image}: {image.registry} asks for a login at {realm[:80]!r}, which is not by https")
    headers = {"Authorization": requests.auth._basic_auth_str(*who)} if who else {}
    asked.setdefault("scope", f"repository:{image.repository}:pull")
    answer = session.get(realm, params=asked, headers=headers, timeout=TIMEOUT)
    if answer.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
        raise RegistryError(_refused(image, who))
    try:
        answer.raise_for_status()
        given = answer.json()
        return f"Bearer {given.get('token') or given['access_token']}"
    except (ValueError, KeyError, AttributeError):
        raise RegistryError(f"{image}: {realm} gives no token") from None


def _refused(image: ImageRef, who: Login) -> str:
    registry = image.registry
    if who is None:
        return (
            f"{image}: {registry} wants a login: `docker login {registry}`, or tasktracker:registries in the stack's "
            "config with its secret"
        )
    return f"{image}: {registry} refuses the user {who[0]}: check its password, and that it may pull this repository"


def _short(error: Exception) -> str:
    """The innermost of errors that were wrapped in each other."""
    while error.args and isinstance(inner := getattr(error.args[0], "reason", error.args[0]), Exception):
        error = inner
    return str(error).rpartition(": ")[2][:200] or type(error).__name__
