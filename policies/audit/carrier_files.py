"""The files that carriers brought to a host: which are there, and which are not as they were brought.

Contents stay in the memory of this process, and only for as long as they are read.
"""

from __future__ import annotations

import hashlib
import io
import json
import posixpath
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import docker

from policies.audit.inspection.values import name_of, objects
from policies.containers import CONTAINER
from policies.values import SECRET_SIGNATURE, SIGNATURE, UNKNOWN, entries

#: What is not as it was made: a property, how, and the commands that restore it.
Found = tuple[str, str, str]


def file_changes(
    carrier: Mapping[str, Any],
    asked: Mapping[str, Any],
    found: Mapping[str, str],
    inspected: Mapping[tuple[str, str], Mapping[str, Any]],
    stack: str,
) -> Iterator[Found]:
    """The files of a volume. Names are shown, and of contents only that they differ."""
    name = name_of(carrier)
    mounted = {str(entries(mount).get("Name")) for mount in carrier.get("Mounts") or ()}
    users = sorted(
        name_of(other)
        for (type_, _), other in inspected.items()
        if type_ == CONTAINER and other is not carrier
        and mounted & {str(entries(mount).get("Name")) for mount in other.get("Mounts") or ()}
    )  # fmt: skip
    containers = " ".join([*users, name])
    fix = (
        f"`docker stop {containers}; docker rm {containers} && docker volume rm {' '.join(sorted(mounted))}`, then "
        f"`make up STACK={stack}` brings the files again"
    )
    brought = {posixpath.basename(str(each.get("file"))): each for each in objects(asked.get("uploads"))}
    for file, upload in sorted(brought.items()):
        content = upload.get("content")
        if file not in found:
            yield "files", f"the file {file} is gone", fix
        elif isinstance(content, str) and found[file] != hashlib.sha256(content.encode()).hexdigest():
            yield "files", f"the file {file} has another content", fix
    for file in sorted(found.keys() - brought.keys()):
        yield "files", f"the file {file} was not brought by the program", fix


def read_files(api: Any, resources: Mapping[tuple[str, str], Mapping[str, Any]]) -> dict[str, dict[str, str]]:  # noqa: ANN401 - the client's types are incomplete
    """The digests (SHA-256) of the files that each carrier of a state brought, by its id and their names.

    Contents stay in the memory of this process, and only for as long as they are read.
    """
    found: dict[str, dict[str, str]] = {}
    for (type_, id_), known in resources.items():
        uploads = objects(entries(plain_inputs(known.get("inputs"))).get("uploads"))
        if type_ != CONTAINER or known.get("delete") or not uploads:
            continue
        folder = posixpath.dirname(str(uploads[0].get("file")))
        try:
            chunks, _ = api.get_archive(id_, folder)
        except docker.errors.NotFound:
            # The carrier itself is missing, which is another finding, or its folder is.
            continue
        found[id_] = dict(_digests(chunks))
    return found


def _digests(chunks: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        for member in archive.getmembers():
            content = archive.extractfile(member)
            if content is not None:
                yield posixpath.basename(member.name), hashlib.sha256(content.read()).hexdigest()


def are_readable(resources: Mapping[tuple[str, str], Mapping[str, Any]]) -> bool:
    """Whether the state has the contents of secret files, as `pulumi stack export --show-secrets` writes them."""
    uploads = [entries(plain_inputs(known.get("inputs"))).get("uploads") for known in resources.values()]
    contents = [each.get("content") for listed in uploads for each in objects(listed)]
    return UNKNOWN not in uploads and UNKNOWN not in contents


def plain_inputs(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Inputs as a state has them, with the text of secrets where it is there, and else `UNKNOWN`."""
    if isinstance(value, Mapping):
        if value.get(SIGNATURE) == SECRET_SIGNATURE:
            return plain_inputs(json.loads(value["plaintext"])) if "plaintext" in value else UNKNOWN
        return {str(key): plain_inputs(each) for key, each in value.items() if key != "__defaults"}
    return [plain_inputs(each) for each in value] if isinstance(value, list) else value
