"""Docker's SDK, for a host that it can't reach by itself as it should: it takes no options for `ssh`.

The SDK is imported when it is needed: it takes longer than the rest.
"""

from __future__ import annotations

import atexit
import functools
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from remote.diagnostics import never_began
from remote.host import CA_FILE, CERTIFICATE_FILE, KEY_FILE, DockerHost
from remote.redaction import redacted
from remote.relay import Relay, told

if TYPE_CHECKING:
    import docker
    from docker import DockerClient

T = TypeVar("T")

#: Times that a request is made again, and seconds before each: an SSH server drops some of many connections at once.
RETRIES, RETRY_WAIT = 3, 1.0

#: Seconds that `ssh` has to say why, and to end, once it has closed the connection.
REASON_TIMEOUT = 3


def client(host: DockerHost | str | None, timeout: int) -> DockerClient:
    """A client of `host`; `timeout` is that of one request, in seconds.

    An address alone is what the provider's own key `docker:host` has. None is the host of DOCKER_HOST, or this machine.

    Raises:
        docker.errors.DockerException: the host doesn't answer; the message says what to do.
    """
    import docker  # noqa: PLC0415

    if host is None:
        # As Pulumi does: no context.
        if os.environ.get("DOCKER_HOST", "").startswith("ssh://"):
            return docker.from_env(timeout=timeout, use_ssh_client=True)
        return docker.from_env(timeout=timeout)
    if isinstance(host, str):
        return docker.DockerClient(base_url=host, timeout=timeout, use_ssh_client=host.startswith("ssh://"))
    if not host.over_ssh:
        folder = host.certificate_folder
        tls = folder is not None and docker.tls.TLSConfig(
            client_cert=(str(folder / CERTIFICATE_FILE), str(folder / KEY_FILE)),
            ca_cert=str(folder / CA_FILE),
            verify=True,
        )
        return _client(host.address, timeout, tls)
    relay = _relay(host)
    made = _asked(
        relay, host, lambda: docker.DockerClient(base_url=relay.address, timeout=timeout), docker.errors.DockerException
    )
    _share_connections(made, relay, host, timeout)
    return made


def _client(address: str, timeout: int, tls: docker.tls.TLSConfig | bool) -> DockerClient:
    """A client that takes nothing from the environment: by REQUESTS_CA_BUNDLE it would trust whom others trust."""
    import docker  # noqa: PLC0415
    import requests  # noqa: PLC0415
    from docker.constants import MINIMUM_DOCKER_API_VERSION  # noqa: PLC0415

    # With no version the client asks for it as it is made, and heeds the environment in that.
    try:
        asking = docker.APIClient(address, version=MINIMUM_DOCKER_API_VERSION, timeout=timeout, tls=tls)
        asking.trust_env = False
        version = str(asking.version(api_version=False)["ApiVersion"])
    except (docker.errors.DockerException, requests.exceptions.RequestException, KeyError, ValueError) as error:
        said = redacted(f"no Docker engine answers at {address}: {error}")
        raise docker.errors.DockerException(said) from error
    made = docker.DockerClient(base_url=address, version=version, timeout=timeout, tls=tls)
    made.api.trust_env = False
    return made


@functools.cache
def _relay(host: DockerHost) -> Relay:
    """The one socket of this process that leads to `host`."""
    relay = Relay(host)
    atexit.register(relay.close)
    return relay


def _asked(relay: Relay, host: DockerHost, ask: Callable[[], T], kind: type[Exception], left: int = RETRIES) -> T:
    """What `ask` returns; asks again where the SSH server has closed the connection before it began.

    Raises:
        kind: there is no connection; the message has what `ssh` said, in place of a closed socket, and what to do.
    """
    try:
        return ask()
    except kind:
        said = relay.reason(REASON_TIMEOUT)
        if not said:
            raise
        if not left or not never_began(said):
            raise kind(" ".join(told(said, host).split())) from None
    time.sleep(RETRY_WAIT)
    return _asked(relay, host, ask, kind, left - 1)


def _share_connections(made: DockerClient, relay: Relay, host: DockerHost, timeout: int) -> None:
    """Has requests share connections: the SDK keeps those of each URL apart, and here each costs a process there.

    A request that gets none is made again, and fails with the words of `ssh`.
    """
    import requests  # noqa: PLC0415
    from docker.transport import UnixHTTPAdapter  # noqa: PLC0415
    from docker.transport.unixconn import UnixHTTPConnectionPool  # noqa: PLC0415

    class Adapter(UnixHTTPAdapter):
        def get_connection(self, url: str | bytes, proxies: Any = None) -> UnixHTTPConnectionPool:  # noqa: ANN401
            del url
            return super().get_connection(relay.address, proxies)

        def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:  # noqa: ANN401
            send = super().send
            return _asked(relay, host, lambda: send(request, *args, **options), requests.exceptions.ConnectionError)

    made.api.mount("http+docker://", Adapter(f"http+{relay.address}", timeout=timeout))
