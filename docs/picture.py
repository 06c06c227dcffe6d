"""`python -m docs.picture`: draws docs/system.svg, which is dev, docs/system-prod.svg and docs/networks-prod.svg.

They are drawn from the resource graphs of previews. Nodes are the containers and data volumes that the program would
make, and what it has in clouds; arrows say what waits for what, badges which networks a container is on. Nothing in
it is drawn by hand but the user.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.core.naming import SYSTEM
from settings.releases import SLOTS

# The clouds of prod's preview are fakes, which are for tests.
from tests.e2e.support.prod import prod_stack
from toolchain.process.steps import ROOT, StepError
from toolchain.pulumi_engine.engine import environment
from toolchain.targets.preview import environment_for_preview

DOCS = ROOT / "docs"

#: Names of the files, with no ending.
DEV, PROD, PROD_NETWORKS = PICTURES = ("system", "system-prod", "networks-prod")

#: Resources in clouds that stand for all that belongs to them, and who runs them.
CLOUDS = {
    "aws:s3/bucket:Bucket": "AWS S3",
    "cloudflare:index/zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig": "Cloudflare",
}

#: Beside the numbers of the tests' stacks; nothing of prod's is made.
NUMBER = 84

COLOURS = {"edge": "#2563eb", "data": "#b45309", "egress": "#7c3aed", "debug": "#6b7280"}

#: Networks that stand below their containers in the picture of networks; the others stand above.
BELOW = ("data", "debug")


@dataclass
class Node:
    """A container, a volume where `volume` is true, or what `cloud` runs. `after`: names of what it waits for."""

    name: str
    volume: bool = False
    cloud: str = ""
    job: bool = False
    limits: str = ""
    networks: list[str] = field(default_factory=list)
    mounts: list[str] = field(default_factory=list)
    published: list[str] = field(default_factory=list)
    """Where users reach it: an address and port of the host, or a host name."""
    after: set[str] = field(default_factory=set)


def nodes(steps: Iterable[Mapping[str, Any]]) -> list[Node]:
    """The containers and data volumes of a preview's steps, without the carriers of files, and what is in clouds."""
    found = []
    for step in steps:
        state = step.get("newState") or {}
        kind, name = state.get("type", ""), _name(step["urn"])
        inputs = state.get("inputs", {})
        if kind in CLOUDS:
            rules = inputs.get("config", {}).get("ingresses", [])
            hosts = [str(rule["hostname"]) for rule in rules if "hostname" in rule]
            found.append(Node(name, cloud=CLOUDS[kind], published=hosts))
        if kind == "docker:index/volume:Volume" and state.get("protect"):
            found.append(Node(name, volume=True))
        if kind != "docker:index/container:Container" or name.endswith("-files"):
            continue
        found.append(
            Node(
                name,
                job=not inputs.get("healthcheck"),
                limits=f"{float(inputs['cpus']):g} CPU, {inputs['memory']} MB",
                networks=[_last(net["name"]) for net in inputs["networksAdvanced"]],
                mounts=[str(mount["source"]) for mount in inputs["mounts"]],
                published=[f"{port['ip']}:{port['external']}" for port in inputs.get("ports", [])],
                after={
                    _name(urn)
                    for urn in state.get("dependencies", [])
                    if _type(urn) in CLOUDS or ("Container::" in urn and not urn.endswith("-files"))
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
        if node.cloud:
            lines.append(
                f'  "{node.name}" [shape=box, style="rounded,filled", fillcolor="#dcfce7", margin=0.15, '
                f'label="{node.cloud}\\n{node.name.rpartition(" ")[2]}"];'
            )
        else:
            lines.append(f'  "{node.name}" [label=<{_card(node)}>];')
        if node.name == "nginx" or node.cloud:
            lines += [f'  user -> "{node.name}" [label="{where}"];' for where in node.published]
        lines += [f'  "{node.name}" -> "{first}";' for first in sorted(_direct(node, parts))]
        lines += [
            f'  "{node.name}" -> "volume {volume}" [style=dashed, arrowhead=none];'
            for volume in sorted(volumes)
            if any(mount.endswith(volume) for mount in node.mounts)
        ]
    return "\n".join([*lines, "}", ""])


def networks_dot(parts: list[Node]) -> str:
    """The picture of networks, and of the containers on each, in Graphviz' language."""
    lines = [
        "graph networks {",
        '  graph [fontname="Helvetica", nodesep=0.25, ranksep=0.9, bgcolor="white"];',
        '  node [fontname="Helvetica", fontsize=11, shape=box, style=filled, fillcolor="#f8fafc", color="#334155"];',
        "  edge [penwidth=2];",
    ]
    for network in (each for each in COLOURS if any(each in node.networks for node in parts)):
        colour = COLOURS[network]
        lines.append(
            f'  "network {network}" [label="{network}", style="filled,rounded", width=2.5, fontcolor=white, '
            f'color="{colour}", fillcolor="{colour}"];'
        )
        for node in (each for each in parts if network in each.networks):
            ends = (f'"{node.name}"', f'"network {network}"')
            upper, lower = ends if network in BELOW else ends[::-1]
            lines.append(f'  {upper} -- {lower} [color="{colour}"];')
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


def _name(urn: str) -> str:
    """The name of a node: a resource's own, without its slot. What is in a cloud may have that of a container too."""
    name = re.sub(f"-({'|'.join(SLOTS)})$", "", str(urn).rpartition("::")[2])
    return f"{CLOUDS[_type(urn)]} {name}" if _type(urn) in CLOUDS else name


def _type(urn: str) -> str:
    return str(urn).split("::")[2].rpartition("$")[2]


def _last(name: str) -> str:
    return name.rpartition("-")[2]


def preview(stack: str, folder: Path, env: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """The steps of a preview of `stack`, whose project is in `folder`.

    Raises:
        StepError: the preview failed.
    """
    with environment_for_preview({**os.environ, **env}) as variables:
        result = subprocess.run(
            ["pulumi", "preview", "--json", "--show-sames", "--stack", stack, "--cwd", str(folder)],
            capture_output=True,
            text=True,
            env=variables,
            check=False,
        )
    if result.returncode != 0:
        raise StepError(f"the preview failed\n{result.stdout}{result.stderr}")
    steps: list[Mapping[str, Any]] = json.loads(result.stdout)["steps"]
    return steps


def source(name: str) -> Path:
    """The file with a picture in Graphviz' language."""
    return DOCS / f"{name}.dot"


def picture(name: str) -> Path:
    """The drawn one."""
    return DOCS / f"{name}.svg"


def stamp(name: str) -> str:
    """The line in the SVG that says which source it was drawn from."""
    text = source(name).read_text()
    return f"<!-- {SYSTEM}: drawn from {source(name).name} {hashlib.sha256(text.encode()).hexdigest()} -->"


def of_prod(folder: Path) -> dict[str, str]:
    """prod's pictures in Graphviz' language, from a preview of a stack that is made in `folder` for that."""
    with prod_stack(folder, NUMBER) as (stack, _):
        parts = nodes(preview(stack.name, stack.folder, stack.env))
    return {PROD: dot(parts), PROD_NETWORKS: networks_dot(parts)}


def main() -> int:
    """Writes all the files."""
    drawings = {DEV: dot(nodes(preview("dev", ROOT, environment())))}
    with tempfile.TemporaryDirectory() as folder:
        drawings |= of_prod(Path(folder) / "stack")
    for name, text in drawings.items():
        source(name).write_text(text)
        drawn = subprocess.run(["dot", "-Tsvg"], input=text, capture_output=True, text=True, check=True).stdout
        picture(name).write_text(drawn.rstrip() + "\n" + stamp(name) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
