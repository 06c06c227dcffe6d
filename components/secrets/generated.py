"""Secrets that the program makes itself and keeps, encrypted, in the stack's state."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pulumi

from components.core.naming import SYSTEM

#: Bytes of randomness: 256 bits, the size of an AES-256 key and beyond any guessing.
ENTROPY_BYTES = 32


def new_secret() -> str:
    """A random text of 43 URL-safe characters."""
    return secrets.token_urlsafe(ENTROPY_BYTES)


class GeneratedSecret(pulumi.ComponentResource):
    """A random text, `fresh` or another, made on the first `up` and stable from then on.

    Rotate it with `pulumi up --replace URN` of its Stash. `protect` is for a secret without which
    data is lost: it survives `pulumi destroy --exclude-protected`, and can't be rotated by accident.
    """

    value: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        fresh: str | None = None,
        protect: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(f"{SYSTEM}:components:GeneratedSecret", name, None, opts)
        stash = persisted_secret(name, fresh or new_secret(), parent=self, protect=protect)
        self.value = pulumi.Output.secret(stash.output)
        self.register_outputs({})


def persisted_secret(
    name: str,
    fresh: pulumi.Input[Any],
    *,
    parent: pulumi.Resource,
    protect: bool = False,
    renew_with: pulumi.Input[str] | None = None,
) -> pulumi.Stash:
    """A Stash that holds, as a secret, what `fresh` was on the first `up`, and what it is when `renew_with` changes."""
    return pulumi.Stash(
        name,
        input=pulumi.Output.secret(fresh),
        opts=pulumi.ResourceOptions(
            parent=parent,
            protect=protect,
            # Every run offers a fresh value; the one in the state stays.
            ignore_changes=["input"],
            replacement_trigger=renew_with,
            additional_secret_outputs=["input", "output"],
        ),
    )


def secret(key: str, given: frozenset[str], generate: Callable[[], GeneratedSecret]) -> pulumi.Output[str]:
    """The config secret `key` where the stack sets it, else a generated one."""
    if key in given:
        return pulumi.Config().require_secret(key)
    return generate().value
