"""pip takes from the user how to reach the index, and nothing that sends packages elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from toolchain.process.steps import StepError
from toolchain.python import pip_options


def config(folder: Path, text: str, name: str = "pip.conf") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "option",
    [
        "index-url",
        "extra-index-url",
        "trusted-host",
        "cert",
        "client-cert",
        "proxy",
        "timeout",
        "no-index",
        "find-links",
    ],
)
def test_the_connection_is_the_users(option: str, tmp_path: Path) -> None:
    assert pip_options.options_of([config(tmp_path, f"[global]\n{option} = x y\n")]) == {option: "x y"}
    assert not pip_options.is_dropped(f"PIP_{option.upper().replace('-', '_')}")


@pytest.mark.parametrize(
    "option",
    [
        *("target", "prefix", "root", "user", "require-virtualenv", "no-deps", "dry-run", "python", "platform", "src"),
        *("constraint", "requirement", "editable", "ignore-installed", "no-binary", "only-binary", "report", "log"),
    ],
)
def test_what_changes_an_installation_is_not(option: str, tmp_path: Path) -> None:
    assert pip_options.options_of([config(tmp_path, f"[global]\n{option} = x\n[install]\n{option} = x\n")]) == {}
    assert pip_options.is_dropped(f"PIP_{option.upper().replace('-', '_')}")


def test_later_files_come_first_and_the_command_s_section_before_all(tmp_path: Path) -> None:
    first = config(tmp_path, "[global]\ntimeout = 1\nretries = 1\nproxy = a\n[install]\nretries = 2\n", "first")
    second = config(tmp_path, "[global]\ntimeout = 3\nRETRIES = 3\nproxy =\n[download]\nproxy = b\n", "second")
    assert pip_options.options_of([first, second]) == {"timeout": "3", "retries": "2", "proxy": "a"}


def test_a_name_may_be_written_as_pip_takes_it(tmp_path: Path) -> None:
    text = "[global]\nindex_url = a\n--proxy = b\nextra-index-url =\n    c\n    d\n"
    assert pip_options.options_of([config(tmp_path, text)]) == {
        "index-url": "a", "proxy": "b", "extra-index-url": "\nc\nd",
    }  # fmt: skip


def test_the_users_files_are_found_by_pip_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # With `user` pip shows the options of one file alone.
    text = (
        "[global]\nindex-url = https://mirror.example.com/simple\nproxy = a\nretries = 9\n"
        "target = /elsewhere\nuser = true\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config(tmp_path, text)))
    monkeypatch.setenv("PIP_RETRIES", "3")
    monkeypatch.setenv("PIP_PROXY", "")
    found = pip_options.connection(Path(sys.executable))
    assert found["PIP_INDEX_URL"] == "https://mirror.example.com/simple"
    assert found["PIP_PROXY"] == "a"
    assert found["PIP_RETRIES"] == "3"
    assert not {"PIP_TARGET", "PIP_USER"} & found.keys()
    # What pip reads with these variables in their place.
    read = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        env={**os.environ, **found}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert ":env:.index-url='https://mirror.example.com/simple'" in read
    assert ":env:.retries='3'" in read
    assert "target" not in read


def test_a_file_that_pip_cannot_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config(tmp_path, "no section\n")))
    with pytest.raises(
        StepError, match=r"(?s)pip can't read its options \(`pip config debug` lists its files\): .*pip\.conf"
    ):
        pip_options.connection(Path(sys.executable))
