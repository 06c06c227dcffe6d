"""What has to be there after an update, and which plans take it away."""

from __future__ import annotations

from typing import Any

import pytest

from ops.ci.preview import Diagnostic, Preview, State, Step, Violation
from policies.values import SECRET_SIGNATURE, SIGNATURE
from tests.upgrade.losses import is_kept, losses, recreated

RECORD = {"outputs": {"output": "x"}}
ENCRYPTED = {"outputs": {"output": {SIGNATURE: SECRET_SIGNATURE, "ciphertext": "x"}}}
SECRET = {**RECORD, "additionalSecretOutputs": ["input", "output"]}
PLATFORM = "tasktracker:components:Platform"
VOLUME = "docker:index/volume:Volume"
CONTAINER = "docker:index/container:Container"
STASH = "pulumi:index:Stash"
BUCKET = "aws:s3/bucket:Bucket"


def urn(*types: str, name: str = "x") -> str:
    return f"urn:pulumi:dev::tasktracker::{'$'.join((PLATFORM, *types))}::{name}"


def resource(*types: str, **more: Any) -> dict[str, Any]:
    return {"urn": urn(*types), "type": types[-1], "custom": True, **more}


def component(name: str) -> str:
    return f"tasktracker:components:{name}"


def plan(*steps: Step) -> Preview:
    return Preview("dev", [*steps], violations=[])


def step(op: str, *types: str, was: dict[str, Any] | None = None, **more: Any) -> Step:
    """A step of a resource, of which the old state has the flags `was`, and the new one none."""
    old = State({}, {}, **{"protect": False, "urn": urn(*types), **(was or {})})
    return Step(op, urn(*types), old, State({}, {}, protect=False, urn=urn(*types)), **more)


@pytest.mark.parametrize(
    ("types", "more", "expected"),
    [
        ((component("DataVolume"), VOLUME), {}, True),
        ((VOLUME,), {}, True),
        ((component("FileVolume"), VOLUME), {}, False),
        ((component("RuntimeVolume"), VOLUME), {}, False),
        ((component("RuntimeVolume"), VOLUME), {"protect": True}, True),
        ((component("GeneratedSecret"), STASH), SECRET, True),
        ((component("CertificateAuthority"), STASH), SECRET, True),
        ((component("ServerCertificate"), STASH), SECRET, False),
        ((component("ServerCertificate"), BUCKET), {}, True),
        ((STASH,), ENCRYPTED, True),
        ((STASH,), RECORD, False),
        ((STASH,), {**RECORD, "protect": True}, True),
        ((BUCKET,), {}, True),
        (("random:index/randomPassword:RandomPassword",), {}, True),
        (("tls:index/privateKey:PrivateKey",), {}, True),
        (("some:new/kind:Kind",), {}, True),
        ((CONTAINER,), {}, False),
        ((CONTAINER,), {"protect": True}, True),
        ((CONTAINER,), {"retainOnDelete": True}, True),
        (("docker:index/network:Network",), {}, False),
        (("pulumi:providers:aws",), {}, False),
        ((component("Postgres"),), {"custom": False}, False),
    ],
)
def test_what_has_to_stay(types: tuple[str, ...], more: dict[str, Any], expected: bool) -> None:
    assert is_kept(resource(*types, **more)) is expected


def test_what_stays_is_no_loss() -> None:
    steps = [step("same", VOLUME), step("update", BUCKET, diff_keys=["tags"], detail={"tags.a": "add"})]
    assert losses([resource(VOLUME), resource(BUCKET)], plan(*steps)) == []


def test_a_resource_with_an_alias_is_found() -> None:
    renamed = Step("same", urn(VOLUME, name="y"), State({}, {}, False, urn(VOLUME)), State({}, {}, False))
    assert losses([resource(VOLUME)], plan(renamed)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (step("delete", VOLUME), "delete"),
        (step("replace", VOLUME, replace_keys=["name"]), "replace for its name"),
        (step("create-replacement", VOLUME), "create-replacement"),
        (step("create", VOLUME), "create"),
        (step("an-operation-of-the-future", VOLUME), "an-operation-of-the-future"),
        (step("same", VOLUME, was={"protect": True}), "loses its flag `protect`"),
        (step("update", VOLUME, was={"retain": True}, diff_keys=["tags"]), "loses its flag `retain`"),
        (step("update", VOLUME, diff_keys=["labels"]), "update of labels, "),
        (step("update", VOLUME, detail={'driverOpts["type"]': "update"}), "update of driverOpts, "),
        (step("update", VOLUME), "update of an unknown property, "),
        (step("same", BUCKET), "is not in the plan"),
    ],
)
def test_what_takes_something_away_is_reported(change: Step, said: str) -> None:
    found = losses([resource(VOLUME)], plan(change))
    assert any(text.startswith(f"{VOLUME} x: {said}") for text in found), found


def test_no_update_of_a_secret_is_harmless() -> None:
    [found] = losses([resource(STASH, **SECRET)], plan(step("update", STASH, diff_keys=["input"])))
    assert found.startswith(f"{STASH} x: update of input, ")


def test_an_empty_plan_is_a_loss() -> None:
    assert losses([], plan()) == ["the preview plans nothing"]


def test_a_preview_that_failed_is_a_loss_with_every_reason() -> None:
    preview = plan(step("same", VOLUME))
    preview.failed = True
    assert losses([], preview) == ["the preview fails: for a reason that it does not tell"]
    preview.diagnostics.append(Diagnostic("error", "", "broken"))
    preview.violations = [Violation("DKR-USER", "mandatory", "", "root"), Violation("DKR-HC", "advisory", "", "none")]
    assert losses([], preview) == ["the preview fails: broken", "the preview fails: DKR-USER: root"]


def test_containers_that_are_replaced_or_removed_have_names() -> None:
    steps = [
        step("replace", component("Api"), CONTAINER),
        Step("delete", urn(CONTAINER, name="gone"), State({}, {}, protect=False), None),
        Step("create", urn(CONTAINER, name="new"), None, State({}, {}, protect=False)),
        Step("replace", urn(component("FileVolume"), CONTAINER, name="api-files")),
        Step("replace", urn(VOLUME, name="uploads")),
    ]
    assert recreated(plan(*steps)) == {"x", "gone"}
