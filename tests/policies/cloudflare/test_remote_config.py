"""A tunnel gets its config from Cloudflare."""

from __future__ import annotations

from collections.abc import Sequence

from policies.cloudflare.types import ALL_TUNNELS
from policies.values import UNKNOWN
from tests.policies.cases import Case, of_each_rule, run_all
from tests.policies.compliant import UNSET, carrier, container
from tests.policies.compliant_cloudflare import TUNNEL_ID, cloudflared, cloudflared_service, config, token_file, tunnel

SOURCE = (
    Case("CF-SRC", "passing", "remote", (tunnel(), config())),
    Case("CF-SRC", "passing", "source unset", (config({"source": UNSET}),)),
    Case("CF-SRC", "passing", "container", (cloudflared(), cloudflared_service(), token_file())),
    Case("CF-SRC", "passing", "another program", (container({"command": ["prometheus", "--config", "/x"]}),)),
    Case("CF-SRC", "passing", "what only speaks of it",
         (container({"command": ["scrape", "http://cloudflared:2000"], "envs": ["SCRAPE=cloudflared:2000"]}),)),
    *(
        Case("CF-SRC", "passing", f"command {' '.join(command)}", (cloudflared({"command": command}),))
        for command in (
            ["tunnel", "run"], ["cloudflared", "tunnel", "run"], ["/usr/local/bin/cloudflared", "tunnel", "run"],
            ["tini", "--", "cloudflared", "--no-autoupdate", "tunnel", "run", "--token-file=/etc/token"],
            ["tunnel", "--loglevel", "debug", "--metrics", "0.0.0.0:2000", "run", "--protocol", "http2", TUNNEL_ID],
            ["tunnel", "-p", "quic", "--edge-ip-version=auto", "run", "-token-file", "run"],
        )
    ),
    Case("CF-SRC", "passing", "entrypoint",
         (cloudflared({"entrypoints": ["cloudflared", "--no-autoupdate"], "command": ["tunnel", "run"]}),)),
    Case("CF-SRC", "passing", "entrypoint with an init",
         (cloudflared({"entrypoints": ["/sbin/tini", "-g", "--", "cloudflared"], "command": ["tunnel", "run"]}),)),
    Case("CF-SRC", "passing", "plain variables",
         (cloudflared({"envs": ["TUNNEL_TOKEN_FILE=/etc/token", "TUNNEL_METRICS=:2000", "TZ=UTC"]}),)),
    Case("CF-SRC", "failing", "local", (tunnel({"configSrc": "local"}),), ("configSrc",)),
    Case("CF-SRC", "failing", "unset is local", (tunnel({"configSrc": UNSET}),), ("configSrc",)),
    Case("CF-SRC", "failing", "local config", (config({"source": "local"}),), ("source",)),
    *(
        Case("CF-SRC", "failing", f"older type {type_}", (tunnel({"configSrc": UNSET}, type_=type_),), ("configSrc",))
        for type_ in ALL_TUNNELS
    ),
    *(
        Case("CF-SRC", "bypass", f"configSrc {value!r}", (tunnel({"configSrc": value}),), ("configSrc",))
        for value in ("", None, "Cloudflare", "cloudflare ", True, ["cloudflare"])
    ),
    Case("CF-SRC", "failing", "no command", (cloudflared({"command": UNSET}),), ("command",)),
    Case("CF-SRC", "failing", "no run", (cloudflared({"command": ["tunnel"]}),), ("command",)),
    Case("CF-SRC", "failing", "a quick tunnel", (cloudflared({"command": ["tunnel", "--url", "http://api:8000"]}),),
         ("command[1]",)),
    *(
        Case("CF-SRC", "bypass", f"flag {' '.join(words)}", (cloudflared({"command": ["tunnel", *words, "run"]}),),
             ("command[1]",))
        for words in (
            ["--config", "/etc/x.yml"], ["--config=/etc/x.yml"], ["-config", "/etc/x.yml"], ["--url=http://postgres"],
            ["--hello-world"], ["--unix-socket", "/var/run/docker.sock"], ["--bastion"], ["--socks5"], ["--ssh-server"],
            ["--hostname", "a.example.com"], ["--name", "x"], ["-n", "x"], ["--proxy-address", "0.0.0.0"],
            ["--edge", "evil:7844"], ["--api-url", "https://evil"], ["--cacert", "/x"], ["--management-hostname", "x"],
            ["--quick-service", "x"], ["---url=x"], ["--URL=x"], ["--f"],
        )
    ),
    *(
        Case("CF-SRC", "bypass", f"flag after run {' '.join(words)}",
             (cloudflared({"command": ["tunnel", "run", *words]}),), ("command[2]",))
        for words in (["--url", "http://postgres"], ["--config", "/x"], ["--hello-world"], ["--unix-socket=/x"])
    ),
    *(
        Case("CF-SRC", "bypass", f"command {' '.join(command)}", (cloudflared({"command": command}),), (found,))
        for command, found in (
            (["access", "tcp", "run"], "command[0]"), (["proxy-dns"], "command[0]"),
            (["service", "install"], "command[0]"), (["run", "tunnel"], "command[0]"),
            (["tunnel", "list", "run"], "command[1]"), (["version"], "command[0]"),
            (["tunnel", "--loglevel", "run"], "command"), (["Tunnel", "run"], "command[0]"),
            (["sh", "-c", "cloudflared tunnel run"], "command[0]"),
            (["/bin/sh", "cloudflared", "tunnel", "run"], "command[0]"),
            (["env", "TUNNEL_URL=http://x", "cloudflared", "tunnel", "run"], "command[0]"),
        )
    ),
    Case("CF-SRC", "bypass", "an entrypoint of another kind",
         (cloudflared({"entrypoints": ["/entrypoint.sh"], "command": ["tunnel", "run"]}),), ("entrypoints[0]",)),
    Case("CF-SRC", "bypass", "a shell as entrypoint",
         (cloudflared({"entrypoints": ["sh", "-c"], "command": ["cloudflared tunnel run --config /x"]}),),
         ("entrypoints[0]",)),
    Case("CF-SRC", "bypass", "image by another name",
         (container({"image": "proxy:1", "command": ["/opt/cloudflared", "tunnel", "--hello-world"]}),),
         ("command[2]",)),
    Case("CF-SRC", "bypass", "image and program by another name",
         (container({"image": "proxy:1", "command": ["tunnel", "run", "--config", "/x"]}),), ("command[2]",)),
    Case("CF-SRC", "bypass", "known by its variables alone",
         (container({"image": "proxy:1", "command": ["tunnel"], "envs": ["TUNNEL_URL=http://x"]}),),
         ("command", "envs[0]")),
    *(
        Case("CF-SRC", "bypass", f"variable {name}", (cloudflared({"envs": [f"{name}=x"]}),), ("envs[0]",))
        for name in ("TUNNEL_URL", "TUNNEL_HELLO_WORLD", "TUNNEL_UNIX_SOCKET", "TUNNEL_BASTION", "TUNNEL_SOCKS",
                     "TUNNEL_HOSTNAME", "TUNNEL_NAME", "TUNNEL_EDGE", "TUNNEL_API_URL", "TUNNEL_SSH_SERVER")
    ),
    Case("CF-SRC", "bypass", "variable of a service", (cloudflared_service({"env": {"TUNNEL_URL": "x"}}),),
         ("taskSpec.containerSpec.env.TUNNEL_URL",)),
    Case("CF-SRC", "bypass", "command of a service", (cloudflared_service({"args": ["tunnel"]}),),
         ("taskSpec.containerSpec.args",)),
    *(
        Case("CF-SRC", "bypass", f"config file {file}", (carrier({"uploads": [{"file": file, "content": "x"}]}),),
             ("uploads[0].file",))
        for file in ("/etc/cloudflared/config.yml", "/etc//cloudflared/./config.yaml", "/root/.cloudflared/config.yml",
                     "/usr/local/etc/cloudflared/x/../config.yml", "/home/nonroot/cloudflare-warp/config.yaml")
    ),
    Case("CF-SRC", "unknown", "configSrc", (tunnel({"configSrc": UNKNOWN}), config({"source": UNKNOWN}))),
    Case("CF-SRC", "unknown", "command", (cloudflared({"command": [UNKNOWN]}),)),
    Case("CF-SRC", "unknown", "image", (container({"image": UNKNOWN, "command": ["serve", "--config", "x"]}),)),
    Case("CF-SRC", "unknown", "a flag's value",
         (cloudflared({"command": ["tunnel", "run", "--token-file", UNKNOWN]}),)),
    Case("CF-SRC", "unknown", "what is known of the rest",
         (cloudflared({"command": [UNKNOWN, "run", "--url", UNKNOWN], "envs": [UNKNOWN, "TUNNEL_URL=x"]}),),
         ("command[2]", "envs[1]")),
    Case("CF-SRC", "unknown", "entrypoint", (cloudflared({"entrypoints": [UNKNOWN], "command": ["tunnel", "run"]}),)),
)  # fmt: skip


CASES = SOURCE


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
