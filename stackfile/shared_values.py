"""Values of a stack file that several keys share, by aliases and merge keys of YAML: no edit may change one of them."""

from __future__ import annotations

import yaml
from yaml.error import Mark


class EditError(Exception):
    """The text can't be changed as asked; the message says which key is in the way."""


def refuse_aliases(text: str) -> None:
    """Refuses a text in which any value is written elsewhere.

    Raises:
        EditError: with the place of an alias or a merge key.
    """
    for token in _tokens(text):
        if isinstance(token, yaml.AliasToken):
            raise _is_alias(token)
        if isinstance(token, yaml.ScalarToken) and token.value == "<<":
            raise _is_merge_key(token.start_mark)


def check_own(text: str, root: yaml.MappingNode, path: tuple[str, ...], *, whole: bool) -> None:
    """Checks that an edit at `path` changes no other key: nothing on the way there is an alias or has one.

    With `whole`, nothing in the value that is there has one either, as where it is removed or replaced.

    Raises:
        EditError: with the place of an alias, a merge key or an anchor.
    """
    tokens = list(_tokens(text))
    aliased = {token.value for token in tokens if isinstance(token, yaml.AliasToken)}
    anchors = [token for token in tokens if isinstance(token, yaml.AnchorToken) and token.value in aliased]
    node: yaml.Node = root
    for depth, name in enumerate(path, 1):
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        for key, _ in pairs:
            if key.value == "<<":
                raise _is_merge_key(key.start_mark)
        found = next(((key, value) for key, value in pairs if key.value == name), None)
        if found is None:
            return
        key, node = found
        start, end = node.start_mark.index, node.end_mark.index
        if start < key.start_mark.index:
            # It is where its anchor is.
            raise _is_alias(
                next(t for t in tokens if isinstance(t, yaml.AliasToken) and t.start_mark.index > key.start_mark.index)
            )
        within = end if whole and depth == len(path) else start + 1
        for anchor in anchors:
            if start <= anchor.start_mark.index < within:
                raise EditError(
                    f"{_place(anchor.start_mark)}: &{anchor.value} is the value of other keys too: write the values "
                    "themselves"
                )


def _tokens(text: str) -> list[yaml.Token]:
    return list(yaml.scan(text, Loader=yaml.SafeLoader))


def _is_alias(token: yaml.AliasToken) -> EditError:
    return EditError(f"{_place(token.start_mark)}: *{token.value} is an alias: write the values themselves")


def _is_merge_key(mark: Mark) -> EditError:
    return EditError(f"{_place(mark)}: << is a merge key: write the keys themselves")


def _place(mark: Mark) -> str:
    return f"{mark.line + 1}:{mark.column + 1}"
