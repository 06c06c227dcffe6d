"""The S3 repository of backups: where it is, who may write and read it, and what encrypts it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components.core.rendering import render
from components.data.object_store import ObjectStore
from components.data.postgres import CLUSTER_PATH, PORT, SOCKET_PATH, STANZA, Archive
from components.secrets.generated import GeneratedSecret, secret
from components.spec.container import MOUNT_PATH
from settings.blocks.backup import BackupSettings, S3Repository

CONFIG_FILE = "pgbackrest.conf"
CA_FILE = "repository-ca.crt"


@dataclass(frozen=True)
class Keys:
    """An account of an S3 service: the id of its key, and the key."""

    access_key: pulumi.Input[str]
    secret_key: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class Repository:
    """An S3 bucket and how to reach it.

    `writer` and `reader` are the keys of who takes backups and of who only restores them. `path` is the
    repository's folder in the bucket. `ca` is the certificate of the authority that vouches for the
    server; without it those count that everybody knows. `outside` says that it is not on this host, so
    that it takes the network `egress` to reach it.
    """

    bucket: str
    host: str
    port: int
    region: str
    writer: Keys
    reader: Keys
    path: str = "/"
    uri_style: str = "path"
    ca: pulumi.Input[str] | None = None
    outside: bool = False


def bucket_inside(store: ObjectStore) -> Repository:
    """The repository in the stack's own object store."""
    return Repository(
        bucket=store.bucket,
        host=store.host,
        port=store.port,
        region=store.region,
        writer=Keys(store.access_key, store.secret_key),
        reader=Keys(store.reader_access_key, store.reader_secret_key),
        ca=store.ca_certificate,
    )


def bucket_outside(s3: S3Repository, given: frozenset[str]) -> Repository:
    """The repository that a stack's config describes; `given` are the names of the config secrets that are set."""
    config = pulumi.Config()

    def keys(account: str) -> Keys:
        return Keys(config.require_secret(f"{account}_access_key"), config.require_secret(f"{account}_secret_key"))

    return Repository(
        bucket=s3.bucket,
        host=s3.endpoint,
        port=s3.port,
        region=s3.region,
        path=s3.path,
        uri_style=s3.uri_style,
        writer=keys("s3"),
        reader=keys("s3_reader" if "s3_reader_access_key" in given else "s3"),
        ca=config.require_secret("s3_ca_certificate") if "s3_ca_certificate" in given else None,
        outside=True,
    )


def backup_passphrase(given: frozenset[str], opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """What all backups of the stack are encrypted with."""
    return secret(
        "backup_passphrase",
        given,
        # Without it no backup can be read.
        lambda: GeneratedSecret("backup-passphrase", protect=True, opts=opts),
    )


def archive(settings: BackupSettings, repository: Repository, passphrase: pulumi.Output[str]) -> Archive:
    """What it takes to write to `repository` and to read it, encrypted with `passphrase`."""

    def files(keys: Keys) -> Mapping[str, pulumi.Input[str]]:
        config = pulumi.Output.all(keys.access_key, keys.secret_key, passphrase).apply(
            lambda values: repository_config(settings, repository, *values)
        )
        return {CONFIG_FILE: config, **({CA_FILE: repository.ca} if repository.ca is not None else {})}

    return Archive(settings.archive_timeout, files(repository.writer), files(repository.reader), repository.outside)


def repository_config(
    settings: BackupSettings, repository: Repository, access_key: str, secret_key: str, passphrase: str
) -> str:
    """pgbackrest.conf, for who has these keys."""
    return render(
        "pgbackrest.conf",
        settings=settings,
        repository=repository,
        access_key=access_key,
        secret_key=secret_key,
        passphrase=passphrase,
        ca_file=f"{MOUNT_PATH}/{CA_FILE}" if repository.ca is not None else None,
        stanza=STANZA,
        data_path=CLUSTER_PATH,
        port=PORT,
        socket_path=SOCKET_PATH,
    )
