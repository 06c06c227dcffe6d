"""`pulumi-language-python` for engines built from source: runs Python programs and policy packs.

The engine starts it as `pulumi-language-python <engine address>`, reads a TCP port from the first
line of its output and calls the `LanguageRuntime` service there. It is built on the protocol
classes of the Pulumi SDK, so it runs on the project's virtual environment.

Programs run in this process, on its main thread: that saves a second start of Python on each
`pulumi up`, and signals and event loops behave there as they do in any Python program.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import logging
import os
import queue
import re
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Coroutine, Generator, Iterator
from concurrent import futures
from contextvars import Context
from pathlib import Path
from types import FrameType
from typing import IO, Any

import grpc
import pulumi
from google.protobuf import empty_pb2
from pulumi.runtime.proto import (
    LanguageRuntimeServicer,
    language_pb2,
    language_pb2_grpc,
    plugin_pb2,
)

Response = language_pb2.RunPluginResponse

#: A program to run, and where its end is told.
Program = tuple[language_pb2.RunRequest, futures.Future[language_pb2.RunResponse]]

#: Largest message in bytes, as in the SDK: resources may carry big inputs.
MAX_MESSAGE_BYTES = 400 * 1024 * 1024

#: Threads that serve the engine's calls; one call per policy pack stays open as long as the pack.
SERVER_THREADS = 16

#: Seconds that calls get to end once we do; the engine kills us after five.
STOP_SECONDS = 1.0

#: How the engine, a terminal and `kill` end us.
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)

#: Set once one of them has come; what a program does then is its end, not its failure.
INTERRUPTED = threading.Event()

#: What the SDK raises once the engine has stopped; the engine has told the user why.
ENGINE_GONE = "Resource monitor has terminated, shutting down"


#: The attribute of an exception that keeps its first traceback.
KEPT_TRACEBACK = "__pulumi_traceback__"


class ProgramInterrupted(Exception):
    """A program was stopped and has unwound; threads of its may be left."""


class LanguageHost(LanguageRuntimeServicer):
    """Answers the engine; hands programs over to the main thread."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._programs: queue.SimpleQueue[Program] = queue.SimpleQueue()
        #: Set when the engine knows how the last program ended.
        self.answered = threading.Event()

    def run_programs(self) -> None:
        """Runs programs on the calling thread until it is interrupted.

        Raises:
            KeyboardInterrupt: the engine or the user asked for the end, and no program was running.
            ProgramInterrupted: the same, while one was.
        """
        while True:
            request, result = self._programs.get()
            try:
                response = run_program(request, self._engine)
            except KeyboardInterrupt:
                response = language_pb2.RunResponse(bail=True)
            except Exception:
                response = language_pb2.RunResponse(error=f"the language host failed:\n{traceback.format_exc()}")
            result.set_result(response)
            # The SDK may turn the interrupt into an error of its own.
            if INTERRUPTED.is_set():
                raise ProgramInterrupted

    def Handshake(
        self, request: language_pb2.LanguageHandshakeRequest, context: grpc.ServicerContext
    ) -> language_pb2.LanguageHandshakeResponse:
        """Meets the engine; there is nothing to agree on."""
        return language_pb2.LanguageHandshakeResponse()

    def Run(self, request: language_pb2.RunRequest, context: grpc.ServicerContext) -> language_pb2.RunResponse:
        """Runs a program to its end."""
        result: futures.Future[language_pb2.RunResponse] = futures.Future()
        self.answered.clear()
        context.add_callback(self.answered.set)
        self._programs.put((request, result))
        return result.result()

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Interrupts the running program, as Ctrl-C does."""
        _interrupt_main_thread()
        return empty_pb2.Empty()

    def RunPlugin(self, request: language_pb2.RunPluginRequest, context: grpc.ServicerContext) -> Iterator[Response]:
        """Runs a policy pack and streams what it prints; other plugins are refused."""
        if request.kind != "analyzer":
            context.abort(
                grpc.StatusCode.UNIMPLEMENTED,
                f"{request.info.program_directory}: the built language host runs policy packs only, "
                f"no plugins of kind {request.kind!r}",
            )
        yield from _stream(_start_policy_pack(request), context)

    def GetRequiredPackages(
        self, request: language_pb2.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPackagesResponse:
        """Names no packages: plugins that a program needs are there or attached before it runs."""
        return language_pb2.GetRequiredPackagesResponse()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """The version of the SDK that serves."""
        return plugin_pb2.PluginInfo(version=importlib.metadata.version("pulumi"))

    def About(self, request: language_pb2.AboutRequest, context: grpc.ServicerContext) -> language_pb2.AboutResponse:
        """Which Python runs programs, for `pulumi about`."""
        return language_pb2.AboutResponse(executable=sys.executable, version=".".join(map(str, sys.version_info[:3])))

    def GetProgramDependencies(
        self, request: language_pb2.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetProgramDependenciesResponse:
        """The installed packages, or those that no other package asks for."""
        installed = {_normalised(d.name): d for d in importlib.metadata.distributions()}
        hidden: set[str] = set()
        if not request.transitiveDependencies:
            for distribution in installed.values():
                hidden.update(map(_requirement_name, distribution.requires or []))
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[
                language_pb2.DependencyInfo(name=distribution.name, version=distribution.version)
                for name, distribution in sorted(installed.items())
                if name not in hidden
            ]
        )

    def InstallDependencies(
        self, request: language_pb2.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.InstallDependenciesResponse]:
        """Installs nothing: packages come from the lock file."""
        yield language_pb2.InstallDependenciesResponse(stdout=b"Python packages are installed by `make tools`.\n")

    def RuntimeOptionsPrompts(
        self, request: language_pb2.RuntimeOptionsRequest, context: grpc.ServicerContext
    ) -> language_pb2.RuntimeOptionsResponse:
        """Asks for no options."""
        return language_pb2.RuntimeOptionsResponse()

    def GenerateProgram(
        self, request: language_pb2.GenerateProgramRequest, context: grpc.ServicerContext
    ) -> language_pb2.GenerateProgramResponse:
        """Writes no code: `pulumi import` shows in Pulumi's own language what it has imported."""
        lines = ["Declare this in Python; the built language host writes no code:", ""]
        for source in request.source.values():
            lines += source.strip().splitlines()
        program = "".join(f"# {line}".rstrip() + "\n" for line in lines)
        return language_pb2.GenerateProgramResponse(source={"__main__.py": program.encode()})


