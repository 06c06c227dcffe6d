"""A certificate of Cloudflare's Origin CA, which Cloudflare's proxy and tunnels trust, and nobody else.

Only a stack with such a certificate imports this module: its provider's package takes seconds.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import pulumi
import pulumi_cloudflare as cloudflare
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from components.core.naming import SYSTEM
from components.edge.cloudflare_errors import advising
from components.secrets.certificates import KeyPair, key_text, pem
from components.secrets.generated import persisted_secret

#: Days: the longest that Cloudflare offers, and its own default. A new one is a matter of `pulumi up --replace`.
VALIDITY = 5475

#: What Cloudflare calls a certificate for a key on an elliptic curve.
REQUEST_TYPE = "origin-ecc"


@dataclass(frozen=True)
class SigningRequest:
    """A key and the request to sign its public part, both in PEM form."""

    key: str
    request: str


class OriginCertificate(pulumi.ComponentResource):
    """The certificate for `host`, with a key that the program makes and keeps. Another host gets a new pair.

    The old certificate goes, and is revoked, when the new one is in use.
    """

    key_pair: pulumi.Output[KeyPair]

    def __init__(self, name: str, host: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:OriginCertificate", name, None, opts)
        provider = cloudflare.Provider(
            f"{name}-cloudflare",
            api_token=pulumi.Config().require_secret("cloudflare_api_token"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        stash = persisted_secret(f"{name}-key", asdict(new_request(host)), parent=self, renew_with=host)
        kept: pulumi.Output[dict[str, str]] = pulumi.Output.secret(stash.output)
        certificate = cloudflare.OriginCaCertificate(
            name,
            # No secret, and what decides on a replacement is better seen.
            csr=pulumi.Output.unsecret(kept.apply(lambda pair: pair["request"])),
            hostnames=[host],
            request_type=REQUEST_TYPE,
            requested_validity=VALIDITY,
            opts=pulumi.ResourceOptions(
                parent=self,
                provider=provider,
                hooks=advising(name),
                # What is read back of it is not always what was asked for (terraform-provider-cloudflare #5725).
                ignore_changes=["requestedValidity"],
            ),
        )
        self.key_pair = pulumi.Output.all(certificate.certificate, kept).apply(
            lambda known: KeyPair(str(known[0]), known[1]["key"])
        )
        self.register_outputs({})


def new_request(host: str) -> SigningRequest:
    """A new key on the curve P-256, and the request for a certificate for `host`."""
    key = ec.generate_private_key(ec.SECP256R1())
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return SigningRequest(key_text(key), pem(request))
