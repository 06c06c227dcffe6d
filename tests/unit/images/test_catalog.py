"""Names of images follow from their content, and from nothing else."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest

from images.catalog import IMAGES, ROOT, CatalogError, Image, dockerignore, ignored, images_in, local_reference
from settings.services import SERVICES, ServiceInfo
from tests.images.test_images import SIZE_LIMITS

#: Every pair of an image and something that goes into it.
SOURCES = [(image.name, source) for image in IMAGES.values() for source in image.sources]


def file_of(path: Path) -> Path:
    """`path` itself, or the first file in that folder."""
    if path.is_file():
        return path
    return next(file for file in sorted(path.rglob("*")) if file.is_file() and not ignored(file.parent))


def copies(name: str) -> set[str]:
    """What an image's Dockerfile copies."""
    return {*IMAGES[name].inputs, *IMAGES[name].programs}


@pytest.mark.parametrize("name", IMAGES)
def test_a_reference_has_the_repository_and_a_short_hash(name: str) -> None:
    assert re.fullmatch(rf"tasktracker/{name}:[0-9a-f]{{12}}", local_reference(name))


@pytest.mark.parametrize("name", IMAGES)
def test_the_same_content_elsewhere_has_the_same_reference(name: str, tree: Path) -> None:
    assert local_reference(name, tree) == local_reference(name)


def test_times_modes_and_git_do_not_matter(tree: Path) -> None:
    before = {name: local_reference(name, tree) for name in IMAGES}
    (tree / ".git").mkdir()
    for path in tree.rglob("*"):
        os.utime(path, (0, 0))
        path.chmod(0o700)
    assert {name: local_reference(name, tree) for name in IMAGES} == before


@pytest.mark.parametrize(("name", "source"), SOURCES)
def test_each_input_matters(name: str, source: str, tree: Path) -> None:
    before = local_reference(name, tree)
    with file_of(tree / source).open("a") as file:
        file.write("\n# changed\n")
    assert local_reference(name, tree) != before


def test_a_version_has_images_of_its_own_where_they_hold_the_projects_code(tree: Path) -> None:
    before = {name: local_reference(name, tree) for name in IMAGES}
    (tree / "VERSION").write_text("9.9.9\n")
    assert {name for name in IMAGES if local_reference(name, tree) != before[name]} == {"app", "dashboard"}


def test_an_added_and_a_renamed_file_matter(tree: Path) -> None:
    references = [local_reference("app", tree)]
    added = tree / "app/tasktracker/added.py"
    added.write_text("")
    references.append(local_reference("app", tree))
    added.rename(added.with_name("renamed.py"))
    references.append(local_reference("app", tree))
    assert len(set(references)) == 3


def test_moving_text_between_files_matters(tree: Path) -> None:
    one, two = tree / "app/tasktracker/a.py", tree / "app/tasktracker/b.py"
    one.write_text("xy")
    two.write_text("z")
    before = local_reference("app", tree)
    one.write_text("x")
    two.write_text("yz")
    assert local_reference("app", tree) != before


@pytest.mark.parametrize("name", ["__pycache__/api.cpython-311.pyc", "stale.pyc", ".DS_Store"])
def test_leftovers_do_not_matter(name: str, tree: Path) -> None:
    before = local_reference("app", tree)
    path = tree / "app/tasktracker" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("left behind")
    assert local_reference("app", tree) == before


@pytest.mark.parametrize(
    "path", ["app/tests/test_api.py", "app/requirements.in", "README.md", "images/object_store/built/versitygw"]
)
def test_what_no_image_copies_does_not_matter(path: str, tree: Path) -> None:
    before = {name: local_reference(name, tree) for name in IMAGES}
    (tree / path).parent.mkdir(exist_ok=True)
    (tree / path).write_text("other")
    assert {name: local_reference(name, tree) for name in IMAGES} == before


def test_a_change_reaches_the_images_built_on_it_and_no_others(tree: Path) -> None:
    before = {name: local_reference(name, tree) for name in IMAGES}
    with (tree / "images/nginx/Dockerfile").open("a") as file:
        file.write("# changed\n")
    assert {name for name in IMAGES if local_reference(name, tree) != before[name]} == {"nginx", "dashboard"}


def test_a_missing_input_is_named(tree: Path) -> None:
    (tree / "app/requirements.lock").unlink()
    with pytest.raises(CatalogError, match=r"image 'app': app/requirements\.lock is missing"):
        local_reference("app", tree)


def test_an_unknown_image_is_named_with_those_there_are() -> None:
    with pytest.raises(CatalogError, match="image 'rabbitmq': unknown; there are base, app, cloudflared"):
        local_reference("rabbitmq")


def test_all_references_take_under_50_ms() -> None:
    def seconds() -> float:
        start = time.process_time()
        for name in IMAGES:
            local_reference(name)
        return time.process_time() - start

    # The best of some: what else the machine does makes caches cold.
    assert min(seconds() for _ in range(5)) < 0.05


