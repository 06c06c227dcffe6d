"""Which slot an update writes, what it keeps as it is, and which one serves."""

from __future__ import annotations

import json
from dataclasses import replace

import pulumi
import pytest

from components.preflight.ownership import Owner
from settings.releases import Canary, Ready, Records, Slot
from tests.unit.components.conftest import CONTAINER, DEV, PINNED, PROD, STASH, Run, run_program

KEY = "the key of ids"

CHANGED = {"api": json.dumps({"log_level": "debug"})}

SERVICES = ("api", "dashboard", "worker")


def name(service: str, slot: str) -> str:
    return f"tasktracker-test-{service}-{slot}"


def owner(serving: Slot | None = None, **releases: str) -> Owner:
    """What a state says, with the id of the release in each slot."""
    ready = {slot: Ready(its, "1.2.3", {name(each, slot): 100 for each in SERVICES}) for slot, its in releases.items()}
    made = {slot: {name(each, slot): its for each in SERVICES} for slot, its in releases.items()}
    return Owner(release_key=KEY, is_new_key=False, records=Records(serving, ready, made))  # type: ignore[arg-type]


def release_in(run: Run, slot: Slot) -> str:
    """The id that the containers of a slot carry."""
    (api,) = [each for each in run.all(CONTAINER) if each.name == f"api-{slot}"]
    return str({each["label"]: each["value"] for each in api.inputs["labels"]}["release-id"])


def slots(run: Run) -> dict[str, bool]:
    """The slots that the program declares; whether it leaves all that is in one as it is."""
    found: dict[str, set[bool]] = {}
    for each in run.all(CONTAINER):
        slot = each.name.removesuffix("-files").rpartition("-")[2]
        if slot in ("blue", "green"):
            found.setdefault(slot, set()).add("*" in each.request.ignoreChanges)
    assert all(len(frozen) == 1 for frozen in found.values()), found
    return {slot: frozen == {True} for slot, frozen in found.items()}


def serving(run: Run) -> dict[str, str]:
    record = run.one(STASH, "switch").inputs["input"]
    return {key: record[key] for key in ("serving", "release")}


@pytest.fixture(scope="module")
def first() -> Run:
    return run_program(PROD, {}, owner())


@pytest.fixture(scope="module")
def release(first: Run) -> str:
    return release_in(first, "blue")


def test_the_first_release_is_in_blue(first: Run, release: str) -> None:
    assert slots(first) == {"blue": False}
    assert serving(first) == {"serving": "blue", "release": release}
    record = {**first.one(STASH, "ready-blue").inputs["input"]}
    facts = record.pop("facts")
    assert facts["api.image"] == PINNED["api"]
    assert (facts["api.memory"], facts["worker.cpus"], facts["dashboard.pids"]) == ("1024", "2.0", "1024")
    assert facts["api.env.TASKTRACKER_LOG_LEVEL"] == "info"
    assert not [key for key in facts if "SLOT" in key]
    assert record == {
        "release": release,
        "name": "1.2.3",
        "pids": dict.fromkeys(sorted(name(each, "blue") for each in SERVICES), 1024),
    }


def test_the_same_release_stays(release: str) -> None:
    run = run_program(PROD, {}, owner("blue", blue=release))
    assert slots(run) == {"blue": False}
    assert serving(run) == {"serving": "blue", "release": release}
    # The migrations are those of the release: they ran before it.
    assert "*" in run.one(CONTAINER, "migrations").request.ignoreChanges


def test_another_release_goes_to_the_other_slot_and_the_one_before_stays_as_it_is(release: str) -> None:
    run = run_program({**PROD, **CHANGED}, {}, owner("blue", blue=release))
    assert slots(run) == {"blue": True, "green": False}
    new = release_in(run, "green")
    assert new != release
    assert serving(run) == {"serving": "green", "release": new}
    assert "*" not in run.one(CONTAINER, "migrations").request.ignoreChanges
    limits = run.one(STASH, "pids-limits").inputs["input"]["limits"]
    assert (limits[name("api", "blue")], limits[name("api", "green")]) == (100, 1024)


