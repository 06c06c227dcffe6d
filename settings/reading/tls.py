"""Whether nginx's certificate and its key fit each other, the stack's domain and the day.

What is wrong is said without anything of the two but the dates of the certificate's validity. Where no phrase says
otherwise, browsers would refuse the certificate, or nginx would not start with it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import AddressValueError, IPv4Address
from itertools import pairwise
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from settings.errors import PULUMI, THIS_STACK

CERTIFICATE: Final = "tls_certificate"
KEY: Final = "tls_key"

EXPIRY_NOTICE: Final = timedelta(days=30)
"""From when on each preview asks for a new certificate: the last third of the 90 days that ACME authorities give."""

MIN_RSA_BITS: Final = 2048
"""What OpenSSL in the image (security level 2) takes at least, and Mozilla's guidelines ask for."""

CURVES: Final = ("secp256r1", "secp384r1", "secp521r1")
"""The curves of certificates that browsers take (CA/Browser Forum, Baseline Requirements, 6.1.5)."""

WEAK_HASHES: Final = frozenset({"md5", "sha1"})
"""What neither browsers nor OpenSSL at its level 2 take as a signature, but for a root's."""

# A file of `openssl ecparam -genkey` has another block before the key's.
_KEY_BLOCK: Final = re.compile(
    r"-----BEGIN ([A-Z]+ )?PRIVATE KEY-----.*?-----END ([A-Z]+ )?PRIVATE KEY-----", re.DOTALL
)

_SET_ANEW: Final = f"then run {PULUMI} config set --secret tls_certificate {THIS_STACK} < FILE"


@dataclass(frozen=True)
class Finding:
    """What is wrong with `secret`. `about_domain` says that the stack's domain is right only if the secret is not."""

    secret: str
    message: str
    about_domain: bool = False


def check_pair(certificate: str, key: str, domain: str, now: datetime) -> Iterator[Finding]:
    """What is wrong with a certificate, followed by those between it and the root, and its key; all in PEM form.

    For each of the two only the first is worth reading: the others may follow from it.
    """
    try:
        chain = x509.load_pem_x509_certificates(certificate.encode())
        for each in chain:
            # Reading alone does not look into these.
            each.public_key()
            _ = each.extensions
    except (ValueError, UnsupportedAlgorithm):
        yield Finding(CERTIFICATE, "has a block CERTIFICATE that can't be read; set it again from the file as it came")
        chain = []
    private = _private_key(key)
    if private is None:
        yield Finding(KEY, "has a block PRIVATE KEY that can't be read; set it again from the file as it came")
    elif not _is_served(private):
        yield Finding(
            KEY,
            f"must be an RSA key of {MIN_RSA_BITS} bits or more, or one for the curve P-256, P-384 or P-521;"
            " browsers take no other. Get a certificate for a new key",
        )
    elif chain:
        yield from _check_key(chain, private)
    if chain:
        yield from _check_signatures(chain)
        yield from _check_order(chain)
        yield from _check_dates(chain, now)
        yield from _check_names(chain[0], domain)


def expiry_advice(certificate: str, now: datetime) -> str | None:
    """What to say of a certificate that ends soon; nothing of another."""
    end = min(each.not_valid_after_utc for each in x509.load_pem_x509_certificates(certificate.encode()))
    if end - now > EXPIRY_NOTICE:
        return None
    return f"tasktracker:{CERTIFICATE} ends on {_day(end)}: get a new certificate, {_SET_ANEW}"


def _private_key(key: str) -> PrivateKeyTypes | None:
    block = _KEY_BLOCK.search(key)
    try:
        return load_pem_private_key(block[0].encode(), password=None) if block else None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def _is_served(key: PrivateKeyTypes) -> bool:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.key_size >= MIN_RSA_BITS
    return isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in CURVES


def _check_key(chain: Sequence[x509.Certificate], key: PrivateKeyTypes) -> Iterator[Finding]:
    wanted = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    matches = [
        each.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == wanted for each in chain
    ]
    if not any(matches):
        yield Finding(
            KEY,
            f"is not the key of tasktracker:{CERTIFICATE}; set both again, from the files that belong together",
        )
    elif not matches[0]:
        yield Finding(
            CERTIFICATE,
            f"must begin with the server's own certificate, and that is number {matches.index(True) + 1};"
            f" put it first, {_SET_ANEW}",
        )


def _check_order(chain: Sequence[x509.Certificate]) -> Iterator[Finding]:
    for number, (issued, issuer) in enumerate(pairwise(chain), start=1):
        try:
            issued.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            yield Finding(
                CERTIFICATE,
                f"must have after each certificate the one that signed it, and number {number + 1} has not signed"
                f" number {number}; put the file together anew (the server's, then its authority's), {_SET_ANEW}",
            )
            return


def _check_signatures(chain: Sequence[x509.Certificate]) -> Iterator[Finding]:
    for each in chain:
        try:
            algorithm = each.signature_hash_algorithm
        except UnsupportedAlgorithm:
            algorithm = None
        if each.subject != each.issuer and algorithm is not None and algorithm.name in WEAK_HASHES:
            yield Finding(
                CERTIFICATE,
                f"is signed with {algorithm.name.upper()}, which is broken; get a new certificate, {_SET_ANEW}",
            )
            return


def _check_dates(chain: Sequence[x509.Certificate], now: datetime) -> Iterator[Finding]:
    for number, each in enumerate(chain, start=1):
        which = "" if number == 1 else f" in certificate number {number}"
        if each.not_valid_after_utc < now:
            yield Finding(
                CERTIFICATE, f"expired on {_day(each.not_valid_after_utc)}{which}; get a new certificate, {_SET_ANEW}"
            )
        elif each.not_valid_before_utc > now:
            yield Finding(
                CERTIFICATE,
                f"is not valid before {each.not_valid_before_utc:%Y-%m-%d %H:%M} UTC{which};"
                " wait until then, or put this machine's clock right",
            )


def _check_names(certificate: x509.Certificate, domain: str) -> Iterator[Finding]:
    try:
        uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        pass
    else:
        if not {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(uses):
            yield Finding(
                CERTIFICATE, f"is not for a server (extended key usage serverAuth); get one that is, {_SET_ANEW}"
            )
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    if not _covers(names, domain):
        yield Finding(
            CERTIFICATE,
            f"is not for tasktracker:domain ({domain}), which none of its alternative names covers;"
            f" get one for that name, {_SET_ANEW}, or correct the domain",
            about_domain=True,
        )


def _covers(names: x509.SubjectAlternativeName, domain: str) -> bool:
    """Whether a browser takes the names for `domain` (RFC 9525: a wildcard stands for one label, the first)."""
    try:
        return IPv4Address(domain) in names.get_values_for_type(x509.IPAddress)
    except AddressValueError:
        pass
    covered = {name.lower().rstrip(".") for name in names.get_values_for_type(x509.DNSName)}
    parent = domain.partition(".")[2]
    return domain in covered or ("." in parent and f"*.{parent}" in covered)


def _day(time: datetime) -> str:
    return f"{time:%Y-%m-%d}"
