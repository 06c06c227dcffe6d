"""A backend's files: in a folder, and what a bucket's URL and answers mean."""

from __future__ import annotations

import io
import stat
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from botocore.stub import Stubber

from ops.tt.errors import UnreachableError, UsageError
from ops.tt.state import bucket
from ops.tt.state.store import BucketStore, FolderStore, open_store


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def test_a_folder_keeps_what_is_written(tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}/a%20b")
    assert store.keys("") == []
    assert store.read("x/y.json") is None
    store.delete("x/y.json")
    store.write("x/y.json", b"1")
    store.write("x/y.json", b"2")
    store.write("x/yy.json", b"3")
    folder = tmp_path / "a b"
    # The Go library's own, and what a killed process left.
    (folder / "x/y.json.attrs").touch()
    (folder / ".new-x-z.json").touch()
    assert store.keys("") == ["x/y.json", "x/yy.json"]
    assert store.keys("x/y.") == ["x/y.json"]
    assert store.read("x/y.json") == b"2"
    assert [stat.S_IMODE(each.stat().st_mode) for each in (folder, folder / "x/y.json")] == [0o700, 0o600]
    store.delete("x/y.json")
    assert store.keys("") == ["x/yy.json"]
    assert not (folder / "x/y.json.attrs").exists()


def test_a_folder_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnreachableError, match="File exists"):
        FolderStore(tmp_path / "file").write("x", b"")


@pytest.mark.parametrize(
    ("url", "start", "plain"),
    [
        ("s3://states?region=eu-west-1", "https://states.s3.eu-west-1.amazonaws.com/k?", False),
        ("s3://states?region=x&endpoint=https://h:1&use_path_style=true", "https://h:1/states/k?", False),
        ("s3://states?region=x&endpoint=h:1&s3ForcePathStyle=true", "https://h:1/states/k?", False),
        ("s3://states?region=x&endpoint=h:1&disableSSL=true", "http://states.h:1/k?", True),
    ],
)
def test_a_url_means_what_it_means_to_pulumi(url: str, start: str, plain: bool) -> None:
    store = BucketStore(url)
    address = store.client.generate_presigned_url("get_object", {"Bucket": "states", "Key": "k"})
    assert address.startswith(start)
    assert store.plain_http is plain


def test_a_folder_of_a_bucket_and_its_encryption_go_with_each_key() -> None:
    store = BucketStore("s3://states/team/prod/?region=eu-west-1&ssetype=aws:kms&kmskeyid=k1")
    with Stubber(store.client) as service:
        key = {"Bucket": "states", "Key": "team/prod/a/b"}
        service.add_response("put_object", {}, {
            **key, "Body": b"1", "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "k1",
        })  # fmt: skip
        service.add_response("get_object", {"Body": io.BytesIO(b"1")}, key)
        service.add_response("delete_object", {}, key)
        listed = {"Contents": [{"Key": "team/prod/a/c"}, {"Key": "team/prod/a/b"}]}
        service.add_response("list_objects_v2", listed, {"Bucket": "states", "Prefix": "team/prod/a/"})
        service.add_client_error("get_object", "NoSuchKey", http_status_code=404)
        store.write("a/b", b"1")
        assert store.read("a/b") == b"1"
        store.delete("a/b")
        assert store.keys("a/") == ["a/b", "a/c"]
        assert store.read("a/d") is None


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("s3://states?reigon=eu", "unknown: reigon. Allowed are region, endpoint, profile"),
        ("gs://states", "must be s3://BUCKET"),
        ("s3:/states", "must be s3://BUCKET"),
        ("states", "must be s3://BUCKET"),
    ],
)
def test_what_is_no_backend_is_refused(url: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_store(url)
    assert message in str(caught.value)


def test_an_unknown_profile_is_told() -> None:
    with pytest.raises(UnreachableError, match=r"profile \(nobody\) could not be found"):
        BucketStore("s3://states?region=x&profile=nobody")


def refusal(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "ListObjectsV2")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (refusal("NoSuchBucket"), "the bucket states: there is no such bucket"),
        (refusal("AccessDenied"), "the bucket states: these credentials may not do that; docs/STATE.md has"),
        (refusal("PermanentRedirect", "eu-west-2"), "it is in another region than the URL says (eu-west-2)"),
        (refusal("SlowDown", "later"), "the bucket states: SlowDown: later"),
        (NoCredentialsError(), "the bucket states: Unable to locate credentials"),
        (EndpointConnectionError(endpoint_url="https://h"), "Could not connect to the endpoint URL"),
    ],
)
def test_why_a_bucket_refuses_is_told(monkeypatch: pytest.MonkeyPatch, error: Exception, message: str) -> None:
    store = BucketStore("s3://states?region=x")

    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(store.client, "put_object", fail)
    with pytest.raises(UnreachableError) as caught:
        store.write("x", b"")
    assert message in str(caught.value)


