"""A pull request has one comment, and its labels decide; against a GitHub of paper."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ops.ci import pull_request
from ops.ci.preview_report import MARKER, Exit
from ops.ci.pull_request import AUTHOR, GitHub, GitHubError, PullRequest, check, recorded
from tests.unit.ops.ci.previews import created, preview, stream, volume

REPOSITORY = "acme/tracker"


@dataclass
class Paper:
    """What a GitHub of paper has, and what it was asked."""

    labels: list[str] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    url: str = ""

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        self.asked.append(f"{method} {path}")
        if self.failures:
            return self.failures.pop(0), {"message": "no"}
        parts = urlsplit(path)
        base = f"/repos/{REPOSITORY}/issues"
        if method == "GET":
            every = self.comments if parts.path == f"{base}/7/comments" else [{"name": name} for name in self.labels]
            assert parts.path in (f"{base}/7/comments", f"{base}/7/labels")
            query = {name: int(values[0]) for name, values in parse_qs(parts.query).items()}
            start = (query["page"] - 1) * query["per_page"]
            return 200, every[start : start + query["per_page"]]
        if method == "POST":
            assert parts.path == f"{base}/7/comments"
            self.comments.append({"id": len(self.comments), "user": {"login": AUTHOR}, **body})
            return 201, self.comments[-1]
        assert method == "PATCH"
        [comment] = [each for each in self.comments if parts.path == f"{base}/comments/{each['id']}"]
        comment |= body
        return 200, comment


@pytest.fixture
def paper() -> Iterator[Paper]:
    made = Paper()

    class Handler(BaseHTTPRequestHandler):
        def reply(self) -> None:
            made.tokens.add(self.headers["Authorization"])
            content = self.rfile.read(int(self.headers["Content-Length"] or 0))
            code, answer = made.answer(self.command, self.path, json.loads(content or "null"))
            self.send_response(code)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        do_GET = do_POST = do_PATCH = reply

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def github(paper: Paper, monkeypatch: pytest.MonkeyPatch) -> GitHub:
    monkeypatch.setattr(pull_request, "PAUSES", (0, 0))
    return GitHub(paper.url, REPOSITORY, "t0ken")


def event(repository: str | None = REPOSITORY) -> dict[str, Any]:
    head = {"sha": 40 * "a", "repo": repository and {"full_name": repository}}
    return {"pull_request": {"number": 7, "head": head, "base": {"repo": {"full_name": REPOSITORY}}, "labels": []}}


@pytest.fixture
def job(paper: Paper, github: GitHub, tmp_path: Path) -> dict[str, str]:
    """The variables of a job."""
    (tmp_path / "event.json").write_text(json.dumps(event()))
    return {
        "GITHUB_API_URL": github.api, "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_TOKEN": github.token,
        "GITHUB_EVENT_PATH": str(tmp_path / "event.json"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "GITHUB_SERVER_URL": "https://github.example", "GITHUB_RUN_ID": "99",
    }  # fmt: skip


def summary(job: Mapping[str, str]) -> str:
    return Path(job["GITHUB_STEP_SUMMARY"]).read_text()


def test_the_first_report_is_a_new_comment_and_the_next_changes_it(paper: Paper, job: dict[str, str]) -> None:
    assert check([preview(created({}), create=1)], job) is Exit.FINE
    assert check([preview(volume("replace"), replace=1)], job) is Exit.DATA_VOLUME
    [comment] = paper.comments
    assert "Data volume would be replaced" in comment["body"]
    assert comment["body"].startswith(MARKER)
    assert comment["body"].endswith(
        "\nOf commit `aaaaaaaaaaaa`, from [this run](https://github.example/acme/tracker/actions/runs/99).\n"
    )
    assert paper.tokens == {"Bearer t0ken"}


def test_other_comments_are_left_alone(paper: Paper, github: GitHub) -> None:
    others: list[dict[str, Any]] = [
        {"id": 1, "user": {"login": "somebody"}, "body": f"{MARKER}\nquoted"},
        {"id": 2, "user": {"login": AUTHOR}, "body": f"another program's\n{MARKER}"},
        {"id": 3, "user": None, "body": MARKER},
    ]
    paper.comments += [dict(each) for each in others]
    github.comment(7, f"{MARKER}\nnew")
    assert paper.comments[:3] == others
    assert paper.comments[3]["body"] == f"{MARKER}\nnew"


def test_a_comment_is_found_on_a_later_page(paper: Paper, github: GitHub) -> None:
    paper.comments += [{"id": number, "user": {"login": "x"}, "body": ""} for number in range(250)]
    paper.comments[220] = {"id": 220, "user": {"login": AUTHOR}, "body": MARKER}
    github.comment(7, f"{MARKER}\nnew")
    assert len(paper.comments) == 250
    assert paper.comments[220]["body"] == f"{MARKER}\nnew"


def test_the_labels_of_now_decide(paper: Paper, job: dict[str, str]) -> None:
    paper.labels = ["bug", "replace-data-volume"]
    assert check([preview(volume("replace"), replace=1)], job) is Exit.FINE
    assert "The label `replace-data-volume` allows it." in paper.comments[0]["body"]
    assert "The label `replace-data-volume` allows it." in summary(job)


@pytest.mark.parametrize("repository", ["somebody/tracker", None])
def test_a_fork_gets_a_summary_with_a_note_and_no_comment(
    paper: Paper, job: dict[str, str], repository: str | None
) -> None:
    Path(job["GITHUB_EVENT_PATH"]).write_text(json.dumps(event(repository)))
    assert check([preview(created({}), create=1)], job) is Exit.FINE
    assert paper.comments == []
    assert "comes from a fork" in summary(job)
    assert MARKER in summary(job)


def test_a_fork_s_data_volumes_count_too(job: dict[str, str]) -> None:
    Path(job["GITHUB_EVENT_PATH"]).write_text(json.dumps(event("somebody/tracker")))
    assert check([preview(volume("delete"), delete=1)], job) is Exit.DATA_VOLUME


def test_a_passing_fault_of_github_is_tried_again(paper: Paper, github: GitHub) -> None:
    paper.failures = [502, 503]
    github.comment(7, MARKER)
    assert len(paper.comments) == 1


@pytest.mark.parametrize(
    ("failures", "reason"), [([403], "403 .*pull-requests: write"), ([422], "422"), ([500, 500, 500], "500")]
)
def test_a_refusal_is_told(paper: Paper, github: GitHub, failures: list[int], reason: str) -> None:
    paper.failures = list(failures)
    with pytest.raises(GitHubError, match=reason):
        github.comment(7, MARKER)
    assert len(paper.asked) == len(failures)


def test_the_summary_is_there_even_if_the_comment_is_refused(paper: Paper, job: dict[str, str]) -> None:
    original = paper.answer
    paper.answer = lambda method, path, body: (403, {}) if method == "POST" else original(method, path, body)  # type: ignore[method-assign]
    with pytest.raises(GitHubError):
        check([preview()], job)
    assert MARKER in summary(job)


def test_no_github_is_told(github: GitHub) -> None:
    with pytest.raises(GitHubError, match="refused"):
        GitHub("http://127.0.0.1:1", REPOSITORY, "").labels(7)


@pytest.mark.parametrize("content", ["{}", '{"pull_request": null}', '{"pull_request": {"number": 7}}'])
def test_another_event_is_refused(content: str) -> None:
    with pytest.raises(GitHubError, match="not started by a pull request"):
        PullRequest.of_event(json.loads(content))


def test_a_missing_recording_is_a_failed_preview(tmp_path: Path) -> None:
    (tmp_path / "dev.jsonl").write_text(stream())
    dev, prod = recorded(tmp_path, ["dev", "prod"])
    assert (dev.stack, dev.failed, prod.stack, prod.failed) == ("dev", False, "prod", True)
    assert "its job failed" in prod.errors[0].message


def test_a_preview_without_policies_is_a_failed_one(tmp_path: Path) -> None:
    (tmp_path / "dev.jsonl").write_text(stream().replace('{"docker-hosts|local|policies": "1.0.0"}', "{}"))
    (tmp_path / "prod.jsonl").write_text(json.dumps({"steps": [], "changeSummary": {}}))
    dev, prod = recorded(tmp_path, ["dev", "prod"])
    assert [each.message for each in dev.errors] == [each.message for each in prod.errors] == ["No policy pack ran."]
    assert dev.failed
    assert prod.failed


def test_the_program(
    tmp_path: Path,
    job: dict[str, str],
    paper: Paper,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in job.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "dev.jsonl").write_text(stream(created({}), create=1))
    assert pull_request.main([str(tmp_path), "--stacks", '["dev"]']) == 0
    assert pull_request.main([str(tmp_path), "--stacks", '["dev", "prod"]']) == 1
    assert len(paper.comments) == 1
    monkeypatch.delenv("GITHUB_TOKEN")
    assert pull_request.main([str(tmp_path), "--stacks", '["dev"]']) == 64
    assert "its token is missing" in capsys.readouterr().err


@pytest.mark.parametrize("stacks", ["", "[]", "{}", "[1]", "dev"])
def test_a_list_of_stacks_is_needed(tmp_path: Path, stacks: str) -> None:
    with pytest.raises(SystemExit) as ended:
        pull_request.main([str(tmp_path), "--stacks", stacks])
    assert ended.value.code == 64
