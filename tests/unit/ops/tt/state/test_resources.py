"""What is found in the resources of a state."""

from __future__ import annotations

from ops.tt.state.resources import data_volume_urns


def test_a_data_volume_is_found_with_its_component() -> None:
    component = "urn:pulumi:dev::tasktracker::tasktracker:components:Platform$tasktracker:components:DataVolume"
    resources = [
        {"type": type_, "urn": f"{urn}::{name}", "outputs": {"name": f"tasktracker-dev-{name}"}}
        for name in ("postgres-data", "postgres-data-12", "uploads")
        for type_, urn in (
            ("tasktracker:components:DataVolume", component),
            ("docker:index/volume:Volume", f"{component}$docker:index/volume:Volume"),
        )
    ]
    assert data_volume_urns(resources, "tasktracker-dev-postgres-data") == [
        f"{component}::postgres-data",
        f"{component}$docker:index/volume:Volume::postgres-data",
    ]