def run_program(request: language_pb2.RunRequest, engine: str) -> language_pb2.RunResponse:
    """Runs the program of `request` and tells the engine how it ended.

    Errors are logged here, so the response asks the engine to stop without a message of its own.

    Raises:
        KeyboardInterrupt: the program was interrupted.
    """
    info = request.info
    folder = Path(info.program_directory or request.pwd).resolve()
    entry = folder / info.entry_point
    pulumi.runtime.set_all_config(dict(request.config), list(request.configSecretKeys))
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            project=request.project,
            stack=request.stack,
            monitor=request.monitor_address,
            engine=engine,
            parallel=request.parallel,
            dry_run=request.dryRun,
            organization=request.organization or "organization",
            root_directory=info.root_directory,
        )
    )
    if request.pwd:
        os.chdir(request.pwd)
    # As if the program had been started with `python <entry>`.
    sys.argv = [str(entry), *request.args]
    sys.path[0] = str(folder)
    failure = _failure(entry, folder, request.parallel)
    if failure and not INTERRUPTED.is_set():
        # An engine that has gone has said itself why.
        with contextlib.suppress(grpc.RpcError):
            pulumi.log.error(failure)
    sys.stdout.flush()
    sys.stderr.flush()
    return language_pb2.RunResponse(bail=failure is not None)


