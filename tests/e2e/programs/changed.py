"""The program of a test: the real one, where one resource is changed on its way to the engine.

`change.json` beside it says which: its type, its name, and its changed inputs (null takes one away);
with `added`, it is one more.
"""

import json
import runpy
from pathlib import Path

import pulumi

FOLDER = Path(__file__).parent

change = json.loads((FOLDER / "change.json").read_text())


def apply(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    if (args.type_, args.name) != (change.get("type"), change.get("name")):
        return None
    props = {**args.props, **change["inputs"]}
    return pulumi.ResourceTransformResult({key: value for key, value in props.items() if value is not None}, args.opts)


pulumi.runtime.register_resource_transform(apply)
if change.get("added"):
    pulumi.CustomResource(change["type"], change["name"], change["inputs"])
runpy.run_path(str((FOLDER / "program.py").resolve()), run_name="__main__")
