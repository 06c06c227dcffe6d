"""Prints every installed package with its pulumi-plugin.json, as one JSON list: the language host runs this text."""

import importlib.metadata
import importlib.util
import json
import re
from pathlib import Path


def plugin_description(name: str) -> object:
    """The pulumi-plugin.json in the module that has the package's name; None where there is none."""
    try:
        spec = importlib.util.find_spec(name.replace("-", "_"))
    except (ImportError, ValueError):
        return None
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder, "pulumi-plugin.json")
        if path.is_file():
            description: object = json.loads(path.read_text(encoding="utf-8"))
            return description
    return None


found: dict[str, tuple[str, str]] = {}
for distribution in importlib.metadata.distributions():
    if name := distribution.metadata["Name"]:
        # Of two packages of one name Python uses the first.
        found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), (name, distribution.version))
packages = [
    {"name": normalised, "version": version, "plugin": plugin_description(name)}
    for normalised, (name, version) in sorted(found.items())
]
print(json.dumps(packages))
