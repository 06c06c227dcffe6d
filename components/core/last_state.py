"""What the stack's last state has of its Docker host, asked of the engine before anything is declared.

The engine answers with every output of the stack, secrets in plain text among them. Only what `memory_of` needs is
taken out of the answer, which goes no further than this module.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import grpc
import pulumi
from google.protobuf import json_format, struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime import settings as runtime
from pulumi.runtime.proto import resource_pb2

from settings.ownership import IDENTITY, LISTS, SOURCE, Memory, Resource, is_remembered, memory_of

#: The engine's own function, which reads the state and registers nothing. It needs no lock.
READ = "pulumi:pulumi:readStackResourceOutputs"

#: The outputs that are taken, of the resources that are.
TAKEN = ("id", "name", "labels", "memory", IDENTITY, "input", "output")


def reading() -> Future[Memory]:
    """Begins to read the state, which takes the engine a tenth of a second, while the program asks its Docker host."""
    monitor, stack = runtime.get_monitor(), pulumi.get_stack()
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{stack}"
    pool = ThreadPoolExecutor(1)
    try:
        return pool.submit(_read, monitor, name, stack)
    finally:
        pool.shutdown(wait=False)


def _read(monitor: Any, name: str, stack: str) -> Memory:  # noqa: ANN401 - gRPC's stub has no type
    # Not by `pulumi.runtime.invoke`: it makes Python objects of all of it, in as much time as the engine takes.
    arguments = struct_pb2.Struct()
    arguments.update({"stackName": name})
    try:
        answer = monitor.Invoke(resource_pb2.ResourceInvokeRequest(tok=READ, args=arguments))
    except grpc.RpcError as error:
        # Its details may hold anything.
        raise pulumi.RunError(f"the engine does not read the state of {name} ({error.code()})") from None
    resources = getattr(answer, "return").fields["outputs"].struct_value.fields
    return memory_of(stack, [Resource.of(urn, _outputs(each)) for urn, each in resources.items() if is_remembered(urn)])


def _outputs(resource: struct_pb2.Value) -> dict[str, Any]:
    fields = resource.struct_value.fields["outputs"].struct_value.fields
    taken = {key: rpc.unwrap_rpc_secret(json_format.MessageToDict(fields[key])) for key in TAKEN if key in fields}
    # Of the items of lists only what tells them apart, and of mounts the volume.
    lists = {key: [_item(each, LISTS[key]) for each in fields[key].list_value.values] for key in LISTS if key in fields}
    return {**lists, **taken}


def _item(item: struct_pb2.Value, key: str) -> object:
    if not key:
        return json_format.MessageToDict(item)
    fields = item.struct_value.fields
    return {each: json_format.MessageToDict(fields[each]) for each in (key, SOURCE) if each in fields}
