"""`tt restore` and the job that it asks for choose the same backup, for the same moments."""

from __future__ import annotations

import json

import pytest

from ops.tt import times
from ops.tt.backup.backups import Repository, Target, choose
from ops.tt.errors import RefusedError
from tests.images.conftest import Bench, reference
from tests.unit.ops.tt.backup.test_backups import NOW, TOLD

pytestmark = pytest.mark.docker

#: Around each of the list's moments.
MOMENTS = [
    moment + offset for moment in (1000, 2000, 2200, 2500, 3100, 4000) for offset in (-1, -0.1, 0, 0.1, 0.9, 1, 1.1)
]


def by_tt(moment: float) -> str | None:
    try:
        return choose(Target(time=times.at(moment)), Repository.parse(json.dumps(TOLD)), NOW).label
    except RefusedError:
        return None


def test_both_choose_the_same(bench: Bench) -> None:
    jq = "jq -c --arg set '' --arg major 17 -f /usr/local/share/tasktracker/choose.jq"
    script = "\n".join(f"{jq} --arg time {moment} <<'LIST'\n{json.dumps(TOLD)}\nLIST" for moment in MOMENTS)
    command = ("run", "--rm", "--network=none", "--entrypoint=sh", reference("postgres"), "-c", script)
    answers = [json.loads(line) for line in bench.docker.output(*command).splitlines()]
    by_job = [answer.get("backup", {}).get("label") for answer in answers]
    assert by_job == [by_tt(moment) for moment in MOMENTS]
    assert None in by_job