def _failure(entry: Path, folder: Path, parallel: int) -> str | None:
    """Runs `entry`; returns None, or how it failed: a message for the user, empty if he knows."""

    def program() -> None:
        runpy.run_path(str(entry), run_name="__main__")

    # A failed program leaves unfinished tasks behind; asyncio's complaints about them hide the error.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    # Registrations block a thread each; the SDK asks for four threads per parallel operation.
    executor = futures.ThreadPoolExecutor(max_workers=max(parallel, 1) * 4)
    loop = asyncio.new_event_loop()
    loop.set_default_executor(executor)
    loop.set_task_factory(_new_task)
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(program))
    except pulumi.RunError as error:
        return "" if str(error) == ENGINE_GONE else str(error)
    except SystemExit as error:
        return f"Program exited with code {error.code}" if error.code else None
    except Exception as error:
        return f"Program failed with an unhandled exception:\n{user_traceback(error, folder)}"
    finally:
        _close(loop, executor)
    return None


def _new_task(
    loop: asyncio.AbstractEventLoop,
    coroutine: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
    context: Context | None = None,
) -> asyncio.Task[Any]:
    """Makes a task that keeps the traceback of its exception."""
    task = asyncio.Task(coroutine, loop=loop, context=context)
    task.add_done_callback(_keep_traceback)
    return task


def _keep_traceback(task: asyncio.Task[Any]) -> None:
    """Notes where the exception of `task` came from.

    asyncio hands an exception on with its traceback only once; the SDK awaits tasks more often,
    and would leave nothing that shows the line of a failed `apply`.
    """
    error = None if task.cancelled() else task.exception()
    if error is not None:
        vars(error).setdefault(KEPT_TRACEBACK, error.__traceback__)


def user_traceback(error: BaseException, folder: Path) -> str:
    """The traceback of `error` without the frames that led to the program in `folder`.

    Exceptions in the chain (`raise ... from ...`) are cut the same way. One that never passed
    through the program is left whole.
    """
    kept = getattr(error, KEPT_TRACEBACK, error.__traceback__)
    whole = traceback.TracebackException.from_exception(error.with_traceback(kept))
    link: traceback.TracebackException | None = whole
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        first = next((i for i, f in enumerate(link.stack) if _is_users(f.filename, folder)), 0)
        link.stack = traceback.StackSummary.from_list(link.stack[first:])
        link = link.__cause__ or link.__context__
    return "".join(whole.format())


def _is_users(filename: str, folder: Path) -> bool:
    """Whether a frame of `filename` belongs to the program, not to us or an installed package."""
    path = Path(filename)
    return path.is_relative_to(folder) and not path.is_relative_to(sys.prefix) and path != Path(__file__).resolve()


def _close(loop: asyncio.AbstractEventLoop, executor: futures.Executor) -> None:
    """Ends what a failed program left running, so that nothing complains at exit."""
    pending = asyncio.all_tasks(loop)
    for task in pending:
        task.cancel()
    # An interrupt may have asked the loop to stop just when it had stopped.
    with contextlib.suppress(RuntimeError):
        loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
    executor.shutdown(wait=False, cancel_futures=True)
    loop.close()


