"""The program of a test: the resources that `resources.json` beside it lists, each with its inputs.

In an input, `{"$id": "TYPE::NAME"}` stands for the id of a resource that comes before it in the list,
and `{"$secret": VALUE}` for a value that is marked as secret.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pulumi

# As the project's own program: Python shows no traceback where the engine interrupts it.
sys.excepthook = lambda kind, *rest: None if kind is KeyboardInterrupt else sys.__excepthook__(kind, *rest)

made: dict[str, pulumi.CustomResource] = {}


def resolved(value: Any) -> Any:
    if isinstance(value, list):
        return [resolved(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$id" in value:
        return made[value["$id"]].id
    if "$secret" in value:
        return pulumi.Output.secret(value["$secret"])
    return {key: resolved(item) for key, item in value.items()}


for each in json.loads((Path(__file__).parent / "resources.json").read_text()):
    options = pulumi.ResourceOptions(protect=each["protect"])
    made[f"{each['type']}::{each['name']}"] = pulumi.CustomResource(
        each["type"], each["name"], resolved(each["inputs"]), options
    )
