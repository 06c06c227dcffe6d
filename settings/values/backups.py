"""Buckets, and what is restored from them."""

from datetime import datetime
from typing import Annotated, Final

from settings.values.kind import Kind, text_kind

Bucket = Annotated[
    str,
    text_kind(
        "bucket",
        # The rules of Amazon S3, without dots: TLS certificates of the style "host" don't cover those.
        r"^(?=.{3,63}$)[a-z0-9]+(-+[a-z0-9]+)*$",
        "a bucket's name of 3 to 63 lower-case letters, digits and hyphens, with no hyphen at either end",
        example="example-backups",
    ),
]
"""The name of an S3 bucket."""

Region = Annotated[
    str,
    text_kind("region", r"^[a-z0-9]+(-[a-z0-9]+){0,5}$", "a region such as eu-central-1", example="eu-central-1"),
]
"""A region of an S3 service."""

AwsRegion = Annotated[
    str,
    text_kind(
        "AWS region",
        # Only these have the names arn:aws: and amazonaws.com.
        r"^(?!cn-)[a-z]{2}-[a-z]+-[1-9]$",
        "a region of AWS such as eu-central-1, outside of China, GovCloud and sovereign clouds",
        example="eu-central-1",
    ),
]
"""A region of AWS, of those that are open to all."""

KmsKey = Annotated[
    str,
    text_kind(
        "KMS key",
        # An IAM policy that names an alias grants nothing.
        r"^arn:aws:kms:(?!cn-)[a-z]{2}-[a-z]+-[1-9]:[0-9]{12}:key/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$",
        "the ARN of a key, not of an alias, such as"
        " arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    ),
]
"""A key of AWS KMS, by its ARN."""
_MOMENT: Final = text_kind(
    "moment",
    r"^(latest|[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"(Z|[+-][0-9]{2}(:?[0-9]{2})?))$",
    "latest, or a time with its offset from UTC such as 2026-11-20T14:05:00+01:00, in quotes",
)


def _parse_moment(value: object) -> str:
    text: str = _MOMENT.parse(value)
    if text != "latest":
        try:
            datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"must be {_MOMENT.allowed}") from None
    return text


Moment = Annotated[str, Kind(_MOMENT.name, _parse_moment, _MOMENT.allowed, _MOMENT.schema)]
"""A time to go back to. Without an offset it would depend on who reads it."""

BackupLabel = Annotated[
    str,
    text_kind(
        "backup label",
        r"^[0-9]{8}-[0-9]{6}F(_[0-9]{8}-[0-9]{6}[DI])?$",
        "the label of a backup such as 20261120-020000F or 20261120-020000F_20261121-020000D",
    ),
]
"""The name that pgBackRest gives to a backup."""
FileSet = Annotated[
    str,
    text_kind("set of files", r"^(latest|[0-9a-f]{8})$", "latest, or the id of a set: 8 hex digits, in quotes"),
]
"""A set of backed up files."""

RepositoryPath = Annotated[
    str,
    text_kind(
        "repository path",
        r"^/$|^(?=.{1,200}$)(/(?!\.)[A-Za-z0-9._-]+)+$",
        "/ or a path such as /backups/tasktracker, of letters, digits, dots, hyphens and underscores",
    ),
]
"""A folder in a bucket."""

StateBackend = Annotated[
    str,
    text_kind(
        "state backend",
        # No character that a shell or YAML takes for more than itself.
        r"^((s3|gs|azblob)://[a-z0-9][A-Za-z0-9._/-]*(\?[A-Za-z0-9._=&%:/-]+)?|file://[A-Za-z0-9._/~-]+)$",
        "the URL of a state backend such as s3://bucket/folder?region=eu-central-1",
    ),
]
"""Where Pulumi keeps a state."""
