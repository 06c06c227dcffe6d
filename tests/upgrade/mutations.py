"""Changes of the program that lose something of a running stack, each a line or two.

Tests make them in a copy of today's program, and the check of upgrades has to report each one. Code that is no longer
there is an error: then the change is to be written for the code of today.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.support.stack import PROGRAM
from toolchain.process.steps import ROOT


@dataclass(frozen=True)
class Mutation:
    """A change, and what the check has to say about it.

    Attributes:
        what: What is changed.
        file: Relative to the project's folder.
        edits: Code that is in the file once, and what takes its place.
        reported: A regular expression that a text of the report matches.
    """

    what: str
    file: str
    edits: tuple[tuple[str, str], ...]
    reported: str


#: What the plan shows, by shape. The changes of one shape are made together.
PLANNED: dict[str, tuple[Mutation, ...]] = {
    "dev": (
        Mutation(
            "a key's resource name",
            "components/platform.py",
            (('GeneratedSecret("digest-key", ', 'GeneratedSecret("key-of-digests", '),),
            "^pulumi:index:Stash digest-key: delete$",
        ),
        Mutation(
            "a password's resource name",
            "components/data/postgres.py",
            (('GeneratedSecret("postgres-app-password", ', 'GeneratedSecret("app-password", '),),
            "^pulumi:index:Stash postgres-app-password: delete$",
        ),
        Mutation(
            "the resource name of the certificate authority's key",
            "components/secrets/certificates.py",
            (
                (
                    "persisted_secret(name, asdict(new_authority(",
                    'persisted_secret(f"{name}-key", asdict(new_authority(',
                ),
            ),
            "^pulumi:index:Stash object-store-authority: delete$",
        ),
        Mutation(
            "the protection of a key",
            "components/app/app.py",
            (('GeneratedSecret("encryption-key", protect=True, ', 'GeneratedSecret("encryption-key", '),),
            "^pulumi:index:Stash encryption-key: loses its flag `protect`$",
        ),
        Mutation(
            "the protection of data volumes",
            "components/runtime/volumes.py",
            (("        protect: bool = True,\n", "        protect: bool = False,\n"),),
            "^docker:index/volume:Volume uploads: loses its flag `protect`$",
        ),
        Mutation(
            "what keeps a secret as it is",
            "components/secrets/generated.py",
            (('ignore_changes=["input"]', "ignore_changes=[]"),),
            "^pulumi:index:Stash postgres-password: update of input, ",
        ),
    ),
    "prod": (
        Mutation(
            "the protection of the bucket",
            "components/backup/private_bucket.py",
            ((" protect=True,", ""),),
            "^aws:s3/bucket:Bucket backups: loses its flag `protect`$",
        ),
        Mutation(
            "what keeps the bucket when its resource is removed",
            "components/backup/private_bucket.py",
            ((" retain_on_delete=True,", ""),),
            "^aws:s3/bucket:Bucket backups: loses its flag `retain`$",
        ),
        Mutation(
            "the resource names of the keys of the bucket",
            "components/backup/backup_bucket.py",
            (("key = aws.iam.AccessKey(\n        name,", 'key = aws.iam.AccessKey(\n        f"{name}-key",'),),
            "^aws:iam/accessKey:AccessKey backups-writer: delete$",
        ),
        Mutation(
            "the resource names of DNS records",
            "components/edge/tunnel.py",
            (
                (
                    "cloudflare.DnsRecord(\n                hostname,",
                    'cloudflare.DnsRecord(\n                f"record-{hostname}",',
                ),
            ),
            "^cloudflare:index/dnsRecord:DnsRecord tasks.example.com: delete$",
        ),
        Mutation(
            "when the origin certificate's key is renewed",
            "components/edge/origin_certificate.py",
            (("renew_with=host", 'renew_with=f"{host} 2"'),),
            "^pulumi:index:Stash origin-certificate-key: replace",
        ),
        Mutation(
            "the resource name of a password",
            "components/data/redis.py",
            (('GeneratedSecret(f"{name}-password", ', 'GeneratedSecret(f"{name}-secret", '),),
            "^pulumi:index:Stash redis-password: delete$",
        ),
    ),
}

#: What the engine refuses itself, as the resources are protected: each one is made alone.
REFUSED: dict[str, tuple[Mutation, ...]] = {
    "dev": (
        Mutation(
            "a data volume's resource name",
            "components/app/app.py",
            (('UPLOADS = "uploads"', 'UPLOADS = "files"'),),
            "^the preview fails: .*Volume::uploads",
        ),
        Mutation(
            # Another name alone changes nothing: the volumes ignore it.
            "the names of data volumes in Docker",
            "components/runtime/volumes.py",
            (
                ('ignore_changes=["name", "labels", "driver", "driverOpts"]', 'ignore_changes=["labels"]'),
                ("name=naming.volume(name)", 'name=naming.volume(f"{name}-2")'),
            ),
            "^the preview fails: unable to replace .*DataVolume.docker:index/volume:Volume::",
        ),
        Mutation(
            "the type of the component around data volumes",
            "components/runtime/volumes.py",
            (("DATA_VOLUME, name", 'f"{SYSTEM}:components:Data", name'),),
            "^the preview fails: .*Volume::postgres-data",
        ),
    ),
    "prod": (
        Mutation(
            "the bucket's name",
            "components/backup/backup_bucket.py",
            (("default_name(args.naming, number)\n", 'default_name(args.naming, "210987654321")\n'),),
            "^the preview fails: .*Bucket::backups",
        ),
    ),
}


def mutated(mutations: Iterable[Mutation], folder: Path) -> Path:
    """Copies today's program to the new `folder`, with the changes; returns `folder`.

    Raises:
        ValueError: the program does not have the code that a change is of, or has it more than once.
    """
    folder.mkdir()
    for part in PROGRAM:
        source = ROOT / part
        if part == ".venv" or source.is_file():
            (folder / part).symlink_to(source) if part == ".venv" else shutil.copy(source, folder)
        else:
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for each in mutations:
        path = folder / each.file
        code = path.read_text()
        for old, new in each.edits:
            if code.count(old) != 1:
                raise ValueError(f"{each.file} has {code.count(old)} times what changes {each.what}: {old!r}")
            code = code.replace(old, new)
        path.write_text(code)
    return folder
