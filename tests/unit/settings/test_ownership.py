"""Whose a volume, a container or a network is, by the state and by what the host lists."""

from __future__ import annotations

from typing import Any

import pytest

from settings.ownership import (
    UNIDENTIFIED,
    UNLABELLED,
    Memory,
    Resource,
    is_data,
    is_remembered,
    memory_of,
    missing,
    origins,
    strangers,
    unknown,
    unnamed,
)
from settings.ownership_text import missing_text, strangers_text, unknown_text

URN = "urn:pulumi:dev::tasktracker::tasktracker:components:Platform$"
MINE, OTHER = "3f9a", "77c2"


def resource(types: str, called: str, /, **outputs: Any) -> Resource:
    return Resource.of(f"{URN}{types}::{called}", outputs)


def data_volume(name: str, *, identity: str | None = None, labels: dict[str, str] | None = None) -> list[Resource]:
    """The component and its volume; without `labels` the volume is gone from the state."""
    full = f"tasktracker-dev-{name}"
    component = "tasktracker:components:DataVolume"
    made = [resource(component, name, name=full, **({"identity": identity} if identity else {}))]
    if labels is not None:
        listed = [{"label": key, "value": value} for key, value in labels.items()]
        made.append(resource(f"{component}$docker:index/volume:Volume", name, name=full, labels=listed))
    return made


def volume(name: str, **labels: str) -> dict[str, Any]:
    return {"Name": f"tasktracker-dev-{name}", "Labels": labels or None}


def test_a_state_remembers_what_it_has() -> None:
    memory = memory_of(
        "dev",
        [
            *data_volume("uploads", identity=MINE, labels={"stack": "dev", "identity": MINE}),
            *data_volume("nats-data", labels={"stack": "dev"}),
            *data_volume("postgres-data", identity=OTHER),
            resource("tasktracker:components:RuntimeVolume$docker:index/volume:Volume", "s", name="tasktracker-dev-s"),
            resource("docker:index/container:Container", "api", id="c1"),
            resource("docker:index/network:Network", "edge", id="n1"),
            resource("pulumi:index:Stash", "identity", input="x", output=MINE),
            # The first address of a Stash is its output for ever.
            resource("pulumi:index:Stash", "docker-host", input="ssh://b", output="ssh://a"),
        ],
    )
    assert memory == Memory(
        MINE,
        {
            "tasktracker-dev-uploads": MINE,
            "tasktracker-dev-nats-data": UNIDENTIFIED,
            # A refresh did not find it.
            "tasktracker-dev-postgres-data": OTHER,
        },
        frozenset({"tasktracker-dev-uploads", "tasktracker-dev-nats-data", "tasktracker-dev-s"}),
        frozenset({"c1", "n1"}),
        "ssh://b",
    )


def test_a_volume_that_an_interrupted_update_made_is_remembered_by_its_labels() -> None:
    made = data_volume("uploads", labels={"stack": "dev", "identity": MINE})[1:]
    assert memory_of("dev", [*made, resource("tasktracker:components:DataVolume", "uploads")]).origins == {
        "tasktracker-dev-uploads": MINE
    }


@pytest.mark.parametrize(
    ("types", "name", "expected"),
    [
        ("docker:index/container:Container", "api", True),
        ("pulumi:index:Stash", "identity", True),
        ("pulumi:index:Stash", "encryption-key", False),
        ("tasktracker:components:Api", "api", False),
    ],
)
def test_no_secret_is_looked_at(types: str, name: str, expected: bool) -> None:
    assert is_remembered(f"{URN}{types}::{name}") is expected


def test_volumes_of_stacks_with_a_longer_name_are_theirs() -> None:
    theirs = {"Name": "tasktracker-dev-eu-uploads", "Labels": {"stack": "dev-eu"}}
    found = origins("dev", [theirs, volume("uploads", stack="dev", identity=MINE), volume("objects"), {"Name": "web"}])
    assert found == {"tasktracker-dev-uploads": MINE, "tasktracker-dev-objects": UNLABELLED}


