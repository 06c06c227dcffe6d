"""What of a certificate and its key is refused, and in which words; never with anything of the two."""

import re
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from settings.reading.tls import Finding, check_pair, expiry_advice
from tests.certificates import DAY, NOW, SIGNED_WITH_SHA1, Made, chain, ec_key, key_pem, rsa_key
from tests.unit.settings.config import PROD, problem, problems, read

DOMAIN = "tasks.example.com"
KEY = key_pem(ec_key("server"))
ANEW = "then run ./tt pulumi config set --secret tls_certificate --stack STACK < FILE"


def found(certificate: str, key: str = KEY, domain: str = DOMAIN) -> list[Finding]:
    return list(check_pair(certificate, key, domain, NOW))


def message(certificate: str, key: str = KEY, domain: str = DOMAIN) -> str:
    """The one finding, as `secret: message`."""
    [finding] = found(certificate, key, domain)
    return f"{finding.secret}: {finding.message}"


def test_a_chain_and_its_key_are_fine() -> None:
    assert not found(chain())
    assert not found(chain() + Made("root", "root", ()).pem)
    assert not found(Made(issuer="server").pem), "a self-signed one, for a try"


@pytest.mark.parametrize(
    "key",
    [
        key_pem(ec_key("server"), PrivateFormat.TraditionalOpenSSL),
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + KEY,
        KEY.replace("\n", "\r\n"),
    ],
)
def test_keys_come_in_several_forms(key: str) -> None:
    assert not found(chain(), key)


@pytest.mark.parametrize("bits", [2048, 3072])
def test_an_rsa_key_is_fine(bits: int) -> None:
    key = rsa_key(bits)
    assert not found(chain(key=key), key_pem(key))


def test_the_key_is_the_certificate_s() -> None:
    assert message(chain(), key_pem(ec_key("other"))) == (
        "tls_key: is not the key of tasktracker:tls_certificate; set both again, from the files that belong together"
    )


def test_the_server_s_certificate_comes_first() -> None:
    turned = Made("authority", "root", (DOMAIN,)).pem + Made().pem
    assert found(turned)[0].message == (
        f"must begin with the server's own certificate, and that is number 2; put it first, {ANEW}"
    )


def test_each_certificate_is_signed_by_the_next() -> None:
    assert message(Made().pem + Made("stranger", "root", ()).pem) == (
        "tls_certificate: must have after each certificate the one that signed it, and number 2 has not signed"
        f" number 1; put the file together anew (the server's, then its authority's), {ANEW}"
    )
    same_name = Made("authority", "root", (), key=ec_key("another authority"))
    assert "has not signed number 1" in message(Made().pem + same_name.pem), "the name alone is not enough"


def test_it_has_not_expired() -> None:
    end = NOW - DAY
    assert message(chain(start=NOW - 2 * DAY, end=end)) == (
        f"tls_certificate: expired on {end:%Y-%m-%d}; get a new certificate, {ANEW}"
    )
    old = Made().pem + Made("authority", "root", (), start=NOW - 2 * DAY, end=end).pem
    assert f"expired on {end:%Y-%m-%d} in certificate number 2;" in message(old)


def test_it_is_valid_already() -> None:
    start = NOW + DAY
    assert message(chain(start=start)) == (
        f"tls_certificate: is not valid before {start:%Y-%m-%d %H:%M} UTC;"
        " wait until then, or put this machine's clock right"
    )


@pytest.mark.parametrize(
    ("hosts", "domain", "covered"),
    [
        (["tasks.example.com"], "tasks.example.com", True),
        (["other.example.com", "Tasks.Example.com"], "tasks.example.com", True),
        (["*.example.com"], "tasks.example.com", True),
        (["*.example.com"], "example.com", False),
        (["*.example.com"], "a.tasks.example.com", False),
        (["*.com"], "example.com", False),
        (["example.com"], "tasks.example.com", False),
        (["192.0.2.1"], "192.0.2.1", True),
        (["192.0.2.2"], "192.0.2.1", False),
        (["localhost"], "localhost", True),
        ([], "server", False),
    ],
)
def test_it_covers_the_domain(hosts: list[str], domain: str, covered: bool) -> None:
    certificate = chain(hosts=hosts)
    if covered:
        assert not found(certificate, domain=domain)
    else:
        assert message(certificate, domain=domain) == (
            f"tls_certificate: is not for tasktracker:domain ({domain}), which none of its alternative names covers;"
            f" get one for that name, {ANEW}, or correct the domain"
        )


def test_it_is_for_a_server() -> None:
    assert "is not for a server" in message(chain(uses=[ExtendedKeyUsageOID.CLIENT_AUTH]))
    assert not found(chain(uses=[ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]))


def test_its_signature_is_no_broken_one() -> None:
    followed = SIGNED_WITH_SHA1 + Made("authority", "root", ()).pem
    findings = [each.message for each in found(followed) if each.secret == "tls_certificate"]
    assert findings[0] == f"is signed with SHA1, which is broken; get a new certificate, {ANEW}"


@pytest.mark.parametrize("key", [rsa_key(1024), ec.generate_private_key(ec.SECP256K1())])
def test_browsers_take_the_key(key: ec.EllipticCurvePrivateKey) -> None:
    assert message(chain(key=key), key_pem(key)).startswith("tls_key: must be an RSA key of 2048 bits or more, or")


def test_both_can_be_read() -> None:
    body = re.sub(r"\n(.{6})", r"\nAAAA\1", chain(), count=1)
    assert message(body) == (
        "tls_certificate: has a block CERTIFICATE that can't be read; set it again from the file as it came"
    )
    assert message(chain(), KEY.replace("MI", "MM")) == (
        "tls_key: has a block PRIVATE KEY that can't be read; set it again from the file as it came"
    )


@pytest.mark.parametrize(("days", "said"), [(29, True), (31, False)])
def test_thirty_days_before_its_end_a_new_one_is_asked_for(days: int, said: bool) -> None:
    end = NOW + timedelta(days=days)
    assert expiry_advice(chain(end=end), NOW) == (
        f"tasktracker:tls_certificate ends on {end:%Y-%m-%d}: get a new certificate, {ANEW}" if said else None
    )


def config(domain: str = DOMAIN, *, tls: bool = True) -> dict[str, object]:
    return {**PROD, "domain": domain, "nginx": {"tls": tls}}


def test_the_config_s_pair_is_checked() -> None:
    assert read(config(), {"tls_certificate": chain(), "tls_key": KEY}).nginx.tls
    assert problem(config("example.org"), {"tls_certificate": chain(), "tls_key": KEY}).startswith(
        "tasktracker:tls_certificate: is not for tasktracker:domain (example.org)"
    )


def test_a_pair_that_nobody_uses_is_not_checked() -> None:
    assert not problems(config("example.org", tls=False), {"tls_certificate": chain(), "tls_key": KEY})


def test_a_refused_domain_is_no_reason_to_refuse_the_certificate() -> None:
    assert [
        line.partition(" ")[0] for line in problems(config("Tasks"), {"tls_certificate": chain(), "tls_key": KEY})
    ] == ["tasktracker:domain"]


def test_no_message_shows_anything_of_the_two() -> None:
    pairs = [
        (chain(hosts=["hidden.example.org"]), key_pem(ec_key("other"))),
        (Made().pem * 2, KEY),
        (chain(), KEY[:80]),
    ]
    for certificate, key in pairs:
        for finding in found(certificate, key):
            assert "hidden" not in finding.message
            for line in (certificate + key).splitlines():
                assert line not in finding.message or line.startswith("-----")
