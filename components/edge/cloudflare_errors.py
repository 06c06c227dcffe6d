"""What Cloudflare's API says, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

#: By the code in an answer of the API.
ADVICE = (
    (
        '"code":1013',
        "There is a tunnel of this name that this stack didn't make, or that was deleted while it was in use and is"
        " still there. Delete it in Cloudflare's dashboard (Networks, Tunnels), and run `pulumi up` again.",
    ),
    (
        '"code":7003',
        "Cloudflare knows no such account or zone: check tasktracker:tunnel.account_id and tasktracker:tunnel.zone_id.",
    ),
    (
        '"code":9109',
        "The token is not valid, or not for this account or zone: check tasktracker:tunnel.account_id,"
        " tasktracker:tunnel.zone_id and the secret tasktracker:cloudflare_api_token.",
    ),
    (
        '"code":10000',
        "The token may not do this: it needs Cloudflare Tunnel: Edit of the account and DNS: Edit of the zone, and with"
        " tasktracker:tunnel.administrators also Access: Apps and Policies: Edit. Or tasktracker:tunnel.account_id"
        " is not the account that it is for.",
    ),
    (
        '"code":1016',
        "The token may not do this: for a certificate of the Origin CA it needs SSL and Certificates: Edit of the zone"
        " that tasktracker:domain is in. Or that zone is not in the token's account: check tasktracker:domain.",
    ),
    (
        '"code":8105',
        "The host name has a DNS record that this stack didn't make. Delete that in Cloudflare's dashboard (DNS,"
        " Records), and run `pulumi up` again.",
    ),
)


def advice(errors: Sequence[str]) -> list[str]:
    """What to do about what Cloudflare's API said, as far as it is known."""
    said = "\n".join(errors).replace('": ', '":')
    return [text for code, text in ADVICE if code in said]


def advising(name: str) -> pulumi.ResourceHookBinding:
    """Hooks that say what to do about an error of Cloudflare's API. `name` is their own."""

    async def advise(args: pulumi.ErrorHookArgs) -> bool:
        for text in advice(list(args.errors)):
            pulumi.log.error(f"{args.name}: {text}")
        return False

    return pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook(f"advise-{name}", advise)])
