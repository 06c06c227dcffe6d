"""What tells one release from another."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from components.runtime.recipe import RECIPE
from components.spec.container import ContainerSpec

#: Hexadecimal digits of a release's id.
LENGTH = 12


def release_id(key: str, specs: Sequence[ContainerSpec], secrets: Mapping[str, str]) -> str:
    """A digest of all that the containers of a release are made of, whichever slot it runs in.

    `specs` are those of one slot, always the same one. `secrets` are the config secrets that they are given; the digest
    is one under a secret `key`, so that it tells nothing of them. Secrets that the program makes are not part of it.
    """
    text = json.dumps([RECIPE, [asdict(spec) for spec in specs], dict(secrets)], sort_keys=True)
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()[:LENGTH]
