"""The documentation builds as a site in which every link of its own leads somewhere."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import models
import streams
from docs import sketches

ROOT = Path(__file__).parents[1]
REFERENCE = {"models": models, "streams": streams}


class Page(HTMLParser):
    """The anchors of a page, and where its links and pictures lead."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.targets: list[str] = []
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.anchors.add(value)
            elif name in ("href", "src") and value:
                self.targets.append(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site built from nothing, with every warning an error."""
    pytest.importorskip("sphinx", reason="the site takes the extra docs")
    built = tmp_path_factory.mktemp("site")
    options = ["-q", "-j", "auto", "-W", "--keep-going", "-d", str(built / "cache"), "-c", "docs"]
    run = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, ".", str(built / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return built / "site"


def broken(pages: dict[Path, Page]) -> Iterator[str]:
    for path, page in pages.items():
        for target in page.targets:
            to = urlsplit(target)
            if to.scheme or to.netloc:
                continue
            reached = (path.parent / unquote(to.path)).resolve() if to.path else path
            known = pages[reached].anchors if reached in pages else set()
            if not reached.exists() or (to.fragment and to.fragment not in known):
                yield f"{path.name}: {target}"


def test_every_link_and_anchor_of_the_site_leads_to_something(site):
    pages = {path.resolve(): Page(path) for path in site.rglob("*.html")}
    assert len(pages) > 40
    assert list(broken(pages)) == []


@pytest.mark.parametrize("package", REFERENCE)
def test_the_reference_has_all_that_a_package_exports(site, package):
    anchors = Page(site / f"docs/reference/{package}.html").anchors
    assert {f"{package}.{name}" for name in REFERENCE[package].__all__} <= anchors


@pytest.mark.parametrize("name", sketches.SKETCHES)
def test_a_sketch_is_as_it_is_drawn(name):
    drawn = sketches.FOLDER / f"concept-{name}.svg"
    assert drawn.read_text() == str(sketches.SKETCHES[name]()), "make docs renews it"
