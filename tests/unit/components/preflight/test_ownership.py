"""What an update refuses before it declares anything, by the state and the Docker host."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components.core import host_client
from components.preflight.ownership import Found, Owner, owner_of
from remote import DockerHost
from settings import parse
from settings.ownership import DATA, DATA_VOLUME, Memory, is_data
from tests.unit.components.conftest import DEV, NETWORK, PROD, STASH, VOLUME, Run

NAMES = [f"tasktracker-test-{name}" for name in ("uploads", "nats-data", "objects", "postgres-data")]
MINE = "3f9a"
MEMORY = Memory(MINE, dict.fromkeys(NAMES, MINE), frozenset(NAMES))


@pytest.fixture(autouse=True)
def update(monkeypatch: pytest.MonkeyPatch) -> None:
    """An update of a stack on this machine."""
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: False)
    monkeypatch.setattr(host_client, "configured", lambda: None)
    monkeypatch.delenv("DOCKER_HOST", raising=False)


def judged(memory: Memory, *names: str, identity: str = MINE, config: dict[str, str] | None = None) -> Owner:
    labels = {"stack": "test", "identity": identity}
    volumes = [{"Name": name, "Labels": labels} for name in names]
    given = config or DEV
    settings = parse("test", given, [key for key in given if key == "backup_passphrase"])
    return owner_of("test", settings, memory, Found((), (), volumes))


def refusal(*args: Any, **options: Any) -> str:
    with pytest.raises(pulumi.RunError) as caught:
        judged(*args, **options)
    return str(caught.value)


def test_a_state_keeps_its_identity_and_a_new_one_gets_its_own() -> None:
    kept = judged(MEMORY, *NAMES)
    assert kept == Owner(MINE, dict.fromkeys(NAMES, MINE), known=frozenset(NAMES), release_key=kept.release_key)
    first, second = judged(Memory()), judged(Memory())
    assert len(first.identity) == 16
    assert first.identity != second.identity


RESTORED = Memory(MINE, MEMORY.origins, MEMORY.volumes, used=2, kept=frozenset({1, 3}))


@pytest.mark.parametrize(
    ("postgres", "unnamed"),
    [
        ({}, ["volume 2, which PostgreSQL runs on", "volume 3, which was kept after a restore"]),
        ({"volume": 7, "kept_volumes": [1, 3]}, ["volume 2, which PostgreSQL runs on"]),
        ({"volume": 2, "kept_volumes": [3]}, ["volume 1, which was kept after a restore"]),
    ],
)
def test_a_file_from_before_a_restore_is_refused(
    monkeypatch: pytest.MonkeyPatch, postgres: dict[str, object], unnamed: list[str]
) -> None:
    """Pulumi itself would advise to unprotect the volume in use."""
    config = {**DEV, "postgres": json.dumps(postgres)}
    text = refusal(RESTORED, *NAMES, config=config)
    assert [line.strip() for line in text.splitlines() if line.startswith("  volume")] == unnamed
    assert "./tt pulumi config set --path tasktracker:postgres.volume 2 --stack test\n" in text
    assert "./tt pulumi config set --path 'tasktracker:postgres.kept_volumes[1]' 3 --stack test" in text
    assert ("./tt volumes remove 1 --stack test" in text) is ("volume 1" in " ".join(unnamed))
    # `./tt` says what becomes of each itself.
    monkeypatch.setenv("TASKTRACKER_VOLUMES_CHANGED", "tt")
    assert judged(RESTORED, *NAMES, config=config).identity == MINE


def test_a_file_that_names_all_of_them_is_taken() -> None:
    config = {**DEV, "postgres": json.dumps({"volume": 1, "kept_volumes": [2, 3]})}
    names = [*NAMES, "tasktracker-test-postgres-data-2", "tasktracker-test-postgres-data-3"]
    memory = Memory(MINE, dict.fromkeys(names, MINE), frozenset(names), used=2, kept=frozenset({1, 3}))
    assert judged(memory, *names, config=config).known == frozenset(names)


def test_what_is_another_state_s_is_refused_until_the_user_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"the volume {NAMES[0]} is of the state 77c2" in refusal(Memory(), *NAMES, identity="77c2")
    monkeypatch.setenv("TASKTRACKER_ADOPT", "others")
    assert refusal(Memory(), *NAMES, identity="77c2")
    monkeypatch.setenv("TASKTRACKER_ADOPT", "others, 77c2")
    without_backups = [each for each in NAMES if not each.endswith("-objects")]
    assert judged(Memory(), *without_backups, identity="77c2").origins == dict.fromkeys(without_backups, "77c2")


def test_backups_are_taken_over_with_their_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKTRACKER_ADOPT", "77c2")
    text = refusal(Memory(), *NAMES, identity="77c2")
    assert "pulumi config set --secret tasktracker:backup_passphrase --stack test" in text
    assert "To delete these backups for good" in text
    given = {**DEV, "backup_passphrase": 32 * "x"}
    assert judged(Memory(), *NAMES, identity="77c2", config=given).origins == dict.fromkeys(NAMES, "77c2")
    # Whose passphrase this state has already.
    assert judged(Memory(MINE, dict.fromkeys(NAMES, "77c2")), *NAMES, identity="77c2").identity == MINE


def test_what_is_gone_is_refused_until_the_user_gives_it_up(monkeypatch: pytest.MonkeyPatch) -> None:
    text = refusal(MEMORY, *NAMES[1:])
    assert f"\n  {NAMES[0]}\n" in text
    assert "gone from the Docker host (the Docker of this machine)" in text
    monkeypatch.setenv("TASKTRACKER_LOST_VOLUMES", NAMES[0])
    # The state still has it, and Docker would make one without labels.
    assert "pulumi refresh --stack test --yes" in refusal(MEMORY, *NAMES[1:])
    refreshed = Memory(MINE, MEMORY.origins, frozenset(NAMES[1:]))
    assert judged(refreshed, *NAMES[1:]).identity == MINE
    assert NAMES[1] in refusal(refreshed, *NAMES[2:])
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    assert judged(MEMORY, *NAMES[1:]).identity == MINE


def test_a_volume_that_is_being_restored_may_be_gone() -> None:
    refreshed = Memory(MINE, MEMORY.origins, frozenset(NAMES[:3]))
    assert "./tt restore --latest --stack test" in refusal(refreshed, *NAMES[:3])
    restore = {"postgres": json.dumps({"restore": {"volume": 1, "to": "latest"}})}
    assert judged(refreshed, *NAMES[:3], config={**DEV, **restore}).identity == MINE


def test_backups_that_are_gone_too_bring_nothing_back() -> None:
    assert "./tt restore" not in refusal(MEMORY, *NAMES[:2])


def test_another_host_in_the_config_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_client, "configured", lambda: DockerHost("ssh://deploy@new.example.com"))
    there = Memory(MINE, MEMORY.origins, MEMORY.volumes, docker_host="ssh://deploy@old.example.com")
    text = refusal(there)
    assert "the stack is on ssh://deploy@old.example.com" in text
    assert "TASKTRACKER_NEW_HOST=ssh://deploy@new.example.com ./tt pulumi up --stack test --refresh" in text
    monkeypatch.setenv("TASKTRACKER_NEW_HOST", "ssh://deploy@new.example.com")
    assert judged(there).identity == MINE
    # What another stack has there is not given up with the old host.
    assert "is of the state 77c2" in refusal(there, *NAMES, identity="77c2")


def test_a_block_that_is_gone_is_missed() -> None:
    text = refusal(Memory(MINE, MEMORY.origins, MEMORY.volumes, docker_host="ssh://deploy@old.example.com"))
    assert (
        "the stack is on ssh://deploy@old.example.com, and its config has no tasktracker:docker_host any more" in text
    )
    assert "TASKTRACKER_LOST_VOLUMES" not in text


def test_an_address_that_changed_is_no_other_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_client, "configured", lambda: DockerHost("ssh://deploy@10.0.0.1"))
    assert judged(MEMORY, *NAMES).identity == MINE
    assert "pulumi refresh" in refusal(MEMORY, *NAMES[1:])


@pytest.mark.parametrize("config", [DEV, PROD], ids=["dev", "prod"])
def test_each_data_volume_of_the_program_is_known_as_one(run: Callable[..., Run], config: dict[str, str]) -> None:
    result = run(config)
    made = {each.name for each in result.all(DATA_VOLUME)}
    assert all(is_data("test", f"tasktracker-test-{name}", {1}) for name in made)
    assert made <= {*DATA, "postgres-data"}


def test_volumes_and_networks_carry_the_identity_and_containers_do_not(run: Callable[..., Run]) -> None:
    result = run(DEV)
    assert result.one(STASH, "identity").request.protect
    for each in (*result.all(VOLUME), *result.all(NETWORK)):
        labels = [label["label"] for label in each.inputs["labels"]]
        assert [label for label in labels if label != "slot"] == ["identity", "service", "stack"], each.name
        # A label replaces a volume or a network.
        assert "labels" in each.request.ignoreChanges, each.name
    for each in result.running:
        assert "identity" not in {label["label"] for label in each.inputs["labels"]}
