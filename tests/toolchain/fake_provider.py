"""A provider with one kind of resource and no cloud, attached to the real engine by its port."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

Context = grpc.ServicerContext

SCHEMA: dict[str, Any] = {
    "name": "standin",
    "version": "1.0.0",
    "resources": {
        "standin:index:Thing": {
            "properties": {"colour": {"type": "string"}},
            "inputProperties": {"colour": {"type": "string"}},
        }
    },
}


class StandIn(provider_pb2_grpc.ResourceProviderServicer):
    """Knows one thing in the world, which is there to be imported: id `existing`, colour red."""

    def Attach(self, request: Any, context: Context) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Context) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=SCHEMA["version"])

    def GetSchema(self, request: Any, context: Context) -> provider_pb2.GetSchemaResponse:
        return provider_pb2.GetSchemaResponse(schema=json.dumps(SCHEMA))

    def CheckConfig(self, request: Any, context: Context) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Context) -> provider_pb2.DiffResponse:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Context) -> provider_pb2.ConfigureResponse:
        return provider_pb2.ConfigureResponse(acceptSecrets=True)

    def Check(self, request: Any, context: Context) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Context) -> provider_pb2.DiffResponse:
        same = request.old_inputs == request.news
        changes = provider_pb2.DiffResponse.DiffChanges
        return provider_pb2.DiffResponse(changes=changes.DIFF_NONE if same else changes.DIFF_SOME)

    def Read(self, request: Any, context: Context) -> provider_pb2.ReadResponse:
        response = provider_pb2.ReadResponse(id=request.id)
        response.inputs["colour"] = response.properties["colour"] = "red"
        return response


@contextmanager
def serving() -> Iterator[str]:
    """Serves the fake; gives the value of PULUMI_DEBUG_PROVIDERS that attaches it."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(StandIn(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"standin:{port}"
    finally:
        server.stop(grace=0).wait()
