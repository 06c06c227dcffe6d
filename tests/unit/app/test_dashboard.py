"""The dashboard's files keep to the strict content security policy and to what tests rely on."""

import re
from html.parser import HTMLParser
from pathlib import Path

DASHBOARD = Path(__file__).parents[3] / "app" / "dashboard"
PAGE = (DASHBOARD / "index.html").read_text()
SCRIPT = (DASHBOARD / "assets" / "dashboard.js").read_text()


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


ELEMENTS = Page(PAGE).elements
IDS = {attributes["id"] for _, attributes in ELEMENTS if "id" in attributes}


def test_nothing_is_inline() -> None:
    for tag, attributes in ELEMENTS:
        assert tag != "style"
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        if tag == "script":
            assert attributes["src"]
    assert not re.search(r"innerHTML|insertAdjacentHTML|\beval\(|\.style\b|setAttribute\(\"style", SCRIPT)


def test_every_file_it_names_is_there_and_its_own() -> None:
    missing = Page((DASHBOARD / "404.html").read_text()).elements
    named = [attributes.get("src") or attributes.get("href") for _, attributes in ELEMENTS + missing]
    paths = [path for path in named if path and path != "/"]
    assert paths
    assert all((DASHBOARD / path.removeprefix("/")).is_file() for path in paths)
    assert not re.search(r"https?://", SCRIPT)


def test_ids_that_tests_and_the_script_rely_on_are_there() -> None:
    assert {"title", "notes", "add", "error", "tasks", "more", "connection", "version"} <= IDS
    assert set(re.findall(r'byId\("([^"]+)"\)', SCRIPT)) <= IDS


def test_every_field_has_a_label() -> None:
    labelled = {attributes.get("for") for tag, attributes in ELEMENTS if tag == "label"}
    fields = {attributes.get("id") for tag, attributes in ELEMENTS if tag in {"input", "textarea", "select"}}
    assert fields <= labelled
