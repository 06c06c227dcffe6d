"""`python -m docs.pull_request_comment`: writes docs/pull-request-comment.md anew, from a recorded preview."""

from __future__ import annotations

import sys

from docs.picture import DOCS
from ops.ci import markdown
from ops.ci.preview_report import load, report

PAGE = DOCS / "pull-request-comment.md"

#: What `python -m ops.ci.record_preview demo` wrote of a stack that was up, with the change that the page names. A test
#: checks its violations against the policies of today; where they differ, the change is made and recorded again.
RECORDING = DOCS / "previews" / "demo.jsonl"


def page() -> str:
    """The page with the comment."""
    return markdown.render("pull_request_comment.md", comment=report(load([RECORDING]))).rstrip("\n") + "\n"


def main() -> int:
    """Writes the page."""
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
