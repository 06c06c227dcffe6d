"""The program of a test: the real one, where resources are changed on their way to the engine.

`changes.json` beside it has them: type, name, and changed inputs (null takes one away); with `added`, it is one more.
"""

import json
import runpy
from pathlib import Path

import pulumi

FOLDER = Path(__file__).parent

changes = json.loads((FOLDER / "changes.json").read_text())


def apply(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    inputs = [change["inputs"] for change in changes if (change["type"], change["name"]) == (args.type_, args.name)]
    if not inputs:
        return None
    props = dict(args.props)
    for each in inputs:
        props.update(each)
    return pulumi.ResourceTransformResult({key: value for key, value in props.items() if value is not None}, args.opts)


pulumi.runtime.register_resource_transform(apply)
for change in changes:
    if change["added"]:
        pulumi.CustomResource(change["type"], change["name"], change["inputs"])
runpy.run_path(str((FOLDER / "program.py").resolve()), run_name="__main__")
