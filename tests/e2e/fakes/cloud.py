"""AWS, Cloudflare and Docker for the real engine, with no cloud: providers that keep whatever they are given.

    with serving() as cloud:
        stack.pulumi("up", "--yes", env=cloud.env)
    assert cloud.kept("aws:s3/bucket:Bucket")

They know no schema: every input of every type is taken, kept, and given back as an output. What the
real ones add to it is in `OUTPUTS`, as far as a program here needs it. A value that a preview can't
know stays unknown, and a secret stays secret.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from components.secrets.certificates import new_authority
from policies.values import decode

Context = grpc.ServicerContext

VERSION = "0.0.1"

PACKAGES = ("aws", "cloudflare")

#: The account that everything is in.
ACCOUNT = "123456789012"

#: What it gives as the secret of an access key.
AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

#: Properties that say which thing it is: the real providers replace it when one of them changes.
IDENTITY = frozenset({"accountId", "bucket", "csr", "tunnelId", "zoneId"})

#: Whose resources are replaced whatever changes: most changes of a container make a new one.
REPLACED = frozenset({"docker"})

#: What the Docker provider sets in place (`resourceDockerContainerUpdate`, of its resource_docker_container_funcs.go).
SET_IN_PLACE = frozenset({"restart", "maxRetryCount", "memory", "memorySwap", "cpuShares", "cpuSet"})

#: Resources that are known by a name that they are given.
NAMED_BY = {
    "aws:s3/bucket:Bucket": "bucket",
    "aws:iam/role:Role": "name",
    "aws:iam/user:User": "name",
}

#: The authority that signs what the real one's Origin CA would.
ORIGIN_CA = new_authority(datetime.now(UTC))


def _signed(request: str) -> str:
    """The certificate for what a request asks for."""
    asked = x509.load_pem_x509_csr(request.encode())
    authority = x509.load_pem_x509_certificate(ORIGIN_CA.certificate.encode())
    key = load_pem_private_key(ORIGIN_CA.key.encode(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(asked.subject)
        .issuer_name(authority.subject)
        .public_key(asked.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(authority.not_valid_before_utc)
        .not_valid_after(authority.not_valid_after_utc)
        .add_extension(asked.extensions.get_extension_for_class(x509.SubjectAlternativeName).value, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM).decode()


#: What a resource has beside its inputs, by its type: made from its id and its plain inputs.
OUTPUTS: dict[str, Callable[[str, Mapping[str, Any]], dict[str, Any]]] = {
    "aws:s3/bucket:Bucket": lambda id_, inputs: {"arn": f"arn:aws:s3:::{id_}", "bucket": id_},
    "aws:iam/role:Role": lambda id_, inputs: {"arn": f"arn:aws:iam::{ACCOUNT}:role/{id_}", "name": id_},
    "aws:iam/user:User": lambda id_, inputs: {"arn": f"arn:aws:iam::{ACCOUNT}:user/{id_}", "name": id_},
    "aws:iam/accessKey:AccessKey": lambda id_, inputs: {"secret": AWS_SECRET, "status": "Active"},
    "cloudflare:index/originCaCertificate:OriginCaCertificate": lambda id_, inputs: {
        "certificate": _signed(inputs["csr"])
    },
    "aws:iam/policy:Policy": lambda id_, inputs: {"arn": f"arn:aws:iam::{ACCOUNT}:policy/{id_}"},
}


def _tunnel_token(inputs: Mapping[str, Any]) -> dict[str, Any]:
    content = {"a": inputs["accountId"], "t": inputs["tunnelId"], "s": base64.b64encode(bytes(32)).decode()}
    return {"token": base64.b64encode(json.dumps(content).encode()).decode(), **inputs}


#: What a function gives back, by its token: made from its plain arguments.
FUNCTIONS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": lambda inputs: {"accountId": ACCOUNT, "id": ACCOUNT},
    "aws:index/getRegion:getRegion": lambda inputs: {"name": "eu-central-1", "region": "eu-central-1"},
    "cloudflare:index/getZeroTrustTunnelCloudflaredToken:getZeroTrustTunnelCloudflaredToken": _tunnel_token,
}


@dataclass(frozen=True)
class Thing:
    """A resource as a cloud has it. `inputs` and `outputs` are in the engine's form, with secrets wrapped."""

    type: str
    name: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]

    @property
    def plain(self) -> dict[str, Any]:
        """The inputs with secrets unwrapped and unknown values as `policies.values.UNKNOWN`."""
        return plain(self.inputs)


@dataclass(frozen=True)
class Request:
    """What the engine asked for: `Check`, `Diff`, `Create`, `Read`, `Update`, `Delete` or `Invoke`.

    `type` is a function's token for `Invoke`, whose `name` is empty. `inputs` are the new ones, if there
    are any, in the engine's form.
    """

    method: str
    type: str
    name: str
    inputs: dict[str, Any]
    preview: bool = False


@dataclass
class Cloud:
    """What there is, by its type and id, and what was asked for, in order. All the providers share it."""

    things: dict[tuple[str, str], Thing] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    ports: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    """What to answer in place of making a resource, by its type."""

    @property
    def env(self) -> dict[str, str]:
        """The variable that attaches the providers to an engine."""
        return {"PULUMI_DEBUG_PROVIDERS": ",".join(f"{package}:{port}" for package, port in self.ports.items())}

    def kept(self, type_: str) -> list[Thing]:
        """What there is of a type, in the order in which it was made."""
        return [thing for thing in self.things.values() if thing.type == type_]

    def changes(self) -> list[Request]:
        """The requests that made, changed or deleted something; a preview's don't."""
        return [each for each in self.requests if each.method in ("Create", "Update", "Delete") and not each.preview]