def _start_policy_pack(request: language_pb2.RunPluginRequest) -> subprocess.Popen[bytes]:
    """Starts the pack's process on the pack's virtual environment, or on this one."""
    info = request.info
    python = Path(sys.executable)
    virtualenv = dict(info.options).get("virtualenv")
    if isinstance(virtualenv, str) and virtualenv:
        own = Path(info.root_directory, virtualenv, "bin", "python")
        python = own if own.exists() else python
    return subprocess.Popen(
        [python, "-u", "-m", "pulumi.policy", *request.args, info.program_directory],
        cwd=request.pwd or info.program_directory,
        env={**os.environ, **dict(item.partition("=")[::2] for item in request.env)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _stream(process: subprocess.Popen[bytes], context: grpc.ServicerContext) -> Iterator[Response]:
    """Yields the output of `process`, then its exit code; the engine ends it by leaving the call."""
    responses: queue.SimpleQueue[Response | None] = queue.SimpleQueue()

    def forward(stream: IO[bytes], response: Callable[[bytes], Response]) -> None:
        for line in stream:
            responses.put(response(line))
        responses.put(None)

    context.add_callback(process.terminate)
    outputs: list[tuple[IO[bytes] | None, Callable[[bytes], Response]]] = [
        (process.stdout, lambda line: Response(stdout=line)),
        (process.stderr, lambda line: Response(stderr=line)),
    ]
    for output in outputs:
        threading.Thread(target=forward, args=output, daemon=True).start()
    open_outputs = len(outputs)
    while open_outputs:
        response = responses.get()
        if response is None:
            open_outputs -= 1
        else:
            yield response
    yield Response(exitcode=process.wait())


def _requirement_name(requirement: str) -> str:
    """`grpcio` from `grpcio>=1.68; python_version > "3"`; nothing for what only an extra needs."""
    if "extra ==" in requirement:
        return ""
    return _normalised(re.split(r"[^\w.-]", requirement, maxsplit=1)[0])


def _normalised(name: str) -> str:
    """A package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _interrupt_once(number: int, frame: FrameType | None) -> None:
    """Handles the signals that end us. The engine may send several; the first one's unwinding is to be left alone."""
    INTERRUPTED.set()
    for ending in ENDING_SIGNALS:
        signal.signal(ending, _pass_over)
    # The SDK catches the interrupt of a program to wait for calls that the engine won't answer any more.
    with contextlib.suppress(RuntimeError):
        loop = asyncio.get_running_loop()
        loop.call_soon_threadsafe(loop.stop)
    raise KeyboardInterrupt


def _pass_over(number: int, frame: FrameType | None) -> None:
    """Handles a further signal; with SIG_IGN Python would write a traceback for one that is already on its way."""


def _interrupt_main_thread() -> None:
    """Interrupts the program wherever it is, even in a sleep."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def _watch(signals: socket.socket) -> None:
    """Interrupts the main thread at a signal, or when the engine is gone.

    A signal may reach any thread, and then Python handles it only once the main thread wakes up.
    The engine holds the other end of stdin, so the end of input is the end of the engine.
    """
    while True:
        ready, _, _ = select.select([0, signals.fileno()], [], [])
        if signals.fileno() in ready or not os.read(0, 4096):
            _interrupt_main_thread()
            return


def main() -> None:
    """Serves the engine until it interrupts us, which is how it ends its plugins."""
    for ending in ENDING_SIGNALS:
        signal.signal(ending, _interrupt_once)
    signals, wakeup = socket.socketpair()
    wakeup.setblocking(False)
    signal.set_wakeup_fd(wakeup.fileno())
    # The engine shows each line that a program prints as soon as it is written.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    host = LanguageHost(engine=sys.argv[-1])
    limits = [(f"grpc.max_{way}_message_length", MAX_MESSAGE_BYTES) for way in ("send", "receive")]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=SERVER_THREADS), options=limits)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        print(port)
        threading.Thread(target=_watch, args=[signals], daemon=True).start()
        host.run_programs()
    except KeyboardInterrupt:
        server.stop(grace=0).wait(STOP_SECONDS)
    except ProgramInterrupted:
        host.answered.wait(STOP_SECONDS)
        server.stop(grace=0).wait(STOP_SECONDS)
        # Its threads may wait for answers of an engine that waits for us, and Python for them.
        sys.stdout.flush()
        os._exit(0)
    finally:
        # Python would write a traceback for a signal that comes when the socket is closed.
        signal.set_wakeup_fd(-1)


if __name__ == "__main__":
    main()