@pytest.mark.parametrize(
    ("name", "recorded", "carried", "strange"),
    [
        # In the state: it carries what the state has recorded.
        ("uploads", MINE, MINE, False),
        ("uploads", OTHER, OTHER, False),
        ("uploads", UNIDENTIFIED, UNIDENTIFIED, False),
        ("uploads", MINE, OTHER, True),
        ("uploads", UNIDENTIFIED, MINE, True),
        # Docker made one in its place.
        ("uploads", MINE, UNLABELLED, True),
        ("uploads", UNIDENTIFIED, UNLABELLED, True),
        # Not in the state.
        ("uploads", None, MINE, False),
        ("uploads", None, OTHER, True),
        ("uploads", None, UNIDENTIFIED, True),
        ("uploads", None, UNLABELLED, True),
        ("postgres-data-2", None, UNIDENTIFIED, True),
        # No config names it.
        ("postgres-data-3", None, UNIDENTIFIED, False),
        ("postgres-data-3", None, OTHER, False),
        # Nothing is lost with it.
        ("postgres-socket", None, UNIDENTIFIED, False),
        ("scratch-look", None, UNIDENTIFIED, False),
        ("postgres-socket", None, OTHER, True),
    ],
)
def test_what_is_another_state_s(name: str, recorded: str | None, carried: str, strange: bool) -> None:
    full = f"tasktracker-dev-{name}"
    memory = Memory(MINE, {full: recorded} if recorded else {})
    assert strangers("dev", memory, {full: carried}, {1, 2}) == ({full: carried} if strange else {})


def test_what_only_runs_is_taken_over_with_the_data() -> None:
    name = "tasktracker-dev-postgres-socket"
    assert strangers("dev", Memory(MINE, volumes=frozenset({name})), {name: OTHER}, {1}) == {}


def test_a_new_state_takes_over_nothing() -> None:
    found = {f"tasktracker-dev-{name}": UNIDENTIFIED for name in ("uploads", "postgres-data", "backup-metrics")}
    assert set(strangers("dev", Memory(), found, {1})) == {"tasktracker-dev-uploads", "tasktracker-dev-postgres-data"}


def test_what_is_gone() -> None:
    names = ("uploads", "postgres-data", "postgres-data-2", "postgres-data-3")
    memory = Memory(MINE, {f"tasktracker-dev-{name}": MINE for name in names})
    # The third is on its way out.
    assert missing("dev", memory, {"tasktracker-dev-uploads"}, {1, 2}) == [
        "tasktracker-dev-postgres-data",
        "tasktracker-dev-postgres-data-2",
    ]


def test_containers_and_networks_are_known_by_their_ids() -> None:
    memory = Memory(ids=frozenset({"known"}))

    def thing(id_: str, name: str, stack: str = "dev", service: str = "api") -> dict[str, Any]:
        return {"Id": id_, "Names": [f"/{name}"], "Labels": {"stack": stack, "service": service}}

    things = [
        thing("known", "tasktracker-dev-api"),
        thing("new", "tasktracker-dev-worker"),
        thing("scratch", "tasktracker-dev-scratch-look", service="scratch-look"),
        thing("job", "tasktracker-dev-restore", service="restore"),
        thing("others", "tasktracker-dev-eu-api", "dev-eu"),
        thing("foreign", "web"),
        {"Id": "none", "Names": ["/tasktracker-dev-nginx"], "Labels": None},
    ]
    assert list(unknown("dev", memory, "container", things)) == ["the container tasktracker-dev-worker"]


def test_data_volumes_are_known_by_their_names() -> None:
    assert is_data("dev", "tasktracker-dev-objects", {1})
    assert not is_data("dev", "tasktracker-dev-postgres-socket", {1})


