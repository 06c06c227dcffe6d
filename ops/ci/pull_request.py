"""`python -m ops.ci.pull_request FOLDER --stacks JSON`: recorded previews as the one comment of a pull request.

Runs in a job of GitHub Actions, and ends with the exit codes of `ops.ci.preview_report`. The whole report goes to
the job's summary too. A pull request from a fork gets no comment: its job may not write.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.ci import markdown
from ops.ci.preview import Diagnostic, Preview
from ops.ci.preview_reader import PreviewError
from ops.ci.preview_report import MARKER, Exit, Parser, exit_code, load, report
from ops.ci.report_blocks import LABEL

#: Who comments with a job's token.
AUTHOR = "github-actions[bot]"

#: GitHub takes 1 MiB as a job's summary, and a character has at most four bytes.
SUMMARY_LIMIT = 250_000

#: Seconds for one answer, and those before each further try where GitHub has a problem of its own.
TIMEOUT = 30
PAUSES = (2, 5, 15)

#: Comments of one request; GitHub has no more.
PAGE = 100

SERVER_ERROR = 500

FORK = (
    "This pull request comes from a fork, so it has no access to secrets and its checks may not comment: "
    "the report is here only, and shows every stack as new."
)


class GitHubError(Exception):
    """GitHub refused, or could not be reached; the message says what to do."""


@dataclass(frozen=True)
class PullRequest:
    """A pull request, as the event that started the job tells of it.

    Attributes:
        number: Its number.
        commit: Its newest commit.
        from_fork: Whether its branch is in another repository.
    """

    number: int
    commit: str
    from_fork: bool

    @classmethod
    def of_event(cls, event: Mapping[str, Any]) -> PullRequest:
        """Reads a `pull_request` event.

        Raises:
            GitHubError: it is another event.
        """
        try:
            told = event["pull_request"]
            # A fork that was deleted is null.
            repository = (told["head"]["repo"] or {}).get("full_name")
            return cls(int(told["number"]), str(told["head"]["sha"]), repository != told["base"]["repo"]["full_name"])
        except (KeyError, TypeError, ValueError) as error:
            raise GitHubError("the job was not started by a pull request") from error


@dataclass(frozen=True)
class GitHub:
    """GitHub's REST API for one repository."""

    api: str
    repository: str
    token: str

    def labels(self, number: int) -> set[str]:
        """The labels that a pull request has now; those of the event may be outdated where a job runs again."""
        return {str(label["name"]) for label in self._all(f"issues/{number}/labels")}

    def comment(self, number: int, body: str) -> None:
        """Makes `body` the comment of this project on a pull request: the one that is there, or a new one."""
        for comment in self._all(f"issues/{number}/comments"):
            # A person's comment may quote it.
            if str(comment["body"]).startswith(MARKER) and (comment["user"] or {}).get("login") == AUTHOR:
                self._request("PATCH", f"issues/comments/{int(comment['id'])}", {"body": body})
                return
        self._request("POST", f"issues/{number}/comments", {"body": body})

    def _all(self, path: str) -> list[dict[str, Any]]:
        """All pages of a list."""
        found: list[dict[str, Any]] = []
        while len(found) % PAGE == 0:
            page = self._request("GET", f"{path}?per_page={PAGE}&page={len(found) // PAGE + 1}")
            if not page:
                break
            found += page
        return found

    def _request(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - any JSON
        request = urllib.request.Request(  # noqa: S310 - the address is the runner's
            f"{self.api}/repos/{self.repository}/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )
        for pause in (*PAUSES, None):
            try:
                with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code < SERVER_ERROR or pause is None:
                    advice = "; the job needs `pull-requests: write`" if error.code in (403, 404) else ""
                    raise GitHubError(f"{method} {path}: {error.code} {error.reason}{advice}") from error
            except (OSError, ValueError) as error:
                if pause is None:
                    raise GitHubError(f"{method} {path}: {error}") from error
            time.sleep(pause)
        raise AssertionError("unreachable")


def recorded(folder: Path, stacks: Iterable[str]) -> list[Preview]:
    """The previews of `stacks` in a folder of `STACK.jsonl`; one that is missing, or had no policies, counts as failed.

    Raises:
        PreviewError: a file holds no preview.
    """
    previews = []
    for stack in stacks:
        path = folder / f"{stack}.jsonl"
        if path.exists():
            [preview] = load([path], stack)
            if not preview.failed and not preview.packs:
                preview.diagnostics.append(Diagnostic("error", "", "No policy pack ran."))
                preview.failed = True
            previews.append(preview)
        else:
            missing = Diagnostic("error", "", "There is no preview: its job failed, and has the reason in its log.")
            previews.append(Preview(stack, diagnostics=[missing], violations=[], packs=[], failed=True))
    return previews


def check(previews: Sequence[Preview], environment: Mapping[str, str]) -> Exit:
    """Reports on `previews`, in the job's summary and, unless it is a fork's, in the comment.

    Raises:
        GitHubError: GitHub refused, or the job is of another kind.
    """
    try:
        event = json.loads(Path(environment["GITHUB_EVENT_PATH"]).read_text())
        github = GitHub(environment["GITHUB_API_URL"], environment["GITHUB_REPOSITORY"], environment["GITHUB_TOKEN"])
        run = f"{environment['GITHUB_SERVER_URL']}/{github.repository}/actions/runs/{environment['GITHUB_RUN_ID']}"
        summary = Path(environment["GITHUB_STEP_SUMMARY"])
    except (KeyError, OSError, ValueError) as error:
        raise GitHubError(f"this is no job of GitHub Actions, or its token is missing: {error}") from error
    pull_request = PullRequest.of_event(event)
    allowed = LABEL in github.labels(pull_request.number)
    # Before anything is said of GitHub's answer: the summary is there even if the comment is refused.
    whole = report(previews, allow_volume_replacement=allowed, limit=SUMMARY_LIMIT)
    with summary.open("a", encoding="utf-8") as file:
        file.write(f"{FORK}\n\n{whole}" if pull_request.from_fork else whole)
    if not pull_request.from_fork:
        footer = f"Of commit {markdown.code(pull_request.commit[:12])}, from [this run]({run})."
        github.comment(pull_request.number, report(previews, allow_volume_replacement=allowed, footer=footer))
    return exit_code(previews, allow_volume_replacement=allowed)


def _names(text: str) -> list[str]:
    names = json.loads(text)
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise argparse.ArgumentTypeError("must be a JSON list of at least one name")
    return names


def main(argv: Sequence[str] | None = None) -> int:
    """Comments; returns the exit code of the check."""
    parser = Parser(prog="python -m ops.ci.pull_request", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path, help="where ops.ci.record_preview has written STACK.jsonl")
    parser.add_argument("--stacks", type=_names, required=True, help='what must be there, such as ["dev", "prod"]')
    arguments = parser.parse_args(argv)
    try:
        return check(recorded(arguments.folder, arguments.stacks), os.environ)
    except (GitHubError, PreviewError) as error:
        sys.stderr.write(f"error: {error}\n")
        return Exit.USAGE


if __name__ == "__main__":
    sys.exit(main())