def test_each_image_comes_after_its_parent() -> None:
    names = list(IMAGES)
    assert all(image.parent is None or names.index(image.parent) < names.index(image.name) for image in IMAGES.values())


@pytest.mark.parametrize("name", IMAGES)
def test_a_build_sees_what_its_name_is_made_of_and_nothing_else(name: str) -> None:
    patterns = (ROOT / IMAGES[name].dockerignore).read_text().splitlines()
    assert patterns[0] == "*"
    assert {pattern[1:] for pattern in patterns if pattern.startswith("!")} == copies(name)


@pytest.mark.parametrize(
    "name", [image.name for image in IMAGES.values() if any((ROOT / path).is_dir() for path in image.inputs)]
)
def test_a_build_sees_no_leftovers_in_the_folders_it_copies(name: str) -> None:
    patterns = (ROOT / IMAGES[name].dockerignore).read_text().splitlines()
    assert patterns[-3:] == ["**/__pycache__", "**/*.pyc", "**/.DS_Store"]


@pytest.mark.parametrize("image", IMAGES.values(), ids=lambda image: image.name)
def test_what_a_build_sees_is_written_by_make_docs(image: Image) -> None:
    assert (ROOT / image.dockerignore).read_text() == dockerignore(image)


@pytest.mark.parametrize("text", ["FROM debian\n", "ARG VERSION=1\nFROM debian\n", "ARG MINE\nFROM ${MINE}\n", ""])
def test_a_dockerfile_of_the_users_own_is_passed_over(tree: Path, text: str) -> None:
    (tree / "images/mine").mkdir()
    (tree / "images/mine/Dockerfile").write_text(text)
    assert images_in(tree) == IMAGES


def test_each_image_has_a_limit_of_its_size() -> None:
    assert SIZE_LIMITS.keys() == IMAGES.keys()


def test_images_are_what_their_dockerfiles_say() -> None:
    parents = {name: image.parent for name, image in IMAGES.items() if image.parent != "base"}
    assert parents == {"base": None, "dashboard": "nginx"}
    tools = {name: image.go_tools for name, image in IMAGES.items() if image.go_tools}
    assert tools == {
        "cloudflared": ("cloudflared",),
        "file_backups": ("nats", "supercronic"),
        "object_store": ("versitygw",),
        "postgres": ("supercronic",),
    }
    assert IMAGES["app"].inputs == ("app/pyproject.toml", "app/requirements.lock", "app/tasktracker")
    assert IMAGES["nginx"].inputs == ("images/nginx/bin", "images/nginx/share")


@pytest.mark.parametrize("name", [name for name in IMAGES if name != "base"])
def test_a_dockerfile_keeps_to_the_rules(name: str) -> None:
    text = (ROOT / IMAGES[name].dockerfile).read_text()
    assert f"ARG {IMAGES[name].parent_argument}\n" in text
    assert "# syntax=" not in text, "a syntax line is fetched from an image registry"
    assert "ADD " not in text
    for label in ("title", "version", "revision"):
        assert f"org.opencontainers.image.{label}=" in text
    copied = {word for line in text.splitlines() if line.startswith("COPY") for word in line.split()[1:-1]}
    # A folder's files, as `bin/*`: a mode for the folder itself would be set on it, too.
    assert {re.sub(r"/\*?$", "", word) for word in copied if word.startswith(("app/", "images/"))} == copies(name)


@pytest.mark.parametrize("module", [module for image in IMAGES.values() for module in image.modules])
def test_a_go_module_names_its_tool_and_locks_all_that_it_needs(module: str) -> None:
    lines = (ROOT / module / "go.mod").read_text().splitlines()
    assert len([line for line in lines if line.startswith("tool ")]) == 1
    found = [re.fullmatch(r"(?:replace |\t)(\S+) => (\S+) (v\S+)", line) for line in lines if "=>" in line]
    # By a version of a module, which go.sum locks, never by a folder.
    replaced = {match[1]: (match[2], match[3]) for match in found if match}
    assert len(replaced) == len(found)
    words = [line.split() for line in lines if line.startswith("\t") and "=>" not in line]
    required = {replaced.get(path, (path, version)) for path, version, *_ in words}
    locked = {tuple(line.split()[:2]) for line in (ROOT / module / "go.sum").read_text().splitlines()}
    assert {(path, f"{version}/go.mod") for path, version in required} <= locked


@pytest.mark.parametrize("service", SERVICES.values(), ids=lambda service: service.name)
def test_the_image_has_the_user_of_the_service(service: ServiceInfo) -> None:
    image: Image | None = IMAGES[service.folder]
    users: list[str] = []
    while image is not None and not users:
        users = re.findall(r"^USER (\d+:\d+)$", (ROOT / image.dockerfile).read_text(), re.MULTILINE)
        image = IMAGES[image.parent] if image.parent else None
    assert users[-1:] == [service.user]
