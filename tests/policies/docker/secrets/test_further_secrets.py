"""Further secrets that are found, and values that are none."""

from __future__ import annotations

import base64

from policies.evaluate import findings
from policies.resource import Resource
from policies.rule import Scope
from tests.policies.cases import rule_of
from tests.policies.compliant import carrier, container
from tests.policies.docker.secrets.samples import TOKEN, env, label

BASIC = base64.b64encode(b"admin:hunter2").decode()
BAD_VARIABLES = [f"HTTP_AUTHORIZATION=Basic {BASIC}", "NEXT_PUBLIC_DB_PASSWORD=hunter2", f"VITE_GITHUB_KEY={TOKEN}"]
GOOD_VARIABLES = [
    "AUTH_PASSWORD_VALIDATORS=default", "VITE_GOOGLE_ANALYTICS_KEY=G-ABCDEF1234", "MAPBOX_PUBLIC_TOKEN=pk.abc.def",
    "NEXT_PUBLIC_SENTRY_DSN=https://0f1e2d3c4b5a69788796a5b4c3d2e1f0@o42.ingest.sentry.io/4505",
    "GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D", "CLUSTER_ID=MkU3OEVBNTcwNTJENDM2Qk",
]  # fmt: skip
BAD_COMMANDS = [["sh", "-c", "echo 'admin:hunter2' | chpasswd"], ["snmpget", "-A", "hunter2222", "host"]]
BAD_CONTENTS: dict[str, str | bytes] = {
    "/etc/users.txt": '"app" "hunter2"\n',
    "/etc/ldap.conf": "bindpw hunter2\n",
    "/etc/sasl_passwd": "[smtp.example.com]:587 user:hunter2\n",
    "/etc/realm.json": '{"credentials":[{"type":"password","value":"hunter2"}]}',
    "/etc/app.env": "DB_PASSWORD=hunter2\n".encode("utf-16"),
}
GOOD_CONTENTS = {
    "/etc/fluent.conf": "<match>\n  password \"#{ENV['ES_PASSWORD']}\"\n</match>\n",
    "/etc/package-lock.json": '{"node_modules/js-tokens":{"integrity":"sha512-RdJUflcE3cUzKiMqQgsCu06FPu9'
    'UdIJO0beYbPhHN4k6apgJtifcoCtT9bcxOpYBtpD2kCM6Sbzg4CausW/PKQ=="}}',
    "/etc/ssh/sshd_config": "PasswordAuthentication no\nAuthorizedKeysFile .ssh/authorized_keys\n",
    "/etc/nsswitch.conf": "passwd: files\nshadow: files\n",
    "/etc/ldap.conf": "bindpwfile /run/secrets/x\n",
    "/etc/comments.conf": "# the password: it is in a file\nlisten 80\n",
}


def _upload(file: str, content: str | bytes) -> Resource:
    raw = content if isinstance(content, bytes) else content.encode()
    return carrier({"uploads": [{"file": file, "contentBase64": base64.b64encode(raw).decode()}]})


def _is_found(*resources: Resource) -> bool:
    rule = rule_of("DKR-SECRET")
    return bool(findings(rule, resources, Scope(rule.options(), stack="prod")))


def test_more_secrets_and_values_that_are_none() -> None:
    assert [each for each in BAD_VARIABLES if not _is_found(*env(each))] == []
    assert [each for each in GOOD_VARIABLES if _is_found(*env(each))] == []
    assert [each for each in BAD_COMMANDS if not _is_found(container({"command": each}))] == []
    assert [file for file, content in BAD_CONTENTS.items() if not _is_found(_upload(file, content))] == []
    assert [file for file, content in GOOD_CONTENTS.items() if _is_found(_upload(file, content))] == []
    assert not _is_found(*label("files", 2 * "0f1e2d3c4b5a69788796a5b4c3d2e1f0"))
    in_a_mount = {
        "type": "volume",
        "target": "/x",
        "volumeOptions": {"labels": [{"label": "password", "value": "hunter2"}]},
    }
    assert _is_found(container({"mounts": [in_a_mount]}))
