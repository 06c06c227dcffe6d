"""`python -m images.dockerignores`: writes each image's `.dockerignore`, as `make docs` does."""

from __future__ import annotations

from images.catalog import IMAGES, ROOT, dockerignore

if __name__ == "__main__":
    for image in IMAGES.values():
        (ROOT / image.dockerignore).write_text(dockerignore(image))