PRIVATE: dict[str, Any] = {
    "get_bucket_versioning": {"Status": "Enabled"},
    "get_bucket_encryption": {"ServerSideEncryptionConfiguration": {"Rules": []}},
    "get_bucket_policy_status": refusal("NoSuchBucketPolicy"),
    "get_bucket_acl": {"Grants": [{"Grantee": {"Type": "CanonicalUser", "ID": "me"}, "Permission": "FULL_CONTROL"}]},
}


def examined(monkeypatch: pytest.MonkeyPatch, url: str = "s3://states?region=x", **answers: Any) -> bucket.Findings:
    """What is found of a bucket with these answers; the others are those of a good one."""
    store = BucketStore(url)
    monkeypatch.setattr(store, "keys", lambda _prefix: [])

    def answer(value: Any) -> Any:
        def call(**_: object) -> Any:
            if isinstance(value, Exception):
                raise value
            return value

        return call

    for name, value in {**PRIVATE, **answers}.items():
        monkeypatch.setattr(store.client, name, answer(value))
    return bucket.examine(store)


def test_nothing_speaks_against_a_good_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    assert examined(monkeypatch) == bucket.Findings()


@pytest.mark.parametrize("answer", [{}, {"Status": "Suspended"}])
def test_a_bucket_without_versions(monkeypatch: pytest.MonkeyPatch, answer: dict[str, str]) -> None:
    found = examined(monkeypatch, "s3://states?region=x&endpoint=https://h:1", get_bucket_versioning=answer)
    assert found.unversioned is not None
    assert found.unversioned.endswith(
        "`aws s3api put-bucket-versioning --bucket states --versioning-configuration Status=Enabled "
        "--endpoint-url https://h:1`"
    )


def test_a_public_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = {"Grantee": {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"}}
    found = examined(
        monkeypatch,
        get_bucket_policy_status={"PolicyStatus": {"IsPublic": True}},
        get_bucket_acl={"Grants": [everybody]},
    )
    assert ["is public by its" in each for each in found.refusals] == [True, True]
    assert (found.warnings, found.unversioned) == ([], None)


def test_what_can_not_be_known_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    found = examined(
        monkeypatch,
        "s3://states?region=x&endpoint=h:1&disable_https=true",
        get_bucket_versioning=refusal("AccessDenied"),
        get_bucket_encryption=refusal("ServerSideEncryptionConfigurationNotFoundError"),
        get_bucket_policy_status=refusal("NotImplemented"),
    )
    assert (found.refusals, found.unversioned) == ([], None)
    assert found.warnings == [
        "the connection is not encrypted: who is on the way can read the state, but for its secrets",
        "whether the bucket states is versioned is not known: it takes the right s3:GetBucketVersioning",
        "the bucket states is not encrypted: all but the secrets of the state lies there in clear",
        "whether the bucket states is public by its policy is not known: its service says NotImplemented",
    ]
