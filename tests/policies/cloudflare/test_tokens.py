"""A tunnel's token is in a file."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.cloudflare.destinations import DestinationOptions
from policies.cloudflare.types import ALL_TUNNELS
from policies.evaluate import findings
from policies.rule import Scope
from policies.values import UNKNOWN
from tests.policies.cases import Case, of_each_rule, rule_of, run, run_all
from tests.policies.cloudflare.tunnels import TOKENS, encoded
from tests.policies.compliant import carrier, container
from tests.policies.compliant_cloudflare import (
    TOKEN,
    cloudflared,
    cloudflared_service,
    config,
    token_file,
    tunnel,
    warp_connector,
)

SECRET = (
    Case("CF-SECRET", "passing", "token in a file", (cloudflared(), cloudflared_service(), token_file())),
    Case("CF-SECRET", "passing", "file by variable", (cloudflared({"envs": ["TUNNEL_TOKEN_FILE=/etc/token"]}),)),
    Case("CF-SECRET", "passing", "empty variable", (cloudflared({"envs": ["TUNNEL_TOKEN=", "TUNNEL_TOKEN"]}),)),
    Case("CF-SECRET", "passing", "no secret of the tunnel", (tunnel(), warp_connector({}))),
    Case("CF-SECRET", "passing", "secret that is marked",
         (tunnel({"tunnelSecret": 44 * "A"}, secret=("tunnelSecret",)), tunnel({"secret": "x"}, secret=("",)))),
    Case("CF-SECRET", "passing", "another program's token", (container({"command": ["serve", "--token", "x"]}),)),
    Case("CF-SECRET", "passing", "other base64",
         (container({"envs": [f"A={encoded({'a': 90 * 'x'})}", f"B={90 * 'a'}", f"C={encoded([90 * 'x'])}"]}),)),
    Case("CF-SECRET", "passing", "ingress", (config(),)),
    Case("CF-SECRET", "failing", "plain secret", (tunnel({"tunnelSecret": 44 * "A"}),), ("tunnelSecret",)),
    Case("CF-SECRET", "failing", "flag", (cloudflared({"command": ["tunnel", "run", "--token", TOKEN]}),),
         ("command[2]", "command[3]")),
    Case("CF-SECRET", "failing", "variable", (cloudflared({"envs": [f"TUNNEL_TOKEN={TOKEN}"]}),), ("envs[0]",)),
    Case("CF-SECRET", "failing", "service",
         (cloudflared_service({"env": {"TUNNEL_TOKEN": TOKEN}, "args": ["tunnel", "run", f"--token={TOKEN}"]}),),
         ("taskSpec.containerSpec.env.TUNNEL_TOKEN", "taskSpec.containerSpec.args[2]")),
    *(
        Case("CF-SECRET", "failing", f"older type {type_}", (tunnel({"secret": "x"}, type_=type_),), ("secret",))
        for type_ in ALL_TUNNELS
    ),
    Case("CF-SECRET", "bypass", "secret of a connector", (warp_connector({"tunnelSecret": "x"}),), ("tunnelSecret",)),
    Case("CF-SECRET", "bypass", "another property is marked",
         (tunnel({"tunnelSecret": 44 * "A"}, secret=("name", "tunnelSecretHash")),), ("tunnelSecret",)),
    *(
        Case("CF-SECRET", "bypass", f"token {what} as variable", (container({"envs": ["A=b", f"C={token}"]}),),
             ("envs[1]",))
        for what, token in TOKENS.items()
    ),
    *(
        Case("CF-SECRET", "bypass", f"token {what} as word", (container({"command": ["run", token]}),), ("command[1]",))
        for what, token in TOKENS.items()
    ),
    *(
        Case("CF-SECRET", "bypass", f"flag {' '.join(words)}", (cloudflared({"command": ["tunnel", "run", *words]}),),
             ("command[2]",))
        for words in (["-token", "x"], ["--token=x"], ["-token=x"], ["--credentials-contents", "{}"], ["--token"])
    ),
    Case("CF-SECRET", "bypass", "flag of a program by another name",
         (container({"image": "proxy:1", "command": ["tunnel", "run", "--token", "x"]}),), ("command[2]",)),
    Case("CF-SECRET", "bypass", "flag in a script",
         (container({"command": ["sh", "-c", "exec cloudflared tunnel run --token \"$(cat /etc/token)\""]}),),
         ("command[2]",)),
    Case("CF-SECRET", "bypass", "variable in a script",
         (container({"command": ["sh", "-c", "TUNNEL_TOKEN=x cloudflared tunnel run"]}),), ("command[2]",)),
    Case("CF-SECRET", "bypass", "entrypoint",
         (cloudflared({"entrypoints": ["cloudflared", "tunnel", "run", "--token", "x"], "command": []}),),
         ("entrypoints[3]",)),
    Case("CF-SECRET", "bypass", "health check",
         (cloudflared({"healthcheck.tests": ["CMD-SHELL", f"cloudflared tunnel info {TOKEN}"]}),),
         ("healthcheck.tests[1]",)),
    Case("CF-SECRET", "bypass", "label",
         (container({"labels": [{"label": "service", "value": "nginx"}, {"label": "note", "value": TOKEN}]}),),
         ("labels[1]",)),
    Case("CF-SECRET", "bypass", "name of a variable", (container({"envs": [TOKEN.rstrip("=")]}),), ("envs[0]",)),
    Case("CF-SECRET", "bypass", "value that is marked as secret",
         (cloudflared({"envs": [f"TUNNEL_TOKEN={TOKEN}"]}, secret=("envs",)),), ("envs[0]",)),
    *(
        Case("CF-SECRET", "bypass", f"variable {name}", (container({"envs": [f"{name}=x"]}),), ("envs[0]",))
        for name in ("TUNNEL_CRED_CONTENTS", "TUNNEL_API_CA_KEY", "CLOUDFLARE_API_TOKEN", "CF_API_KEY")
    ),
    Case("CF-SECRET", "bypass", "file that is not marked", (token_file(secret=()),), ("uploads[0].content",)),
    Case("CF-SECRET", "bypass", "file in base64",
         (carrier({"uploads": [{"file": "/t", "contentBase64": base64.b64encode(TOKEN.encode()).decode()}]}),),
         ("uploads[0].contentBase64",)),
    Case("CF-SECRET", "bypass", "a carrier's variable", (carrier({"envs": [f"TUNNEL_TOKEN={TOKEN}"]}),), ("envs[0]",)),
    Case("CF-SECRET", "unknown", "secret of a tunnel", (tunnel({"tunnelSecret": UNKNOWN}),)),
    Case("CF-SECRET", "unknown", "everything",
         (cloudflared(dict.fromkeys(("command", "envs", "labels", "uploads", "image"), UNKNOWN)),)),
    Case("CF-SECRET", "unknown", "one word and one variable",
         (cloudflared({"command": ["tunnel", "run", "--token", UNKNOWN], "envs": [UNKNOWN, "TUNNEL_TOKEN=x"]}),),
         ("command[2]", "envs[1]")),
    Case("CF-SECRET", "unknown", "value of a forbidden variable",
         (cloudflared_service({"env": {"TUNNEL_TOKEN": UNKNOWN}}),), ("taskSpec.containerSpec.env.TUNNEL_TOKEN",)),
    Case("CF-SECRET", "unknown", "upload", (token_file({"uploads": [UNKNOWN, {"content": UNKNOWN}]}),)),
)  # fmt: skip


@pytest.mark.parametrize("case", [case for case in SECRET if case.found], ids=str)
def test_no_finding_shows_a_secret(case: Case) -> None:
    shown = "".join(f"{found.value}{found.allowed}" for found in run(case))
    assert TOKEN[:20] not in shown
    assert 44 * "A" not in shown


def test_no_command_shows_a_token() -> None:
    found = run(Case("CF-SRC", "failing", "", (cloudflared({"command": [TOKEN]}),), ("command[0]",)))
    assert found[0].value == "a tunnel's token"


@given(
    st.fixed_dictionaries({"a": st.text(), "t": st.uuids().map(str), "s": st.binary(min_size=32).map(
        lambda secret: base64.b64encode(secret).decode())}),
    st.text(alphabet="=:,; '\"", max_size=3),
    st.sampled_from([None, 2]),
)  # fmt: skip
def test_any_token_is_found(content: dict[str, str], around: str, indent: int | None) -> None:
    resource = container({"envs": [f"ANY={around}{encoded(content, indent)}{around}"]})
    assert [each.path for each in findings(rule_of("CF-SECRET"), (resource,), Scope(DestinationOptions()))] == [
        "envs[0]"
    ]


CASES = SECRET


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
