"""Certificates and keys of the tests' own."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

NOW = datetime.now(UTC)
DAY = timedelta(days=1)

#: For tasks.example.com until 2126, and signed with SHA-1, which the library makes no more.
SIGNED_WITH_SHA1 = """\
-----BEGIN CERTIFICATE-----
MIIBezCCASGgAwIBAgIUQWbIbML6t+inT9w2R2cMZPQ9bJswCQYHKoZIzj0EATAM
MQowCAYDVQQDDAFhMCAXDTI2MTEyMjA5MDM1NloYDzIxMjYxMDI5MDkwMzU2WjAM
MQowCAYDVQQDDAFzMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEFz6OE6fFsAef
miNevcPpRRd7p7sqqjjbaKv/XlfEnj6yw29FgDGkM/yh/cINd52Q4RnpmY68W6Un
sMx7VxGi0KNgMF4wHAYDVR0RBBUwE4IRdGFza3MuZXhhbXBsZS5jb20wHQYDVR0O
BBYEFK/D3NgU2SAPTMM6X+Ckc6BGfgdTMB8GA1UdIwQYMBaAFJH2PT/tRfsrycee
8xjp2etqg9rdMAkGByqGSM49BAEDSQAwRgIhANT/Iuvnbe1E9lh8Ixjxaf5iNt4D
neXwwiPdH+ddZ87fAiEA4QYrpPf4SOn/WPANLOLyTEBI6/HBM8xIqooR7DJBbMA=
-----END CERTIFICATE-----
"""


@functools.cache
def ec_key(name: str) -> ec.EllipticCurvePrivateKey:
    """A key for each name, the same each time."""
    return ec.generate_private_key(ec.SECP256R1())


@functools.cache
def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def key_pem(key: CertificateIssuerPrivateKeyTypes, form: PrivateFormat = PrivateFormat.PKCS8) -> str:
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


@dataclass(frozen=True)
class Made:
    """A certificate that is fine in every respect but those that a test gives."""

    name: str = "server"
    issuer: str = "authority"
    hosts: Sequence[str] = ("tasks.example.com",)
    start: datetime = NOW - DAY
    end: datetime = NOW + 90 * DAY
    key: CertificateIssuerPrivateKeyTypes | None = None
    uses: Sequence[x509.ObjectIdentifier] = field(default_factory=list)

    @property
    def pem(self) -> str:
        key = self.key or ec_key(self.name)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(self.name))
            .issuer_name(_name(self.issuer))
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(self.start)
            .not_valid_after(self.end)
        )
        # One without hosts is an authority's.
        builder = builder.add_extension(x509.BasicConstraints(ca=not self.hosts, path_length=None), critical=True)
        if self.hosts:
            names = x509.SubjectAlternativeName([_host(host) for host in self.hosts])
            builder = builder.add_extension(names, critical=False)
        if self.uses:
            builder = builder.add_extension(x509.ExtendedKeyUsage(self.uses), critical=False)
        return builder.sign(ec_key(self.issuer), hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def chain(**server: object) -> str:
    """A server's certificate and its authority's."""
    return Made(**server).pem + Made("authority", "root", ()).pem  # type: ignore[arg-type]


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _host(host: str) -> x509.GeneralName:
    return x509.IPAddress(IPv4Address(host)) if host[-1].isdigit() else x509.DNSName(host)
