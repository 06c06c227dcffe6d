"""How the database is reached, and which errors mean that it is away."""

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from tasktracker.store.database import connect_arguments, is_unavailable


class Reported(Exception):
    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("as the driver reports it")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        PoolTimeoutError(),
        asyncpg.CannotConnectNowError("starting up"),
        asyncpg.InterfaceError("connection is closed"),
        InterfaceError("SELECT 1", {}, Exception()),
        DBAPIError("SELECT 1", {}, Reported("57P01")),
        DBAPIError("SELECT 1", {}, Reported("57P03")),
        DBAPIError("SELECT 1", {}, Reported("53300")),
        DBAPIError("SELECT 1", {}, Reported("40P01")),
        DBAPIError("SELECT 1", {}, Exception(), connection_invalidated=True),
    ],
)
def test_outages(error: Exception) -> None:
    assert is_unavailable(error)


@pytest.mark.parametrize(
    "error",
    [
        KeyError(),
        ValueError(),
        asyncpg.InvalidPasswordError("wrong"),
        DBAPIError("SELECT 1", {}, Reported("42P01")),
        DBAPIError("SELECT 1", {}, Reported(None)),
        IntegrityError("SELECT 1", {}, Reported("23505")),
    ],
)
def test_mistakes(error: Exception) -> None:
    assert not is_unavailable(error)


def test_connect_arguments_are_decoded_and_tls_is_as_the_url_says() -> None:
    plain = connect_arguments(SecretStr("postgresql://a%40b:p%2Fw@h:1/d"), "app")
    assert [plain[key] for key in ("host", "port", "user", "password", "database")] == ["h", 1, "a@b", "p/w", "d"]
    assert plain["ssl"] == "disable"
    assert connect_arguments(SecretStr("postgresql://a:b@h/d?sslmode=require"), "app")["ssl"] == "require"
