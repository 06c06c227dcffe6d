"""The stack's own certificate authority, and the certificates of its servers; and the certificate for the public.

What lies behind TLS between the stack's containers. Nobody else trusts the authority, and its key is nowhere but,
encrypted, in the stack's state. Everything follows a certificate through the digest of its files (see `FileVolume`):
a renewed server certificate restarts its server, a renewed authority its clients too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pulumi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from components.core.naming import SYSTEM
from components.secrets.generated import persisted_secret
from settings.errors import PULUMI, THIS_STACK, for_stack
from settings.reading.tls import CERTIFICATE, KEY, expiry_advice

#: To renew the authority restarts all its clients, so it is for people to decide when.
AUTHORITY_LIFETIME = timedelta(days=3650)

#: From when on each `up` asks for the authority to be renewed: as long before its end as a server certificate,
#: which never outlives it, is used.
AUTHORITY_NOTICE = timedelta(days=366)

#: A server certificate is renewed by the first `up` of each calendar year, so this leaves a stack that nobody touches
#: at least a year. 825 days are the most that clients which look at it (Apple's) accept.
SERVER_LIFETIME = timedelta(days=825)

#: How far the clocks of the machine that runs `up` and of the Docker host may be apart.
CLOCK_SKEW = timedelta(hours=1)


@dataclass(frozen=True)
class KeyPair:
    """A certificate and its key, both in PEM form."""

    certificate: str
    key: str


class CertificateAuthority(pulumi.ComponentResource):
    """The authority of one stack, valid for ten years. Its last year, each `up` says how to renew it."""

    key_pair: pulumi.Output[KeyPair]
    certificate: pulumi.Output[str]
    """What clients check a server's certificate against."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:CertificateAuthority", name, None, opts)
        stash = persisted_secret(name, asdict(new_authority(_now())), parent=self)
        self.key_pair = _kept_pair(stash)
        self.certificate = self.key_pair.apply(lambda pair: pair.certificate)
        pulumi.Output.all(self.certificate, stash.urn).apply(lambda known: _ask_for_renewal(*known))
        self.register_outputs({})


class ServerCertificate(pulumi.ComponentResource):
    """A server's certificate for `hosts` (names and addresses), signed by the stack's authority.

    It is renewed when the authority is, when `hosts` change, and by the first `up` of each calendar year; at any other
    time with `pulumi up --replace URN` of its Stash.
    """

    certificate: pulumi.Output[str]
    key: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        authority: CertificateAuthority,
        hosts: Sequence[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(f"{SYSTEM}:components:ServerCertificate", name, None, opts)
        now = _now()
        # A fingerprint is no secret, and what decides on a replacement is better seen.
        fingerprint = pulumi.Output.unsecret(authority.certificate.apply(_fingerprint))
        stash = persisted_secret(
            name,
            authority.key_pair.apply(lambda pair: asdict(new_server_certificate(pair, hosts, now))),
            parent=self,
            renew_with=pulumi.Output.format("{0} {1} {2}", now.year, fingerprint, " ".join(hosts)),
        )
        key_pair = _kept_pair(stash)
        self.certificate = key_pair.apply(lambda pair: pair.certificate)
        self.key = key_pair.apply(lambda pair: pair.key)
        self.register_outputs({})


def configured_key_pair() -> pulumi.Output[KeyPair]:
    """The certificate for the public, with its key, from the config secrets; its last 30 days, each preview asks for
    a new one."""
    config = pulumi.Config()
    certificate = config.require_secret(CERTIFICATE)
    certificate.apply(_ask_for_new_certificate)
    return pulumi.Output.all(certificate, config.require_secret(KEY)).apply(lambda pair: KeyPair(*pair))


def new_authority(now: datetime) -> KeyPair:
    """A new authority's self-signed certificate, that can sign servers' certificates and no other authority's."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Task Tracker"),
            x509.NameAttribute(NameOID.COMMON_NAME, "Certificate authority of the stack"),
        ]
    )
    certificate = (
        _builder(name, name, key.public_key(), now, now + AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return KeyPair(pem(certificate), key_text(key))


def new_server_certificate(authority: KeyPair, hosts: Sequence[str], now: datetime) -> KeyPair:
    """A new server's certificate for `hosts`, that ends with the authority's at the latest."""
    issuer = x509.load_pem_x509_certificate(authority.certificate.encode())
    issuer_key = serialization.load_pem_private_key(authority.key.encode(), password=None)
    assert isinstance(issuer_key, ec.EllipticCurvePrivateKey)  # noqa: S101 - `new_authority` makes no other
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
    end = min(now + SERVER_LIFETIME, issuer.not_valid_after_utc)
    certificate = (
        _builder(name, issuer.subject, key.public_key(), now, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    return KeyPair(pem(certificate), key_text(key))


def renewal_advice(certificate: str, urn: str, now: datetime) -> str | None:
    """What to say of an authority's certificate that ends soon; nothing of another."""
    end = x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc
    if end - now > AUTHORITY_NOTICE:
        return None
    return (
        f"the stack's certificate authority ends on {end.date()}: renew it with `{PULUMI} up {THIS_STACK}"
        f" --replace '{urn}'`, which restarts its servers and their clients"
    )


def _kept_pair(stash: pulumi.Stash) -> pulumi.Output[KeyPair]:
    output: pulumi.Output[dict[str, str]] = pulumi.Output.secret(stash.output)
    return output.apply(lambda pair: KeyPair(pair["certificate"], pair["key"]))


def _ask_for_renewal(certificate: str, urn: str) -> None:
    if advice := renewal_advice(certificate, urn, _now()):
        pulumi.log.warn(for_stack(advice, pulumi.get_stack()))


def _ask_for_new_certificate(certificate: str) -> None:
    if advice := expiry_advice(certificate, _now()):
        pulumi.log.warn(for_stack(advice, pulumi.get_stack()))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, end: datetime
) -> x509.CertificateBuilder:
    """What every certificate has."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def pem(signed: x509.Certificate | x509.CertificateSigningRequest) -> str:
    """A certificate, or a request for one, in PEM form."""
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def key_text(key: ec.EllipticCurvePrivateKey) -> str:
    """A private key in PEM form."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _fingerprint(certificate: str) -> str:
    return hashlib.sha256(certificate.encode()).hexdigest()[:16]


def _now() -> datetime:
    return datetime.now(UTC)
