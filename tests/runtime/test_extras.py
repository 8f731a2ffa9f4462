"""Optional dependencies: a missing one is named with the command that brings it."""

from __future__ import annotations

import sys

import pytest

from headroom.errors import MissingExtra
from headroom.runtime.extras import need

pytestmark = pytest.mark.quick


def test_a_missing_module_names_its_extra() -> None:
    """The error says what to install."""
    with pytest.raises(MissingExtra, match=r"no_such_thing is not installed; run: pip install .*\[hnsw\]"):
        need("no_such_thing", "hnsw")


def test_a_part_of_this_package_names_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell whose own dependency is missing names that, and not itself."""
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "headroom.web.serve", raising=False)
    with pytest.raises(MissingExtra, match=r"uvicorn is not installed; run: pip install .*\[ui\]"):
        need("headroom.web.serve", "ui")


def test_a_missing_part_of_this_package_is_no_extra() -> None:
    """What is not there at all is raised as it is."""
    with pytest.raises(ModuleNotFoundError, match=r"headroom\.nothing"):
        need("headroom.nothing", "ui")
