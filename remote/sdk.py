"""Docker's SDK, for a host that it can't reach by itself as it should: it takes no options for `ssh`.

The SDK is imported when it is needed: it takes longer than the rest.
"""

from __future__ import annotations

import atexit
import functools
import os
from typing import TYPE_CHECKING, Any

from remote.host import CA_FILE, CERTIFICATE_FILE, KEY_FILE, DockerHost
from remote.redaction import redacted
from remote.relay import Relay, told

if TYPE_CHECKING:
    import docker
    from docker import DockerClient

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
    try:
        made = docker.DockerClient(base_url=relay.address, timeout=timeout)
    except docker.errors.DockerException as error:
        # What `ssh` said, in place of a closed socket.
        raise docker.errors.DockerException(_said(relay, host) or told(str(error), host)) from None
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


def _said(relay: Relay, host: DockerHost) -> str:
    """What an `ssh` that just failed has said, with what to do, in one line; empty if none has failed."""
    reason = relay.reason(REASON_TIMEOUT)
    return " ".join(told(reason, host).split()) if reason else ""


def _share_connections(made: DockerClient, relay: Relay, host: DockerHost, timeout: int) -> None:
    """Has requests share connections: the SDK keeps those of each URL apart, and here each costs a process there.

    An error of a connection has the words of `ssh`, as that of the first one.
    """
    import requests  # noqa: PLC0415
    from docker.transport import UnixHTTPAdapter  # noqa: PLC0415
    from docker.transport.unixconn import UnixHTTPConnectionPool  # noqa: PLC0415

    class Adapter(UnixHTTPAdapter):
        def get_connection(self, url: str | bytes, proxies: Any = None) -> UnixHTTPConnectionPool:  # noqa: ANN401
            del url
            return super().get_connection(relay.address, proxies)

        def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:  # noqa: ANN401
            try:
                return super().send(request, *args, **options)
            except requests.exceptions.ConnectionError:
                said = _said(relay, host)
                if not said:
                    raise
                raise requests.exceptions.ConnectionError(said, request=request) from None

    made.api.mount("http+docker://", Adapter(f"http+{relay.address}", timeout=timeout))
