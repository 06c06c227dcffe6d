"""Runs an ASGI app until SIGTERM or SIGINT."""

import signal

import uvicorn
from starlette.types import ASGIApp

DRAIN_SECONDS = 10
"""For open requests after SIGTERM; they take milliseconds. What the app itself drains comes on
top."""

KEEP_ALIVE_SECONDS = 75
"""For a connection without a request: more than a proxy in front keeps one (nginx: 60 by default). A
request that is sent while this side closes its connection is lost."""

MAX_WS_MESSAGE_BYTES = 1024
"""Clients of /ws have nothing to say."""

WS_PING_SECONDS = 20.0


def serve(app: ASGIApp, bind: str) -> int:
    """Serve `app` on `bind` (HOST:PORT); return the exit code.

    After SIGTERM: no new connections, open requests end, then the app's own shutdown; exit code 0.
    """
    # After its graceful shutdown uvicorn raises the signal again, for the handler it found here.
    # The default one would turn an orderly stop into a death by signal.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    host, _, port = bind.rpartition(":")
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=host.strip("[]"),
            port=int(port),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="on",
            timeout_graceful_shutdown=DRAIN_SECONDS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            ws_max_size=MAX_WS_MESSAGE_BYTES,
            ws_ping_interval=WS_PING_SECONDS,
        )
    )
    server.run()
    return 0 if server.started else 1
