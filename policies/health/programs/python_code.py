"""What Python code in a health check asks: it is parsed, and what certainly runs in it is looked at."""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

#: Functions of Python that connect, and those whose failure is a result that has to be looked at.
_CONNECT: Final = frozenset({
    "urlopen", "create_connection", "connect", "open_connection", "open_unix_connection", "request", "getresponse",
    "get", "head", "post", "urlretrieve", "sendall", "connect_ex", "websocket_connect",
})  # fmt: skip
_AGE: Final = frozenset({"getmtime", "getctime", "st_mtime", "st_mtime_ns"})
_HARMLESS_GET: Final = frozenset({"environ", "dict", "os", "config", "globals", "locals", "vars", "sys"})
_EXITS: Final = frozenset({"exit", "_exit", "quit"})
_HTTP_CLIENTS: Final = frozenset({"requests", "httpx"})
_LOOKED_AT: Final = frozenset({"status_code", "ok", "is_success", "is_error", "reason", "text", "content"})
_RAISES: Final = frozenset({"raise_for_status", "json"})


@lru_cache(maxsize=256)
def python_asks(code: str) -> bool:
    """Whether Python code connects to something, looks at a file's age, or calls what is the image's own.

    >>> [python_asks(code) for code in ("pass", "import socket; socket.create_connection(('127.0.0.1', 80))")]
    [False, True]
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    own = {
        alias.asname or alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if (getattr(node, "module", None) or alias.name).split(".")[0] not in sys.stdlib_module_names
    }
    functions = {
        node.name: node.body for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    reached = [node for statement in _reached(tree.body, functions, 0) for node in _without_lambdas(statement)]
    names = {_name(node) for node in reached if isinstance(node, ast.Call | ast.Attribute)}
    fails = any(isinstance(node, ast.Assert | ast.Raise) for node in reached) or any(map(_may_fail, reached))
    if names & _AGE:
        return fails and any(isinstance(node, ast.Compare) for node in reached)
    return any(_connects(node, own, names, fails=fails) for node in reached if isinstance(node, ast.Call))


def _may_fail(node: ast.AST) -> bool:
    """Whether it is an `exit` with anything but 0."""
    if not isinstance(node, ast.Call) or _name(node) not in _EXITS:
        return False
    return bool(node.args) and not (isinstance(node.args[0], ast.Constant) and not node.args[0].value)


def _connects(call: ast.Call, own: set[str], names: set[str], *, fails: bool) -> bool:
    name, base = _name(call), _base(call.func)
    if base in own:
        # A client that takes an error page for an answer proves as little as curl without -f.
        looks = bool(names & _RAISES) or (fails and bool(names & _LOOKED_AT))
        return base not in _HTTP_CLIENTS or (name in _CONNECT and looks)
    if name not in _CONNECT or (name in ("get", "head", "post") and base in _HARMLESS_GET):
        return False
    if name == "get" and base not in ("http", "client", "session", "conn", "c"):
        return False
    return fails if name == "connect_ex" else True


def _name(node: ast.AST) -> str:
    """The last name of a call or an attribute."""
    if isinstance(node, ast.Call):
        return _name(node.func)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _base(node: ast.AST) -> str:
    """The first name of a chain of attributes and calls."""
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


_Functions = dict[str, list[ast.stmt]]


def _reached(body: Sequence[ast.stmt], functions: _Functions, depth: int) -> Iterator[ast.AST]:
    """What runs for certain, or may, of some statements; what is swallowed by a `try` doesn't count."""
    if depth > 8:
        return
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if isinstance(statement, ast.Try):
            yield from _of_try(statement, functions, depth)
        elif isinstance(statement, ast.If | ast.While) and isinstance(statement.test, ast.Constant):
            yield from _reached(statement.body if statement.test.value else statement.orelse, functions, depth + 1)
        elif isinstance(statement, ast.If | ast.While | ast.For | ast.With | ast.AsyncWith | ast.AsyncFor):
            yield from _heads(statement)
            yield from _reached(statement.body, functions, depth + 1)
            yield from _reached(getattr(statement, "orelse", []), functions, depth + 1)
        else:
            yield statement
            for called in {_name(node) for node in _without_lambdas(statement) if isinstance(node, ast.Call)} & set(
                functions
            ):
                yield from _reached(functions[called], {k: v for k, v in functions.items() if k != called}, depth + 1)
            if isinstance(statement, ast.Expr) and _ends_here(statement.value):
                return


def _heads(statement: ast.stmt) -> Iterator[ast.AST]:
    for field in ("test", "iter"):
        if isinstance(value := getattr(statement, field, None), ast.AST):
            yield value
    for item in getattr(statement, "items", ()):
        if isinstance(item, ast.withitem) and "suppress" in ast.dump(item):
            continue
        yield item


def _of_try(statement: ast.Try, functions: _Functions, depth: int) -> Iterator[ast.AST]:
    handlers = [node for handler in statement.handlers for step in handler.body for node in ast.walk(step)]
    fails = any(isinstance(node, ast.Raise) for node in handlers) or any(map(_may_fail, handlers))
    if fails or not statement.handlers:
        yield from _reached(statement.body, functions, depth + 1)
        yield from handlers
    yield from _reached([*statement.orelse, *statement.finalbody], functions, depth + 1)


def _run_parts(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of an expression that run: not the branch that a constant rules out."""
    if isinstance(node, ast.IfExp) and isinstance(node.test, ast.Constant):
        yield node.body if node.test.value else node.orelse
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield value
            if isinstance(value, ast.Constant) and bool(value.value) is isinstance(node.op, ast.Or):
                return
    elif not isinstance(node, ast.Lambda):
        yield from ast.iter_child_nodes(node)


def _without_lambdas(statement: ast.AST) -> list[ast.AST]:
    found: list[ast.AST] = []
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        if not isinstance(node, ast.Lambda):
            found.append(node)
            pending += _run_parts(node)
    return found


def _ends_here(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and _name(value) in _EXITS
