"""What an image build must know of this machine and no image may keep.

That is the machine's certificate authorities, its Debian mirror and its Python package index. A build
gets them as BuildKit secrets, which are in no layer and no history; the Dockerfiles mount them where
apt and pip look.
"""

from __future__ import annotations

import configparser
import io
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from remote.private_folder import PrivateFolder
from toolchain.process.steps import StepError
from toolchain.python.pip_options import connection_options

#: The Debian release that the images are made of.
SUITE = "trixie"

#: Where the Dockerfiles mount the certificate authorities: BuildKit's default for the id `ca`.
CA_TARGET = "/run/secrets/ca"

#: Variables that programs on a machine with its own authorities are pointed to them with.
CA_VARIABLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

#: Where systems keep their authorities: Debian, Red Hat, macOS.
CA_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)

#: In the image that is built on, whichever way it came.
KEYRING = "/usr/share/keyrings/debian-archive-keyring.pgp"

#: Apt's settings that tell how to reach a mirror and what to expect of it; lower case.
APT_SETTINGS = (
    "acquire::http::proxy",
    "acquire::https::proxy",
    "acquire::check-valid-until",
    "acquire::check-date",
)

#: Pip's settings that tell how to reach an index. (`cert` becomes `CA_TARGET`.)
PIP_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "default-timeout")


@dataclass(frozen=True)
class Mirror:
    """Where this machine gets Debian from.

    Attributes:
        archive: URI of the archive.
        has_updates: whether the machine uses its suite `-updates` too.
        security: URI of the security archive, if the machine uses one.
    """

    archive: str
    has_updates: bool
    security: str | None


def ca_bundle(environment: Mapping[str, str], files: Iterable[str] = CA_FILES) -> Path | None:
    """The file with the certificate authorities that this machine trusts, if it has one."""
    named = [environment[name] for name in CA_VARIABLES if environment.get(name)]
    return next((Path(name) for name in [*named, *files] if Path(name).is_file()), None)


def debian_mirror(targets: str, codename: str) -> Mirror | None:
    """The mirror of Debian itself among apt's sources; None if there is none.

    `targets` has a line `URI SUITE COMPONENT` for each package index, as `_apt_targets` gives them;
    `codename` is the machine's own release. A third party may name its suite by Debian's codename
    too, so a source that also has the suite `-updates` goes first.
    """
    sources = [line.split() for line in targets.splitlines()]
    main = {
        (uri, suite)
        for uri, suite, component in sources
        if component == "main" and uri.startswith(("http://", "https://"))
    }
    archives = [uri for uri, suite, _ in sources if (uri, suite) in main and suite == codename]
    if not archives:
        return None
    archive = max(archives, key=lambda uri: (uri, f"{codename}-updates") in main)
    return Mirror(
        archive,
        has_updates=(archive, f"{codename}-updates") in main,
        security=next((uri for uri, suite in sorted(main) if suite == f"{codename}-security"), None),
    )


def apt_sources(mirror: Mirror) -> str:
    """A `debian.sources` for the images' release, from this machine's mirror."""
    suites = f"{SUITE} {SUITE}-updates" if mirror.has_updates else SUITE
    stanzas = [(mirror.archive, suites)]
    if mirror.security:
        stanzas.append((mirror.security, f"{SUITE}-security"))
    return "\n".join(
        f"Types: deb\nURIs: {uri}\nSuites: {names}\nComponents: main\nSigned-By: {KEYRING}\n" for uri, names in stanzas
    )


def apt_settings(dump: str, *, has_ca: bool) -> str:
    """Apt's settings for a build, from this machine's as `apt-config dump` prints them."""
    lines = [line for line in dump.splitlines() if line.lower().startswith(APT_SETTINGS)]
    # Nobody reads descriptions in a build.
    lines.append('Acquire::Languages "none";')
    if has_ca:
        lines.append(f'Acquire::https::CAInfo "{CA_TARGET}";')
    return "\n".join(lines) + "\n"


def pip_settings(options: Mapping[str, str], *, has_ca: bool) -> str:
    """A `pip.conf` for a build, from the user's options for the connection."""
    values = {name: value for name, value in options.items() if name in PIP_SETTINGS}
    if has_ca:
        values["cert"] = CA_TARGET
    parser = configparser.RawConfigParser()
    parser["global"] = values
    output = io.StringIO()
    parser.write(output)
    return output.getvalue()


def machine_mirror() -> Mirror | None:
    """This machine's Debian mirror; None if it isn't a Debian."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return None
    if release.get("ID") != "debian" or shutil.which("apt-get") is None:
        return None
    return debian_mirror(_apt_targets(), release.get("VERSION_CODENAME", ""))


@contextmanager
def build_secrets(environment: Mapping[str, str]) -> Iterator[dict[str, Path]]:
    """The secrets of a build, by id, in files that are gone afterwards."""
    ca = ca_bundle(environment)
    mirror = machine_mirror()
    contents = {
        "apt-conf": apt_settings(_output("apt-config", "dump"), has_ca=ca is not None),
        "pip-conf": pip_settings(_pip_options(), has_ca=ca is not None),
    }
    if ca is not None:
        contents["ca"] = ca.read_text()
    if mirror is not None:
        contents["apt-sources"] = apt_sources(mirror)
    with PrivateFolder("tasktracker-build-") as folder:
        files = {name: folder / name for name in contents}
        for name, file in files.items():
            file.write_text(contents[name])
        yield files


def _pip_options() -> dict[str, str]:
    """The user's options for pip's connection; none where this Python has no pip."""
    try:
        return connection_options(Path(sys.executable))
    except StepError:
        return {}


def _apt_targets() -> str:
    """Apt's package indexes, a line `URI SUITE COMPONENT` each."""
    options = ["--no-release-info", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"]
    return _output("apt-get", "indextargets", *options)


def _output(*argv: str) -> str:
    """What a command prints; nothing where there is no such command or it fails."""
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
