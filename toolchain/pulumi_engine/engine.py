"""The Pulumi engine with its Docker plugin and Python language host, got the first way that works.

1. `pulumi` on PATH, if it is new enough and has its Python language host with it.
2. The vendor's install script, into `.tools/vendor`.
3. A build from Go modules, for machines that reach only package registries.

The first two download the vendor's Docker plugin themselves when a program first needs it. An engine that is there
stays in use while it fits, also where an earlier way would work by now: TASKTRACKER_ENGINE changes the way.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import urllib.request
from collections.abc import Callable
from pathlib import Path

from toolchain.machine import golang
from toolchain.machine.golang import NoGoError, find_go
from toolchain.process.steps import ROOT, TOOLS, StepError, run, say, shown
from toolchain.pulumi_engine.environment import Way, shell_script, variables
from toolchain.pulumi_engine.users_engine import EXECUTOR, Unavailable, fingerprint, pulumi_on_path, usable_version

TOOLCHAIN = ROOT / "toolchain"
PLUGIN = TOOLCHAIN / "docker_plugin"
LANGUAGE_HOST = TOOLCHAIN / "language_host"
LOCK = ROOT / "requirements" / "base.lock"
STATE = ROOT / ".state"
POLICY_PACK = str(ROOT / "policies")
POLICY_PACK_CONFIG = str(ROOT / "policies" / "config.json")
#: Has `pulumi` hold a preview or an update against the policies.
POLICY_OPTIONS = ("--policy-pack", POLICY_PACK, "--policy-pack-config", POLICY_PACK_CONFIG)
BIN = TOOLS / "bin"
VENDOR = TOOLS / "vendor"
PLUGINS = TOOLS / "pulumi-home" / "plugins"
MARKER = TOOLS / "engine.json"

#: Forces one way: `path`, `download` or `build`.
FORCE_VARIABLE = "TASKTRACKER_ENGINE"

INSTALL_SCRIPT = "https://get.pulumi.com"

#: Seconds that a machine without that access loses before it goes on to the build.
CONNECT_TIMEOUT = 5.0


def ensure_engine() -> None:
    """Makes an engine available and writes `.tools/env`; takes no time when that is done.

    Raises:
        StepError: no way works (or not the one that TASKTRACKER_ENGINE forces); says what to do.
    """
    forced = _forced_way()
    way = _installed_way()
    # The user may have replaced the engine by an older one since it was looked at.
    unchecked = way is Way.PATH and _marker().get("engine") != fingerprint()
    if way is None or unchecked or forced not in (None, way):
        way = _install([forced] if forced else list(Way))
    STATE.mkdir(mode=0o700, exist_ok=True)
    _write(TOOLS / "env", shell_script(way, ROOT))


def environment(config: Path | None = None) -> dict[str, str]:
    """The variables of `.tools/env` for a subprocess, to be laid over this process's environment.

    `config` is the config file of the stack that they are for: it may say where the stack's state is.

    Raises:
        StepError: there is no engine yet.
    """
    way = _installed_way()
    if way is None:
        raise StepError("there is no Pulumi engine yet: run `make tools`")
    return variables(way, ROOT, config=config)


def engine_version() -> str:
    """The version that is built or downloaded, and the oldest that is taken from PATH."""
    return _search(r"github\.com/pulumi/pulumi/pkg/v3 v(\S+)", TOOLCHAIN / "go.mod")


def plugin_version() -> str:
    """The version of the Docker plugin: that of the Python package that talks to it."""
    return _search(r"^pulumi-docker==(\S+)", LOCK)


def _forced_way() -> Way | None:
    """The way that the user forces, if any."""
    value = os.environ.get(FORCE_VARIABLE)
    if not value:
        return None
    try:
        return Way(value)
    except ValueError:
        allowed = ", ".join(way.value for way in Way)
        raise StepError(f"{FORCE_VARIABLE}={value}: must be one of {allowed}") from None


def _installed_way() -> Way | None:
    """How the engine that is there was got; None when there is none or its inputs have changed."""
    try:
        way = Way(_marker()["way"])
    except (ValueError, KeyError):
        return None
    there = pulumi_on_path() is not None if way is Way.PATH else (BIN / "pulumi").exists()
    return way if there and _marker().get("inputs") == _inputs() else None


def _marker() -> dict[str, str | None]:
    """What the last installation has noted; empty where there was none."""
    try:
        marker = json.loads(MARKER.read_text())
    except (OSError, ValueError):
        return {}
    return marker if isinstance(marker, dict) else {}


def _install(ways: list[Way]) -> Way:
    """Tries `ways` in order; returns the one that worked."""
    installers: dict[Way, Callable[[], None]] = {
        Way.PATH: _use_path,
        Way.DOWNLOAD: _download,
        Way.BUILD: _build,
    }
    reasons = []
    for way in ways:
        try:
            installers[way]()
        except Unavailable as reason:
            reasons.append(f"{way.value}: {reason}")
            if way is not ways[-1]:
                say(f"Pulumi engine: {reason}; trying another way")
            continue
        # Written last: an interrupted install is done again.
        engine = fingerprint() if way is Way.PATH else None
        _write(MARKER, json.dumps({"way": way.value, "inputs": _inputs(), "engine": engine}))
        return way
    raise StepError("\n    ".join(["no Pulumi engine:", *reasons]))


def _inputs() -> str:
    """A hash over everything that a built or downloaded engine is made from."""
    files = [TOOLCHAIN / "go.mod", TOOLCHAIN / "go.sum", *sorted(PLUGIN.rglob("*")), *sorted(LANGUAGE_HOST.rglob("*"))]
    digest = hashlib.sha256(f"{engine_version()} {plugin_version()}".encode())
    for path in files:
        if path.is_file() and path.suffix != ".pyc":
            digest.update(f"{path.relative_to(ROOT)} {path.stat().st_size}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _use_path() -> None:
    """Takes the engine that the user has."""
    pulumi = pulumi_on_path()
    if pulumi is None:
        raise Unavailable("no pulumi on PATH")
    version = usable_version(pulumi, engine_version())
    _clear()
    say(f"Pulumi engine: {pulumi}, {version} (from PATH)")


def _download() -> None:
    """Runs the vendor's install script. A refusal or silence of the server is final: no retry."""
    try:
        with urllib.request.urlopen(INSTALL_SCRIPT, timeout=CONNECT_TIMEOUT) as response:
            script: bytes = response.read()
    except OSError as error:
        raise Unavailable(f"{INSTALL_SCRIPT}: {error}") from error
    path = TOOLS / "install-pulumi.sh"
    TOOLS.mkdir(exist_ok=True)
    path.write_bytes(script)
    try:
        run(
            f"Downloading the Pulumi engine {engine_version()}",
            ["sh", path, "--version", engine_version(), "--install-root", VENDOR, "--no-edit-path"],
            log="engine-download",
        )
    except StepError as error:
        raise Unavailable(str(error)) from error
    finally:
        path.unlink()
    programs = VENDOR / "bin"
    version = usable_version(programs / "pulumi", engine_version())
    _clear()
    for program in programs.iterdir():
        (BIN / program.name).symlink_to(program)
    say(f"Pulumi engine: {shown(BIN / 'pulumi')}, {version} (downloaded)")


