"""Debian packages: when they are installed, and what is said where they can't be."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.toolchain.conftest import Program
from toolchain.machine import debian
from toolchain.process.steps import StepError


def root(monkeypatch: pytest.MonkeyPatch, *, yes: bool = True) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0 if yes else 1000)


def test_only_root_on_a_debian_can_install(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    root(monkeypatch)
    assert not debian.can_install()
    program("apt-get", "")
    assert debian.can_install()
    root(monkeypatch, yes=False)
    assert not debian.can_install()


def test_what_is_there_is_not_installed(program: Program, calls: Callable[[], list[str]]) -> None:
    program("apt-get", "")
    program("dot", "")
    debian.ensure_program("dot", ["graphviz"], "to draw")
    assert calls() == []


def test_who_cannot_install_is_told_what_and_what_for(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    program("apt-get", "")
    root(monkeypatch, yes=False)
    with pytest.raises(StepError) as error:
        debian.ensure_program("dockerd", ["docker.io", "iptables"], "to run the stack")
    assert str(error.value) == (
        "dockerd is needed to run the stack; install it (Debian: apt-get install docker.io iptables)"
    )


def test_an_interrupted_installation_is_finished_first(
    program: Program, calls: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    root(monkeypatch)
    program("apt-get", '[ "$DEBIAN_FRONTEND" = noninteractive ]')
    program("dpkg", "")
    debian.ensure_program("dot", ["graphviz", "fonts"], "to draw")
    dpkg, update, install = calls()
    assert dpkg == "dpkg --configure --pending"
    assert update == "apt-get update"
    assert install.startswith("apt-get install --yes --no-install-recommends ")
    assert install.endswith(" graphviz fonts")


def test_a_source_that_is_down_is_told_but_does_not_stop_the_installation(
    program: Program, calls: Callable[[], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    program("dpkg", "")
    program("apt-get", 'if [ "$1" = update ]; then echo "third party: 404"; exit 100; fi')
    debian.install(["graphviz"])
    assert calls()[-1].startswith("apt-get install")
    output = capsys.readouterr().out
    assert "third party: 404" in output
    assert "going on with the lists that are there" in output


def test_a_failed_installation_is_an_error(program: Program, logs: Path) -> None:
    program("dpkg", "")
    program("apt-get", 'if [ "$1" = install ]; then echo "Unable to locate package"; exit 100; fi')
    with pytest.raises(StepError, match="Unable to locate package") as error:
        debian.install(["nonsense"])
    assert str(logs / "apt-install.log") in str(error.value)
