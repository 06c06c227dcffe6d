"""The stack's authority and the certificates it signs: what they allow, how long, and when they are renewed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pulumi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from components.secrets import certificates
from components.secrets.certificates import KeyPair, new_authority, new_server_certificate, renewal_advice
from tests.unit.components.conftest import DEV, STASH, Recorded, Run

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOSTS = ("object-store", "localhost", "127.0.0.1")
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def authority() -> KeyPair:
    return new_authority(NOW)


@pytest.fixture(scope="module")
def server(authority: KeyPair) -> KeyPair:
    return new_server_certificate(authority, HOSTS, NOW)


def load(pair: KeyPair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate.encode())


def verify(authority: KeyPair, server: KeyPair, host: str, at: datetime) -> None:
    """Checks a server's certificate as a client does."""
    subject: x509.GeneralName
    try:
        subject = x509.IPAddress(ip_address(host))
    except ValueError:
        subject = x509.DNSName(host)
    verifier = PolicyBuilder().store(Store([load(authority)])).time(at).build_server_verifier(subject)
    verifier.verify(load(server), [])


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("at", [NOW, NOW - timedelta(minutes=59), NOW + 824 * DAY])
def test_a_client_accepts_the_server_by_each_of_its_names(
    authority: KeyPair, server: KeyPair, host: str, at: datetime
) -> None:
    verify(authority, server, host, at)


@pytest.mark.parametrize(
    ("host", "at"),
    [("nginx", NOW), ("127.0.0.2", NOW), ("object-store", NOW + 826 * DAY), ("object-store", NOW - timedelta(hours=2))],
)
def test_a_client_refuses_other_names_and_times(authority: KeyPair, server: KeyPair, host: str, at: datetime) -> None:
    with pytest.raises(VerificationError):
        verify(authority, server, host, at)


def test_a_client_refuses_another_authoritys_server(server: KeyPair) -> None:
    with pytest.raises(VerificationError):
        verify(new_authority(NOW), server, "object-store", NOW)


def test_a_server_can_sign_no_certificate(authority: KeyPair, server: KeyPair) -> None:
    assert load(server).extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    usage = load(server).extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert not usage.key_cert_sign
    purposes = load(server).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.SERVER_AUTH]
    forged = new_server_certificate(server, HOSTS, NOW)
    with pytest.raises(VerificationError):
        verify(authority, forged, "object-store", NOW)


def test_the_authority_signs_servers_only(authority: KeyPair) -> None:
    constraints = load(authority).extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert (constraints.value.ca, constraints.value.path_length) == (True, 0)


@pytest.mark.parametrize("pair", ["authority", "server"])
def test_a_key_is_that_of_its_certificate(pair: str, request: pytest.FixtureRequest) -> None:
    made: KeyPair = request.getfixturevalue(pair)
    key = load_pem_private_key(made.key.encode(), None)
    assert key.public_key() == load(made).public_key()


def test_a_server_never_outlives_its_authority(authority: KeyPair) -> None:
    late = NOW + certificates.AUTHORITY_LIFETIME - 100 * DAY
    assert load(new_server_certificate(authority, HOSTS, late)).not_valid_after_utc == (
        load(authority).not_valid_after_utc
    )


def test_an_authority_that_ends_soon_is_told_of(authority: KeyPair) -> None:
    end = NOW + certificates.AUTHORITY_LIFETIME
    assert renewal_advice(authority.certificate, "urn:x", end - 367 * DAY) is None
    for at in (end - 366 * DAY, end, end + DAY):
        advice = renewal_advice(authority.certificate, "urn:x", at)
        assert advice is not None
        assert "ends on 2036-04-28: renew it with `./tt pulumi up --stack STACK --replace 'urn:x'`" in advice


def trigger(stash: Recorded) -> str:
    """What renews a certificate when it changes, as the engine gets to see it."""
    return str(stash.request.replacement_trigger.string_value)


@pytest.fixture
def in_year(monkeypatch: pytest.MonkeyPatch, run: Callable[..., Run]) -> Callable[[int], Run]:
    """Runs the program in a year."""

    def run_in(year: int) -> Run:
        monkeypatch.setattr(certificates, "_now", lambda: datetime(year, 1, 1, 0, 0, 1, tzinfo=UTC))
        # A config of its own, since runs are kept by config.
        return run({**DEV, "domain": f"in-{year}.example.com"})

    return run_in


def test_a_server_certificate_is_renewed_each_year(in_year: Callable[[int], Run]) -> None:
    for year in (2031, 2032):
        value = trigger(in_year(year).one(STASH, "object-store-certificate"))
        assert value.startswith(f"{year} ")
        assert value.endswith(" object-store localhost 127.0.0.1")


def test_a_server_certificate_is_renewed_with_its_authority(run: Callable[..., Run]) -> None:
    runs = [run({**DEV, "domain": f"run-{number}.example.com"}) for number in (1, 2)]
    authorities = {str(each.one(STASH, "object-store-authority").inputs["input"]) for each in runs}
    triggers = {trigger(each.one(STASH, "object-store-certificate")) for each in runs}
    assert len(authorities) == len(triggers) == 2


def test_the_authority_is_renewed_by_nothing_else(run: Callable[..., Run]) -> None:
    assert trigger(run(DEV).one(STASH, "object-store-authority")) == ""


def test_the_last_year_of_the_authority_begins_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, authority: KeyPair
) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    monkeypatch.setattr(certificates, "_now", lambda: NOW)
    certificates._ask_for_renewal(authority.certificate, "urn:x")
    assert said == []
    monkeypatch.setattr(certificates, "_now", lambda: NOW + 3500 * DAY)
    certificates._ask_for_renewal(authority.certificate, "urn:x")
    assert len(said) == 1