def _build() -> None:
    """Builds engine, language host and Docker plugin from Go modules."""
    try:
        find_go()
    except NoGoError as error:
        raise Unavailable(str(error)) from error
    version = f"-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{engine_version()}"
    _clear()
    golang.build(
        f"Building the Pulumi engine {engine_version()} (5 minutes the first time)",
        TOOLCHAIN,
        "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        BIN / "pulumi",
        options=["-ldflags", f"-s -w {version}"],
    )
    golang.build(
        "Building the Python language host",
        TOOLCHAIN,
        "./language_host",
        BIN / "pulumi-language-python",
        options=["-ldflags", f"-s -w {version}"],
    )
    golang.build(
        f"Building the Docker plugin {plugin_version()} (3 minutes the first time)",
        PLUGIN,
        ".",
        # As if the engine had downloaded it: it warns of plugins that it finds on PATH.
        PLUGINS / f"resource-docker-v{plugin_version()}" / "pulumi-resource-docker",
        # Without docker_compose, which the vendor's plugin lacks too, 180 packages less are compiled.
        options=["-tags", "no_compose", "-ldflags", f"-s -w -X main.version={plugin_version()}"],
    )
    _write(BIN / EXECUTOR, (LANGUAGE_HOST / "executor.py").read_text(), mode=0o755)


def _clear() -> None:
    """Removes the engine and plugins that another way has put here, and first the marker."""
    MARKER.unlink(missing_ok=True)
    BIN.mkdir(parents=True, exist_ok=True)
    for program in BIN.glob("pulumi*"):
        program.unlink()
    shutil.rmtree(PLUGINS, ignore_errors=True)


def _write(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Writes a file at one go, and leaves it alone when it says the same."""
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.write_text(text)
    unfinished.chmod(mode)
    unfinished.replace(path)


def _search(pattern: str, path: Path) -> str:
    """The first group of `pattern` in a file of this project."""
    match = re.search(pattern, path.read_text(), re.MULTILINE)
    if match is None:
        raise StepError(f"{path.relative_to(ROOT)}: nothing matches {pattern}")
    return match[1]