def test_messages_name_the_thing_the_value_and_the_commands() -> None:
    name = "tasktracker-dev-uploads"
    found = {name: OTHER, "tasktracker-dev-postgres-socket": OTHER}
    text = strangers_text("dev", Memory(MINE, {name: MINE}), found, ["the container tasktracker-dev-api"])
    assert "  and 1 volume and 1 container of that stack" in text.splitlines()
    assert f"the volume {name} is of the state {OTHER}; the one that this state has is of the state {MINE}" in text
    assert f"    TASKTRACKER_ADOPT={OTHER} make up STACK=dev" in text.splitlines()
    assert "    docker rm -f $(docker ps -aq --filter name=^tasktracker-dev- --filter label=stack=dev)" in text
    assert "make recover STACK=dev" in unknown_text("dev", ["the container tasktracker-dev-api"])
    gone = ["tasktracker-dev-postgres-data", "tasktracker-dev-postgres-data-2"]
    told = missing_text("dev", "here", gone, (), kept=[2], backups=True)
    assert "    ./tt restore --latest --stack dev" in told.splitlines()
    assert "    ./tt volumes remove 2 --stack dev" in told.splitlines()
    assert f"    TASKTRACKER_LOST_VOLUMES={','.join(gone)} make up STACK=dev" in told.splitlines()
    assert "./tt restore" not in missing_text("dev", "here", gone, (), kept=[2], backups=False)


def test_no_message_removes_a_volume() -> None:
    memory, names = Memory(MINE), ["tasktracker-dev-uploads"]
    texts = [
        strangers_text("dev", memory, {names[0]: UNLABELLED}, ["the container tasktracker-dev-api"]),
        unknown_text("dev", ["the network tasktracker-dev-edge"]),
        missing_text("dev", "here", names, (), kept=(), backups=True),
        missing_text("dev", "here", names, names, kept=(), backups=True),
    ]
    for text in texts:
        assert "Nothing was changed" in text
        assert "volume rm" not in text
        assert "prune" not in text


def test_a_state_remembers_limits_and_the_order_of_lists() -> None:
    container = resource(
        "docker:index/container:Container",
        "api",
        id="c1",
        name="tasktracker-dev-api",
        memory=512.0,
        uploads=[{"file": "/b"}, {"file": "/a"}],
        ports=[{"internal": 8443.0}, {"internal": 8080}],
        envs=["B=1", "A=x=y"],
        # An exported state has them encrypted, all of a list or an item.
        mounts={"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"},
        labels=[{"ciphertext": "v1:x"}, {"label": "stack", "value": "dev"}],
    )
    memory = memory_of("dev", [container])
    assert memory.limits == {"tasktracker-dev-api": 512}
    assert memory.orders == {
        "tasktracker-dev-api": {
            "uploads": ["/b", "/a"],
            "ports": ["8443", "8080"],
            "envs": ["B", "A"],
            "mounts": [],
            "labels": ["stack"],
        }
    }


def test_a_state_knows_which_data_volumes_postgres_uses_and_keeps() -> None:
    def container(service: str, *sources: str) -> Resource:
        mounts = [{"target": f"/{each}", "source": f"tasktracker-dev-{each}"} for each in sources]
        return resource(
            "docker:index/container:Container", service, id=service, name=f"tasktracker-dev-{service}", mounts=mounts
        )

    memory = memory_of(
        "dev",
        [
            container("postgres", "postgres-files", "postgres-data-2", "postgres-socket"),
            container("postgres-kept", "postgres-data", "postgres-data-3"),
            # Another container has the one in use too.
            container("backups", "postgres-data-2"),
        ],
    )
    assert (memory.used, memory.kept) == (2, frozenset({1, 3}))
    assert unnamed(memory, {1}) == {2, 3}
    assert unnamed(memory, {1, 2, 3, 4}) == set()
    assert unnamed(memory_of("dev", []), {1}) == set()
