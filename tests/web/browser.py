"""A real browser for the tests of the page: the machine's own Chromium, driven by playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--metrics-recording-only",
    "--no-first-run",
    "--no-proxy-server",
)
_AXE = Path(__file__).parents[2] / ".venv" / "axe-core" / "axe.min.js"
DESKTOP, PHONE = {"width": 1100, "height": 820}, {"width": 390, "height": 780}


def needed() -> tuple[Any, str]:
    """Return playwright and the path of Chromium; skip the test if either is missing."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-browser brings it")
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip("there is no Chromium on the PATH: apt-get install chromium")
    return api, path


@contextmanager
def browser() -> Iterator[Browser]:
    """Start Chromium without a window."""
    api, path = needed()
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        try:
            yield started
        finally:
            started.close()


def axe() -> str:
    """Return the source of axe-core; skip the test if it was not fetched."""
    path = Path(os.environ.get("HEADROOM_TEST_AXE", _AXE))
    if not path.is_file():
        pytest.skip("axe-core is not there: make test-browser fetches it")
    return path.read_text(encoding="utf-8")


def serious_findings(page: Page, source: str) -> list[str]:
    """Let axe-core look at a page; return its serious and critical findings with the elements that they are about."""
    page.evaluate(source)  # evaluated by the driver, so that the page's policy against foreign scripts stays on
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{finding['id']}: {node['html'][:160]} {node['any'][0]['message'] if node['any'] else ''}"
        for finding in found["violations"]
        if finding["impact"] in ("serious", "critical")
        for node in finding["nodes"]
    ]
