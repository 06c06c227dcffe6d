"""Which user and groups a container runs as."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import example, given
from hypothesis import strategies as st

from policies.docker.isolation.user import MAX_ID
from policies.values import UNKNOWN
from tests.policies.cases import Case, Kind, of_each_rule, run, run_all
from tests.policies.compliant import UNSET, carrier, container, service
from tests.policies.docker.isolation.test_security_options import SPEC


def _user(kind: Kind, what: str, user: object) -> tuple[Case, ...]:
    """The same user in a container, in a carrier and in a service."""
    passes = kind in ("passing", "unknown")
    path = f"{SPEC}.user"
    return (
        Case("DKR-USER", kind, f"{what} container", (container({"user": user}),), () if passes else ("user",)),
        Case("DKR-USER", kind, f"{what} carrier", (carrier({"user": user}),), () if passes else ("user",)),
        Case("DKR-USER", kind, f"{what} service", (service({path: user}),), () if passes else (path,)),
    )


USER = (
    *_user("passing", "given", "10003:10003"),
    *_user("passing", "highest", f"{MAX_ID}:{MAX_ID}"),
    *_user("passing", "leading zeros", "01000:01000"),
    *_user("failing", "unset", UNSET),
    *_user("failing", "root", "root"),
    *_user("failing", "zero", "0:0"),
    *_user("failing", "no group", "1000"),
    *_user("bypass", "null", None),
    *_user("bypass", "empty", ""),
    *_user("bypass", "root group", "1000:0"),
    *_user("bypass", "root user", "0:1000"),
    *_user("bypass", "zero with zeros", "000:1000"),
    *_user("bypass", "signed zero", "-0:1000"),
    *_user("bypass", "plus sign", "+0:1000"),
    *_user("bypass", "negative", "-1:-1"),
    *_user("bypass", "names", "app:app"),
    *_user("bypass", "group by name", "1000:root"),
    *_user("bypass", "empty group", "1000:"),
    *_user("bypass", "empty user", ":1000"),
    *_user("bypass", "only a colon", ":"),
    *_user("bypass", "three parts", "1000:1000:0"),
    *_user("bypass", "leading space", " 1000:1000"),
    *_user("bypass", "trailing newline", "1000:1000\n"),
    *_user("bypass", "hexadecimal zero", "0x0:1000"),
    *_user("bypass", "underscore", "1_000:1000"),
    *_user("bypass", "other digits", "\u0661\u0660:\u0661\u0660"),
    *_user("bypass", "superscript", "\u00b9:\u00b9"),
    *_user("bypass", "fraction", "0.5:0.5"),
    *_user("bypass", "wraps to zero", f"{2**32}:{2**32}"),
    *_user("bypass", "above the highest", f"{MAX_ID + 1}:1000"),
    *_user("bypass", "a very long number", f"{'9' * 5000}:1000"),
    *_user("bypass", "number", 1000.0),
    *_user("bypass", "zero as number", 0.0),
    *_user("bypass", "boolean", True),
    *_user("bypass", "list", ["1000:1000"]),
    *_user("unknown", "unknown", UNKNOWN),
    Case("DKR-USER", "passing", "group numbers", (container({"groupAdds": ["20001", "20002"]}),)),
    Case("DKR-USER", "passing", "group as a number", (container({"groupAdds": [20001.0]}),)),
    Case("DKR-USER", "failing", "root group by name", (container({"groupAdds": ["root"]}),), ("groupAdds[0]",)),
    Case("DKR-USER", "failing", "docker group", (container({"groupAdds": ["20001", "docker"]}),), ("groupAdds[1]",)),
    Case("DKR-USER", "failing", "root group", (container({"groupAdds": ["0"]}),), ("groupAdds[0]",)),
    Case("DKR-USER", "bypass", "group of zeros", (container({"groupAdds": ["000"]}),), ("groupAdds[0]",)),
    Case("DKR-USER", "bypass", "group zero as number", (container({"groupAdds": [0.0]}),), ("groupAdds[0]",)),
    Case(
        "DKR-USER",
        "bypass",
        "signed group",
        (container({"groupAdds": ["+0", "-0"]}),),
        ("groupAdds[0]", "groupAdds[1]"),
    ),
    Case("DKR-USER", "bypass", "group with space", (container({"groupAdds": [" 0"]}),), ("groupAdds[0]",)),
    Case("DKR-USER", "bypass", "no list", (container({"groupAdds": "docker"}),), ("groupAdds",)),
    Case("DKR-USER", "bypass", "carrier's group", (carrier({"groupAdds": ["disk"]}),), ("groupAdds[0]",)),
    Case("DKR-USER", "bypass", "service's group", (service({f"{SPEC}.groups": ["0"]}),), (f"{SPEC}.groups[0]",)),
    Case("DKR-USER", "unknown", "groups", (container({"groupAdds": UNKNOWN}),)),
    Case("DKR-USER", "unknown", "one of the groups", (container({"groupAdds": [UNKNOWN, "0"]}),), ("groupAdds[1]",)),
)

IDS = st.integers(1, MAX_ID)
NOT_IDS = st.one_of(
    st.integers(max_value=0), st.integers(min_value=MAX_ID + 1), st.text(st.characters(blacklist_categories=["Nd"]))
)


@given(IDS, IDS, st.integers(0, 5), st.integers(0, 5))
def test_every_numeric_user_and_group_pass(user: int, group: int, zeros: int, more_zeros: int) -> None:
    written = f"{'0' * zeros}{user}:{'0' * more_zeros}{group}"
    run(Case("DKR-USER", "passing", "any", (container({"user": written, "groupAdds": [str(group)]}),)))


@given(st.one_of(IDS, NOT_IDS), NOT_IDS, st.booleans())
@example("1", "", False)
@example(1, "1:0", True)
def test_no_other_user_or_group_passes(one: int | str, other: int | str, swap: bool) -> None:
    user, group = (other, one) if swap else (one, other)
    run(Case("DKR-USER", "failing", "any", (container({"user": f"{user}:{group}"}),), ("user",)))


@given(st.text())
def test_a_text_passes_only_as_two_ids(user: str) -> None:
    first, _, second = user.partition(":")
    both = all(part.isascii() and part.isdigit() and 0 < int(part) <= MAX_ID for part in (first, second))
    run(Case("DKR-USER", "unknown", "any", (container({"user": user}),), () if both else ("user",)))


CASES = USER


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
