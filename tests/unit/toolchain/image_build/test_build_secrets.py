"""What a build gets to know of the machine."""

from __future__ import annotations

import configparser
import sys
from pathlib import Path

import pytest

from toolchain.image_build.build_secrets import (
    Mirror,
    apt_settings,
    apt_sources,
    build_secrets,
    ca_bundle,
    debian_mirror,
)

TARGETS = """\
https://third.example/apt/ bookworm main
http://mirror.example/debian/ bookworm main
http://mirror.example/debian/ bookworm contrib
http://mirror.example/debian/ bookworm-updates main
http://mirror.example/debian-security/ bookworm-security main
"""


def test_the_mirror_is_debians_own_and_no_third_partys() -> None:
    assert debian_mirror(TARGETS, "bookworm") == Mirror(
        "http://mirror.example/debian/", has_updates=True, security="http://mirror.example/debian-security/"
    )


@pytest.mark.parametrize("targets", ["", "cdrom:[Debian]/ bookworm main\n", "http://other.example/ jammy main\n"])
def test_without_debian_among_the_sources_there_is_no_mirror(targets: str) -> None:
    assert debian_mirror(targets, "bookworm") is None


def test_a_mirror_without_updates_and_security_is_taken_as_it_is() -> None:
    mirror = debian_mirror("http://mirror.example/debian/ bookworm main\n", "bookworm")
    assert mirror == Mirror("http://mirror.example/debian/", has_updates=False, security=None)
    assert "Suites: trixie\n" in apt_sources(mirror)


def test_apts_sources_are_of_the_images_release_and_signed() -> None:
    text = apt_sources(Mirror("http://mirror.example/debian/", True, "http://mirror.example/security/"))
    assert "URIs: http://mirror.example/debian/\nSuites: trixie trixie-updates\n" in text
    assert "URIs: http://mirror.example/security/\nSuites: trixie-security\n" in text
    assert text.count("Signed-By: /usr/share/keyrings/debian-archive-keyring.pgp") == 2
    assert "bookworm" not in text


def test_apts_settings_tell_how_to_reach_a_mirror_and_no_more() -> None:
    dump = 'APT::Install-Recommends "1";\nAcquire::http::Proxy "http://proxy:3142";\nAcquire::Check-Date "false";\n'
    assert apt_settings(dump, has_ca=True).splitlines() == [
        'Acquire::http::Proxy "http://proxy:3142";',
        'Acquire::Check-Date "false";',
        'Acquire::Languages "none";',
        'Acquire::https::CAInfo "/run/secrets/ca";',
    ]
    assert "CAInfo" not in apt_settings(dump, has_ca=False)


def test_pips_settings_keep_to_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the user's files too, also where one of them has `user`, with which pip lists no other."""
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\ncert = /somewhere/ca.crt\nindex-url = https://one.example/simple\nuser = true\ntarget = /elsewhere\n"
        "extra-index-url =\n    https://four.example/simple\n    https://five.example/simple\n"
        "[install]\nproxy = http://two.example\n[list]\nformat = columns\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    monkeypatch.setenv("PIP_INDEX_URL", "https://three.example/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "/opt/wheels")
    monkeypatch.delenv("PIP_DEFAULT_TIMEOUT", raising=False)
    parser = configparser.RawConfigParser()
    with build_secrets({"SSL_CERT_FILE": str(config)}) as secrets:
        parser.read(secrets["pip-conf"])
    assert dict(parser["global"]) == {
        "index-url": "https://three.example/simple",
        "extra-index-url": "\nhttps://four.example/simple\nhttps://five.example/simple",
        "proxy": "http://two.example",
        "cert": "/run/secrets/ca",
    }


def test_a_python_without_pip_has_no_settings_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with build_secrets({}) as secrets:
        assert "index-url" not in secrets["pip-conf"].read_text()


def test_the_certificate_authorities_are_those_the_environment_names_first(tmp_path: Path) -> None:
    named, usual = tmp_path / "named.crt", tmp_path / "usual.crt"
    named.touch()
    usual.touch()
    assert ca_bundle({"PIP_CERT": str(named)}, [str(usual)]) == named
    assert ca_bundle({"PIP_CERT": str(tmp_path / "gone.crt")}, [str(usual)]) == usual
    assert ca_bundle({}, [str(tmp_path / "gone.crt")]) is None


def test_secrets_are_private_and_gone_after_the_build(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.crt"
    bundle.write_text("certificates")
    with build_secrets({"SSL_CERT_FILE": str(bundle)}) as secrets:
        assert secrets["ca"].read_text() == "certificates"
        assert secrets["ca"].parent.stat().st_mode & 0o077 == 0
        assert {"ca", "apt-conf", "pip-conf"} <= secrets.keys()
    assert not secrets["ca"].exists()
