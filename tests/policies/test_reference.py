"""The page on policies is what the rules say of themselves."""

from __future__ import annotations

import json
import re

import yaml

from policies import config, reference
from policies.config import Entry
from policies.registry import RULES
from policies.waivers import Waiver


def test_the_page_is_current() -> None:
    assert reference.FILE.read_text() == reference.document(), "`make docs` writes it anew"


def test_every_rule_is_on_it() -> None:
    for rule in RULES:
        assert f"\n## {rule.id}\n" in reference.document()


def test_its_examples_are_right() -> None:
    text = reference.INTRODUCTION.read_text()
    (example,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    entries = {
        name: Entry(each) if isinstance(each, str) else Entry(options=each)
        for name, each in json.loads(example).items()
    }
    assert config.parse(entries, RULES).levels
    (waivers,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert [Waiver.model_validate(each).rule for each in yaml.safe_load(waivers)["waivers"]] == ["DKR-MEM"]
