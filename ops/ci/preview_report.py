"""`python -m ops.ci.preview_report PREVIEW...`: outputs of `pulumi preview --json` in, a report in Markdown out.

Exit codes:

- 0: nothing stands in the way.
- 1: a preview failed, or a mandatory policy is broken.
- 2: a data volume, or anything else that is protected, would be replaced or deleted, and
  `--allow-volume-replacement` was not given. Comes before 1.
- 64: a wrong option, or an input that is no preview. No report is written.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import NoReturn

from ops.ci import markdown, report_blocks
from ops.ci.preview import Preview
from ops.ci.preview_reader import PreviewError, read
from ops.ci.report_blocks import LABEL, NAME_LENGTH, Block, Part, counted, number, severity

#: The first line of a report, by which it is found again.
MARKER = "<!-- tasktracker: pulumi preview -->"

#: GitHub takes 65,536 characters as a comment.
COMMENT_LIMIT = 65_000

#: Less has no room for the verdict and the call-outs of a stack, which are never left out.
LEAST_LIMIT = 10_000

#: A part of the report with more characters is folded.
FOLDED_LENGTH = 4_000

#: Characters between two blocks.
BETWEEN = 2


class Exit(IntEnum):
    """What the program ends with."""

    FINE = 0
    FAILED = 1
    DATA_VOLUME = 2
    USAGE = 64


@dataclass
class StackReport:
    """The report on one stack: what is never left out, then parts, the most important first."""

    name: str
    verdict: str
    notes: list[str]
    parts: list[Part] = field(default_factory=list)

    @property
    def blocks(self) -> list[Block]:
        """What may be shortened."""
        return [block for part in self.parts for block in part.blocks]

    @property
    def left_out(self) -> str:
        """What was, in words."""
        nouns = [block.noun for block in self.blocks if block.is_left_out]
        told = [number(nouns.count(noun), noun) for noun in dict.fromkeys(nouns)]
        shortened = sum(block.is_shortened for block in self.blocks)
        return ", ".join([*told, *([f"details of {shortened} more"] if shortened else [])])


def report(
    previews: Sequence[Preview],
    *,
    allow_volume_replacement: bool = False,
    limit: int = COMMENT_LIMIT,
    footer: str = "",
) -> str:
    """The report on `previews` in at most `limit` characters of Markdown; `footer` is Markdown too."""
    stacks = [_stack_report(preview, allowed=allow_volume_replacement) for preview in previews]
    # Those of one importance together, whichever stack they are of.
    blocks = sorted((block for stack in stacks for block in stack.blocks), key=lambda block: block.rank)
    text = _rendered(stacks, limit, footer)
    while len(text) > limit:
        if not _shorten(blocks, len(text) - limit):
            return _verdicts(stacks, limit)
        text = _rendered(stacks, limit, footer)
    return text


def exit_code(previews: Iterable[Preview], *, allow_volume_replacement: bool = False) -> Exit:
    """What `previews` mean for the check."""
    previews = list(previews)
    if not allow_volume_replacement and any(preview.losses for preview in previews):
        return Exit.DATA_VOLUME
    return Exit.FAILED if any(preview.failed for preview in previews) else Exit.FINE


def load(paths: Iterable[Path], stack: str | None = None) -> list[Preview]:
    """The previews in files, or `-` for standard input. A file is named for its stack unless `stack` is given.

    Raises:
        PreviewError: names the file that holds none.
    """
    previews = []
    for path in paths:
        standard = str(path) == "-"
        name = stack or ("stack" if standard else path.name.split(".")[0])
        try:
            content = sys.stdin.buffer.read() if standard else path.read_bytes()
            previews.append(read(content.decode(), name))
        except OSError as error:
            raise PreviewError(f"{path}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise PreviewError(f"{path}: it is no UTF-8") from error
        except PreviewError as error:
            raise PreviewError(f"{path}: {error}") from error
    return previews


def _stack_report(preview: Preview, *, allowed: bool) -> StackReport:
    notes = list(report_blocks.call_outs(preview, allowed=allowed))
    if preview.is_new:
        notes.append("The state that was read has nothing of this stack, so all of it shows as new.")
    if preview.violations is None:
        variable = markdown.code("PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true")
        notes.append(f"This form of a preview has no policy violations; {variable} makes one that has them.")
    parts = []
    if preview.errors:
        parts.append(Part([report_blocks.diagnostic(each) for each in preview.errors], title="Errors"))
    if preview.violations:
        parts.append(Part(report_blocks.violations(preview.violations), title="Policy violations"))
    parts += report_blocks.changes(preview.changes)
    if preview.warnings:
        blocks = [report_blocks.diagnostic(each) for each in preview.warnings]
        parts.append(Part(blocks, title="Warnings", summary=number(len(blocks), "warning"), open=False))
    for part in parts:
        part.open = part.open and sum(len(block.text) for block in part.blocks) <= FOLDED_LENGTH
    return StackReport(preview.stack, _verdict(preview, allowed=allowed), notes, parts)


def _verdict(preview: Preview, *, allowed: bool) -> str:
    """One line: whether the check passes, what would happen, and what is wrong."""
    told = [_counts(preview)]
    lost = {is_volume: sum(step.is_data_volume is is_volume for step in preview.losses) for is_volume in (True, False)}
    if lost[True]:
        told.append(f"**{number(lost[True], 'data volume')} replaced or deleted**")
    if lost[False]:
        told.append(f"**{number(lost[False], 'protected resource')} replaced or deleted**")
    if preview.errors:
        told.append(number(len(preview.errors), "error"))
    if preview.violations is not None:
        told.append(_policies(preview))
    passes = exit_code([preview], allow_volume_replacement=allowed) is Exit.FINE
    sign, word = ("✅", "passes") if passes else ("❌", "fails")
    return f"{sign} {markdown.code(markdown.shorten(preview.stack, NAME_LENGTH))} **{word}**: {'; '.join(told)}"


def _counts(preview: Preview) -> str:
    """How many resources would be created, updated and so on."""
    if not preview.changes:
        return "no changes" if not preview.failed else "no changes were found out"
    ops = sorted(preview.counts, key=lambda op: (severity(op), op))
    return ", ".join(counted(op, preview.counts[op]) for op in ops)


def _policies(preview: Preview) -> str:
    """How many violations there are, and of which packs there are none."""
    mandatory = sum(each.is_mandatory for each in preview.violations or ())
    advisory = len(preview.violations or ()) - mandatory
    if mandatory or advisory:
        numbers = [number(mandatory, "mandatory policy violation")] if mandatory else []
        return ", ".join([*numbers, *([number(advisory, "advisory policy violation")] if advisory else [])])
    if preview.packs:
        packs = ", ".join(markdown.text(markdown.shorten(pack, NAME_LENGTH)) for pack in preview.packs)
        return f"no policy violations ({packs})"
    return "no policy pack ran"


def _rendered(stacks: Sequence[StackReport], limit: int, footer: str) -> str:
    """The report with the blocks in the form they are in."""
    shown = []
    for stack in stacks:
        parts, title = [], ""
        for part in stack.parts:
            # The title of a part that is left out goes to the next one without.
            title = part.title or title
            texts = [block.text for block in part.blocks if block.text]
            if texts:
                parts.append({"title": title, "summary": part.summary, "open": part.open, "blocks": texts})
                title = ""
        name = markdown.shorten(stack.name, NAME_LENGTH)
        shown.append(
            {"name": name, "verdict": stack.verdict, "notes": stack.notes, "parts": parts, "left_out": stack.left_out}
        )
    text = markdown.render("preview_report.md", marker=MARKER, stacks=shown, limit=f"{limit:,}", footer=footer)
    return text.rstrip("\n") + "\n"


def _shorten(blocks: Sequence[Block], excess: int) -> bool:
    """Shortens blocks by about `excess` characters, the least important first; false if none is left.

    All are in brief before one is left out.
    """
    shortened = False
    for form in (0, 1):
        for block in reversed(blocks):
            if excess <= 0:
                return shortened
            if block.form == form:
                before = len(block.text)
                block.form += 1
                excess -= before - len(block.text) + (BETWEEN if block.is_left_out else 0)
                shortened = True
    return shortened


def _verdicts(stacks: Sequence[StackReport], limit: int) -> str:
    """The verdicts alone, of more stacks than there is room for."""
    text = f"{MARKER}\n"
    for done, stack in enumerate(stacks):
        line, rest = f"- {stack.verdict}\n", f"- and {number(len(stacks) - done, 'more stack')}\n"
        if len(text) + len(line) + len(rest) > limit:
            return text + rest
        text += line
    return text


class Parser(argparse.ArgumentParser):
    """Ends with the exit code that this program has for wrong options."""

    def error(self, message: str) -> NoReturn:
        """Says what is wrong with the options."""
        self.exit(Exit.USAGE, f"error: {message}\n{self.format_usage()}")


def _limit(text: str) -> int:
    value = int(text)
    if value < LEAST_LIMIT:
        raise argparse.ArgumentTypeError(f"must be at least {LEAST_LIMIT}")
    return value


def main(argv: Sequence[str] | None = None) -> int:
    """Writes the report; returns the exit code."""
    description, _, codes = (__doc__ or "").partition("\n\n")
    parser = Parser(
        prog="python -m ops.ci.preview_report",
        description=description,
        epilog=codes,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("previews", nargs="+", type=Path, metavar="PREVIEW", help="STACK.json, or - for standard input")
    parser.add_argument("--stack", help="the stack's name (default: the file's name up to its first dot)")
    parser.add_argument("--output", type=Path, help="where to write (default: standard output)")
    parser.add_argument("--limit", type=_limit, default=COMMENT_LIMIT, help="characters (default: %(default)s)")
    parser.add_argument(
        "--allow-volume-replacement", action="store_true", help=f"as if the pull request had the label {LABEL}"
    )
    arguments = parser.parse_args(argv)
    if arguments.stack and len(arguments.previews) > 1:
        parser.error("--stack names one preview; several are named by their files")
    allowed: bool = arguments.allow_volume_replacement
    try:
        previews = load(arguments.previews, arguments.stack)
        text = report(previews, allow_volume_replacement=allowed, limit=arguments.limit).encode()
        if arguments.output:
            arguments.output.write_bytes(text)
        else:
            sys.stdout.buffer.write(text)
    except PreviewError as error:
        sys.stderr.write(f"error: {error}\n")
        return Exit.USAGE
    except OSError as error:
        sys.stderr.write(f"error: {error.filename or 'standard output'}: {error.strerror}\n")
        return Exit.USAGE
    return exit_code(previews, allow_volume_replacement=allowed)


if __name__ == "__main__":
    sys.exit(main())
