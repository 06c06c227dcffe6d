"""`python -m docs.picture`: draws docs/system.svg from the resource graph of a preview.

Nodes are the containers and data volumes that the program would make, arrows what waits for what;
badges say which networks a container is on. Nothing in it is drawn by hand but the user.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.naming import SYSTEM
from toolchain.engine import environment
from toolchain.steps import ROOT, StepError

DOCS = ROOT / "docs"
SOURCE = DOCS / "system.dot"
PICTURE = DOCS / "system.svg"

COLOURS = {"edge": "#2563eb", "data": "#b45309", "egress": "#7c3aed", "debug": "#6b7280"}


@dataclass
class Node:
    """A container, or a volume where `volume` is true. `after`: names of what it waits for."""

    name: str
    volume: bool = False
    job: bool = False
    limits: str = ""
    networks: list[str] = field(default_factory=list)
    mounts: list[str] = field(default_factory=list)
    published: list[str] = field(default_factory=list)
    after: set[str] = field(default_factory=set)


def nodes(steps: Iterable[Mapping[str, Any]]) -> list[Node]:
    """The containers and data volumes of a preview's steps, without the carriers of files."""
    found = []
    for step in steps:
        state = step.get("newState") or {}
        kind, name = state.get("type", ""), str(step["urn"]).rpartition("::")[2]
        inputs = state.get("inputs", {})
        if kind == "docker:index/volume:Volume" and state.get("protect"):
            found.append(Node(name, volume=True))
        if kind != "docker:index/container:Container" or name.endswith("-files"):
            continue
        found.append(
            Node(
                name,
                job=not inputs["mustRun"],
                limits=f"{float(inputs['cpus']):g} CPU, {inputs['memory']} MB",
                networks=[_last(net["name"]) for net in inputs["networksAdvanced"]],
                mounts=[str(mount["source"]) for mount in inputs["mounts"]],
                published=[f"{port['ip']}:{port['external']}" for port in inputs.get("ports", [])],
                after={
                    str(urn).rpartition("::")[2]
                    for urn in state.get("dependencies", [])
                    if "Container::" in urn and not urn.endswith("-files")
                },
            )
        )
    return sorted(found, key=lambda node: node.name)


def dot(parts: list[Node]) -> str:
    """The picture in Graphviz' language."""
    lines = [
        "digraph system {",
        '  graph [rankdir=LR, fontname="Helvetica", nodesep=0.35, ranksep=0.7, bgcolor="white"];',
        '  node [fontname="Helvetica", fontsize=11, shape=plain];',
        '  edge [fontname="Helvetica", fontsize=9, color="#475569", arrowsize=0.7];',
        '  user [shape=oval, style=filled, fillcolor="#e2e8f0", label="browser"];',
    ]
    volumes = {node.name: node for node in parts if node.volume}
    for node in parts:
        if node.volume:
            lines.append(
                f'  "volume {node.name}" [shape=cylinder, style=filled, fillcolor="#fef3c7", fontsize=10, '
                f'margin=0.1, label="{node.name}"];'
            )
            continue
        lines.append(f'  "{node.name}" [label=<{_card(node)}>];')
        for port in node.published:
            if node.name == "nginx":
                lines.append(f'  user -> "{node.name}" [label="{port}"];')
        lines += [f'  "{node.name}" -> "{first}";' for first in sorted(_direct(node, parts))]
        lines += [
            f'  "{node.name}" -> "volume {volume}" [style=dashed, arrowhead=none];'
            for volume in sorted(volumes)
            if any(mount.endswith(volume) for mount in node.mounts)
        ]
    return "\n".join([*lines, "}", ""])


def _card(node: Node) -> str:
    """The HTML-like label of a container."""
    badges = "".join(
        f'<td bgcolor="{COLOURS[network]}"><font color="white" point-size="9"> {network} </font></td>'
        for network in node.networks
    )
    title = f"<b>{node.name}</b>" + (" <i>(once)</i>" if node.job else "")
    return (
        '<table border="1" cellborder="0" cellspacing="3" cellpadding="2" color="#334155" bgcolor="#f8fafc">'
        f'<tr><td colspan="{len(node.networks)}">{title}</td></tr>'
        f'<tr><td colspan="{len(node.networks)}"><font point-size="9">{node.limits}</font></td></tr>'
        f"<tr>{badges}</tr></table>"
    )


def _direct(node: Node, parts: list[Node]) -> set[str]:
    """What `node` waits for, without what those wait for themselves."""
    by_name = {part.name: part for part in parts}
    indirect: set[str] = set()
    for name in node.after:
        indirect |= by_name[name].after
    return node.after - indirect


def _last(name: str) -> str:
    return name.rpartition("-")[2]


def preview(stack: str, folder: Path, env: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """The steps of a preview of `stack`, whose project is in `folder`.

    Raises:
        StepError: the preview failed.
    """
    result = subprocess.run(
        ["pulumi", "preview", "--json", "--show-sames", "--stack", stack, "--cwd", str(folder)],
        capture_output=True,
        text=True,
        env={**os.environ, **env},
        check=False,
    )
    if result.returncode != 0:
        raise StepError(f"the preview failed\n{result.stdout}{result.stderr}")
    steps: list[Mapping[str, Any]] = json.loads(result.stdout)["steps"]
    return steps


def stamp(source: str) -> str:
    """The line in the SVG that says which source it was drawn from."""
    return f"<!-- {SYSTEM}: drawn from system.dot {hashlib.sha256(source.encode()).hexdigest()} -->"


def main() -> int:
    """Writes both files."""
    source = dot(nodes(preview("dev", ROOT, environment(ROOT / "Pulumi.dev.yaml"))))
    SOURCE.write_text(source)
    drawn = subprocess.run(["dot", "-Tsvg"], input=source, capture_output=True, text=True, check=True).stdout
    PICTURE.write_text(drawn.rstrip() + "\n" + stamp(source) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
