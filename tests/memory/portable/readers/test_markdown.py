"""Memories from Markdown lists."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from headroom.errors import UnreadableImport
from headroom.memory.portable.readers import markdown

pytestmark = pytest.mark.quick

NOTES = """\ufeff# About Alice

Some prose that is no list.

## Preferences
- Prefers **dark mode**
* Likes tea,
  most of all Darjeeling
1. Uses `uv`, not pip
- [x] Has a cat called Momo

- Languages:
    - Python
    - Go
- Lives in Berlin

```
- not a memory
```

## Dates ##
- 2025-06-01: Started to run
[2025-07-02] - User adopted a dog
- [2024-01-05] **Moved** house
-not a bullet
***
"""


def test_each_bullet_is_a_memory(tmp_path: Path) -> None:
    """With the headings above it; continued lines are joined, and code, prose and rules are left out."""
    file = tmp_path / "notes.md"
    file.write_text(NOTES, encoding="utf-8")
    found = [(one.draft.content, one.draft.metadata.get("heading")) for one in markdown.read(file)]
    assert found == [
        ("Prefers **dark mode**", "About Alice / Preferences"),
        ("Likes tea, most of all Darjeeling", "About Alice / Preferences"),
        ("Uses `uv`, not pip", "About Alice / Preferences"),
        ("Has a cat called Momo", "About Alice / Preferences"),
        ("Python", "About Alice / Preferences / Languages"),
        ("Go", "About Alice / Preferences / Languages"),
        ("Lives in Berlin", "About Alice / Preferences"),
        ("Started to run", "About Alice / Dates"),
        ("User adopted a dog", "About Alice / Dates"),
        ("**Moved** house", "About Alice / Dates"),
    ]


def test_a_date_in_front_is_when_it_was_said(tmp_path: Path) -> None:
    """As assistants print what they remember."""
    file = tmp_path / "notes.md"
    file.write_text(NOTES, encoding="utf-8")
    dates = [one.draft.created_at for one in markdown.read(file)][-3:]
    assert dates == [datetime(y, m, d, tzinfo=timezone.utc) for y, m, d in ((2025, 6, 1), (2025, 7, 2), (2024, 1, 5))]


def test_a_file_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    """The error says which, and why."""
    with pytest.raises(UnreadableImport, match="No such file"):
        list(markdown.read(tmp_path / "none.md"))
