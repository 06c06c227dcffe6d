"""The files of a Pulumi backend: in a folder, or in a bucket of an S3 service.

Pulumi has no command for a few things that it takes to move a state safely, such as to see who holds a lock. Keys are
relative to the backend, as in `.pulumi/meta.yaml`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from ops.tt.errors import UnreachableError, UsageError
from toolchain.pulumi_engine.backends import folder_of

#: What a URL of a bucket may say, by the names that Pulumi knows: its own, and older ones.
REGION, ENDPOINT, PROFILE = "region", "endpoint", "profile"
PATH_STYLE = ("use_path_style", "s3ForcePathStyle")
PLAIN_HTTP = ("disable_https", "disableSSL")
ENCRYPTION = {"ssetype": "ServerSideEncryption", "kmskeyid": "SSEKMSKeyId"}

#: What only Pulumi has a use for.
PASSED_OVER = ("awssdk", "hostname_immutable", "request_checksum_calculation", "response_checksum_validation")

ALLOWED = (REGION, ENDPOINT, PROFILE, *PATH_STYLE, *PLAIN_HTTP, *ENCRYPTION, *PASSED_OVER)

#: Seconds until a server has to answer, and tries.
TIMEOUT, TRIES = 10, 3


class Store(Protocol):
    """The files of a backend. All raise `UnreachableError` where it does not answer or refuses."""

    def keys(self, prefix: str) -> list[str]:
        """The keys that begin with `prefix`, sorted."""

    def read(self, key: str) -> bytes | None:
        """What is in a file; None where there is none."""

    def write(self, key: str, content: bytes) -> None:
        """Writes a file, whole or not at all."""

    def delete(self, key: str) -> None:
        """Deletes a file, if it is there."""


def open_store(url: str) -> Store:
    """The files of a backend by its URL.

    Raises:
        UsageError: it is no URL of a folder or a bucket; says what is allowed.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return FolderStore(folder_of(url))
    if parts.scheme == "s3" and parts.netloc:
        return BucketStore(url)
    raise UsageError(
        f"{url}: must be s3://BUCKET[/FOLDER]?region=REGION, file:///FOLDER, or `file` for the project's own folder"
    )


class FolderStore:
    """A folder."""

    #: Beside each file the Go library keeps one with its attributes, which no one needs.
    _ATTRIBUTES = ".attrs"

    #: How a file's name begins as long as it is not whole.
    _UNFINISHED = ".new-"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keys(self, prefix: str) -> list[str]:
        """The keys that begin with `prefix`, sorted."""
        with self._answering():
            inside = self._folder / prefix.rpartition("/")[0]
            found = (str(path.relative_to(self._folder)) for path in inside.rglob("*") if path.is_file())
            return sorted(
                key
                for key in found
                if key.startswith(prefix)
                and not key.startswith(self._UNFINISHED)
                and not key.endswith(self._ATTRIBUTES)
            )

    def read(self, key: str) -> bytes | None:
        """What is in a file; None where there is none."""
        with self._answering():
            try:
                return (self._folder / key).read_bytes()
            except FileNotFoundError:
                return None

    def write(self, key: str, content: bytes) -> None:
        """Writes a file, whole or not at all."""
        path = self._folder / key
        with self._answering():
            if not self._folder.exists():
                self._folder.mkdir(mode=0o700, parents=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            # Its owner's alone. Whoever writes it again takes what a killed one has left.
            unfinished = self._folder / f"{self._UNFINISHED}{key.replace('/', '-')}"
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)

    def delete(self, key: str) -> None:
        """Deletes a file, if it is there."""
        with self._answering():
            for name in (key, key + self._ATTRIBUTES):
                (self._folder / name).unlink(missing_ok=True)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UnreachableError(f"{error.filename or self._folder}: {error.strerror}") from None


class BucketStore:
    """A folder of a bucket."""

    def __init__(self, url: str) -> None:
        # Half a second: only where there is a bucket.
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query))
        if unknown := sorted(options.keys() - set(ALLOWED)):
            raise UsageError(f"{url}: unknown: {', '.join(unknown)}. Allowed are {', '.join(ALLOWED)}")
        self.bucket = parts.netloc
        self._folder = f"{folder}/" if (folder := parts.path.strip("/")) else ""
        self._encryption = {name: options[key] for key, name in ENCRYPTION.items() if key in options}
        self.plain_http = any(options.get(key) == "true" for key in PLAIN_HTTP)
        self.endpoint: str | None = options.get(ENDPOINT)
        if self.endpoint and "://" not in self.endpoint:
            self.endpoint = f"{'http' if self.plain_http else 'https'}://{self.endpoint}"
        path_style = any(options.get(key) == "true" for key in PATH_STYLE)
        with self._answering():
            self.client = boto3.Session(profile_name=options.get(PROFILE), region_name=options.get(REGION)).client(
                "s3",
                endpoint_url=self.endpoint,
                config=Config(
                    s3={"addressing_style": "path" if path_style else "virtual"},
                    connect_timeout=TIMEOUT,
                    read_timeout=TIMEOUT,
                    retries={"total_max_attempts": TRIES},
                    # As Pulumi: other services than AWS know no checksums beside the old one.
                    request_checksum_calculation="when_required" if self.endpoint else "when_supported",
                ),
            )

    def keys(self, prefix: str) -> list[str]:
        """The keys that begin with `prefix`, sorted."""
        with self._answering():
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=self._folder + prefix
            )
            found = [str(each["Key"]) for page in pages for each in page.get("Contents", ())]
        return sorted(key.removeprefix(self._folder) for key in found)

    def read(self, key: str) -> bytes | None:
        """What is in a file; None where there is none."""
        with self._answering():
            try:
                answer = self.client.get_object(Bucket=self.bucket, Key=self._folder + key)
            except self.client.exceptions.NoSuchKey:
                return None
            content: bytes = answer["Body"].read()
            return content

    def write(self, key: str, content: bytes) -> None:
        """Writes a file, whole or not at all."""
        with self._answering():
            self.client.put_object(Bucket=self.bucket, Key=self._folder + key, Body=content, **self._encryption)

    def delete(self, key: str) -> None:
        """Deletes a file, if it is there."""
        with self._answering():
            self.client.delete_object(Bucket=self.bucket, Key=self._folder + key)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        from boto3.exceptions import Boto3Error  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        try:
            yield
        except ClientError as error:
            raise UnreachableError(f"the bucket {self.bucket}: {_refusal(error.response)}") from None
        except (BotoCoreError, Boto3Error) as error:
            raise UnreachableError(f"the bucket {self.bucket}: {error}") from None


def error_code(response: Any) -> str:  # noqa: ANN401 - of a library without types
    """What an S3 service calls the reason of a refusal."""
    return str(response.get("Error", {}).get("Code", ""))


def _refusal(response: Any) -> str:  # noqa: ANN401
    """Why a service has refused, and what to do about it."""
    code, message = error_code(response), str(response.get("Error", {}).get("Message", ""))
    if code in ("404", "NoSuchBucket"):
        return "there is no such bucket"
    if code in ("403", "AccessDenied", "Forbidden"):
        return "these credentials may not do that; docs/STATE.md has the policy that they need"
    if code in ("301", "PermanentRedirect", "AuthorizationHeaderMalformed"):
        return f"it is in another region than the URL says ({message})"
    return f"{code}: {message}"