def test_a_preview_says_what_another_release_has_otherwise(
    release: str, first: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", said.append)
    found = owner("blue", blue=release)
    facts = first.one(STASH, "ready-blue").inputs["input"]["facts"]
    before = replace(
        found, records=replace(found.records, ready={"blue": replace(found.records.ready["blue"], facts=facts)})
    )
    new = release_in(run_program({**PROD, **CHANGED}, {}, before), "green")
    assert said == [
        f"release 1.2.3 {release} (blue, serving) -> 1.2.3 {new} (green)\n"
        "    api.env.TASKTRACKER_LOG_LEVEL: info -> debug"
    ]
    said.clear()
    run_program(PROD, {}, before)
    assert said == [f"release 1.2.3 {release} (blue, serving)"]


def test_dev_keeps_no_release_before() -> None:
    before = release_in(run_program(DEV, {}, owner()), "blue")
    assert slots(run_program({**DEV, **CHANGED}, {}, owner("blue", blue=before))) == {"green": False}


def test_back_to_a_release_that_is_there_only_the_switch_changes(release: str) -> None:
    run = run_program(PROD, {}, owner("green", blue=release, green="0123456789ab"))
    assert slots(run) == {"blue": False, "green": True}
    assert serving(run) == {"serving": "blue", "release": release}


def test_a_switch_that_was_cut_off_leaves_the_slot_that_gets_the_requests_alone(release: str) -> None:
    before = owner("blue", blue="0123456789ab", green=release)
    cut_off = replace(before, records=before.records.repeated("green"))
    # Back to what the state has: only the switch changes. Another release goes where no request goes.
    back = run_program({**PROD, "release": json.dumps({"pin": "0123456789ab"})}, {}, cut_off)
    assert slots(back) == {"blue": True, "green": True}
    assert serving(back) == {"serving": "blue", "release": "0123456789ab"}
    assert back.one(STASH, "switch").inputs["input"]["generation"] == 1
    another = run_program({**PROD, **CHANGED}, {}, cut_off)
    assert slots(another) == {"blue": False, "green": True}
    assert serving(another)["serving"] == "blue"


def test_a_pinned_release_serves_and_nothing_is_written(release: str) -> None:
    pinned = {**PROD, **CHANGED, "release": json.dumps({"pin": release})}
    run = run_program(pinned, {}, owner("green", blue=release, green="0123456789ab"))
    assert slots(run) == {"blue": True, "green": True}
    assert serving(run) == {"serving": "blue", "release": release}


def test_a_slot_that_was_left_half_written_is_not_kept(release: str) -> None:
    found = owner("blue", blue=release, green="0123456789ab")
    made = {**found.records.made, "green": {**found.records.made["green"], name("api", "green"): "ba9876543210"}}
    half = Owner(release_key=KEY, records=Records("blue", found.records.ready, made))
    assert slots(run_program(PROD, {}, half)) == {"blue": False}


def test_a_release_on_trial_is_beside_the_one_that_serves(release: str) -> None:
    trial = {**PROD, **CHANGED, "release": json.dumps({"canary": 10})}
    run = run_program(trial, {}, owner("blue", blue=release))
    assert slots(run) == {"blue": True, "green": False}
    assert serving(run) == {"serving": "blue", "release": release}
    assert run.one(STASH, "switch").inputs["input"]["canary"] == {"slot": "green", "percent": 10}
    new = release_in(run, "green")
    there = owner("blue", blue=release, green=new)
    on_trial = replace(there, records=replace(there.records, canary=Canary("green", 10)))
    # The same again; promoted; aborted by a pin; and another one, which would go where this one is on trial.
    assert slots(run_program(trial, {}, on_trial)) == {"blue": True, "green": False}
    promoted = run_program({**PROD, **CHANGED}, {}, on_trial)
    assert serving(promoted) == {"serving": "green", "release": new}
    assert "canary" not in promoted.one(STASH, "switch").inputs["input"]
    aborted = run_program({**PROD, **CHANGED, "release": json.dumps({"pin": release})}, {}, on_trial)
    assert serving(aborted) == {"serving": "blue", "release": release}
    assert "canary" not in aborted.one(STASH, "switch").inputs["input"]
    with pytest.raises(pulumi.RunError, match=r"on trial with 10 % of the clients: first `./tt promote --stack test`"):
        run_program({**PROD, "dashboard": json.dumps({"resources": {"cpus": 0.25}})}, {}, on_trial)


def test_the_first_release_is_not_on_trial() -> None:
    run = run_program({**PROD, "release": json.dumps({"canary": 10})}, {}, owner())
    assert serving(run)["serving"] == "blue"
    assert "canary" not in run.one(STASH, "switch").inputs["input"]


def test_a_pinned_release_that_is_not_there_is_refused(release: str) -> None:
    pinned = {**PROD, "release": json.dumps({"pin": "000000000000"})}
    with pytest.raises(pulumi.RunError, match=rf"release.pin: no slot has .*; there are {release} \(1.2.3, blue\)"):
        run_program(pinned, {}, owner("blue", blue=release))


@pytest.mark.parametrize(
    "changes",
    [
        CHANGED,
        {"worker": json.dumps({"resources": {"memory": "1GB"}})},
        {"dashboard": json.dumps({"resources": {"cpus": 0.25}})},
        {"app_secrets": json.dumps({"slack_token": {}})},
    ],
)
def test_all_that_a_release_is_made_of_is_in_its_id(release: str, changes: dict[str, str]) -> None:
    secrets = {"slack_token": "a-token-of-sixteen-characters-and-more"} if "app_secrets" in changes else {}
    assert release_in(run_program({**PROD, **changes}, secrets, owner()), "blue") != release


def test_what_is_no_part_of_a_release_is_not(release: str) -> None:
    changes = {"nginx": json.dumps({"client_max_body_size": "20MB"}), "release": json.dumps({"watch": "10s"})}
    assert release_in(run_program({**PROD, **changes}, {}, owner()), "blue") == release


def test_a_config_secret_of_another_value_is_another_release() -> None:
    config = {**PROD, "app_secrets": json.dumps({"slack_token": {}})}
    values = ("a-token-of-sixteen-characters-and-more", "another-token-of-sixteen-characters")
    assert len({release_in(run_program(config, {"slack_token": value}, owner()), "blue") for value in values}) == 2


def test_the_ids_of_another_key_are_others(release: str) -> None:
    assert release_in(run_program(PROD, {}, Owner(release_key="another key")), "blue") != release