class StandIn(provider_pb2_grpc.ResourceProviderServicer):
    """The provider of one package."""

    def __init__(self, package: str, cloud: Cloud) -> None:
        self._package = package
        self._cloud = cloud

    def Handshake(self, request: Any, context: Context) -> provider_pb2.ProviderHandshakeResponse:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def Attach(self, request: Any, context: Context) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Context) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Context) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(self, request: Any, context: Context) -> provider_pb2.GetSchemaResponse:
        return provider_pb2.GetSchemaResponse(schema=json.dumps({"name": self._package, "version": VERSION}))

    def CheckConfig(self, request: Any, context: Context) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Context) -> provider_pb2.DiffResponse:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Context) -> provider_pb2.ConfigureResponse:
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Invoke(self, request: Any, context: Context) -> provider_pb2.InvokeResponse:
        arguments = json_format.MessageToDict(request.args)
        self._cloud.requests.append(Request("Invoke", request.tok, "", arguments))
        if request.tok not in FUNCTIONS:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"the fake has no function {request.tok}")
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(_struct(FUNCTIONS[request.tok](plain(arguments))))
        return response

    def Check(self, request: Any, context: Context) -> provider_pb2.CheckResponse:
        self._note("Check", request, request.news)
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Context) -> provider_pb2.DiffResponse:
        old, new = json_format.MessageToDict(request.old_inputs), self._note("Diff", request, request.news)
        changed = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
        identity = {*IDENTITY, NAMED_BY.get(_type(request.urn))}
        replaces = [
            key for key in changed if key in identity or (self._package in REPLACED and key not in SET_IN_PLACE)
        ]
        changes = provider_pb2.DiffResponse.DiffChanges
        return provider_pb2.DiffResponse(
            changes=changes.DIFF_SOME if changed else changes.DIFF_NONE,
            diffs=changed,
            replaces=replaces,
            # A name is taken as long as the old one is there.
            deleteBeforeReplace=_type(request.urn) in NAMED_BY,
        )

    def Create(self, request: Any, context: Context) -> provider_pb2.CreateResponse:
        inputs = self._note("Create", request, request.properties)
        if request.preview:
            # No id and no further outputs: the engine takes them for unknown.
            return provider_pb2.CreateResponse(properties=request.properties)
        if refusal := self._cloud.refusals.get(_type(request.urn)):
            context.abort(grpc.StatusCode.UNKNOWN, refusal)
        id_ = self._new_id(request.urn, plain(inputs))
        return provider_pb2.CreateResponse(id=id_, properties=_struct(self._keep(request.urn, id_, inputs).outputs))

    def Read(self, request: Any, context: Context) -> provider_pb2.ReadResponse:
        self._note("Read", request, None)
        thing = self._cloud.things.get((_type(request.urn), request.id))
        # An answer with no id says that it is gone.
        if thing is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(id=thing.id, inputs=_struct(thing.inputs), properties=_struct(thing.outputs))

    def Update(self, request: Any, context: Context) -> provider_pb2.UpdateResponse:
        inputs = self._note("Update", request, request.news)
        if request.preview:
            return provider_pb2.UpdateResponse(
                properties=_struct({**json_format.MessageToDict(request.olds), **inputs})
            )
        return provider_pb2.UpdateResponse(properties=_struct(self._keep(request.urn, request.id, inputs).outputs))

    def Delete(self, request: Any, context: Context) -> empty_pb2.Empty:
        self._note("Delete", request, None)
        self._cloud.things.pop((_type(request.urn), request.id), None)
        return empty_pb2.Empty()

    def _note(self, method: str, request: Any, properties: struct_pb2.Struct | None) -> dict[str, Any]:
        inputs = json_format.MessageToDict(properties) if properties is not None else {}
        preview = bool(getattr(request, "preview", False))
        self._cloud.requests.append(Request(method, _type(request.urn), _name(request.urn), inputs, preview))
        return inputs

    def _keep(self, urn: str, id_: str, inputs: dict[str, Any]) -> Thing:
        make = OUTPUTS.get(_type(urn))
        further = make(id_, plain(inputs)) if make else {}
        # As what bridges Terraform: the id is among the outputs too.
        thing = Thing(_type(urn), _name(urn), id_, inputs, {"id": id_, **further, **inputs})
        self._cloud.things[thing.type, id_] = thing
        return thing

    def _new_id(self, urn: str, inputs: Mapping[str, Any]) -> str:
        """The same id in every run, and another one for what replaces a thing that is still there."""
        given = inputs.get(NAMED_BY.get(_type(urn), ""))
        if isinstance(given, str):
            return given
        made = [each for each in self._cloud.changes() if (each.type, each.name) == (_type(urn), _name(urn))]
        unique = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{urn}#{len(made)}"))
        return f"{_name(urn)}-{unique[:7]}" if _type(urn) in NAMED_BY else unique


@contextmanager
def serving(packages: Sequence[str] = PACKAGES) -> Iterator[Cloud]:
    """Serves the providers of `packages` in this process."""
    cloud = Cloud()
    servers = []
    for package in packages:
        server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(StandIn(package, cloud), server)
        cloud.ports[package] = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
    try:
        yield cloud
    finally:
        for server in servers:
            server.stop(grace=0).wait()


def plain(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs in the engine's form with secrets unwrapped and unknown values as `policies.values.UNKNOWN`."""
    decoded: dict[str, Any] = decode(inputs, set())
    return decoded


def _struct(content: Mapping[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    json_format.ParseDict(dict(content), struct)
    return struct


def _type(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def _name(urn: str) -> str:
    return urn.split("::", 3)[3]
