"""Make the pictures of the local page in docs/images. Needs Chromium, and playwright by `make test-browser`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from headroom.memory import UserMemory  # noqa: E402
from tests.web.browser import DESKTOP, PHONE, browser  # noqa: E402
from tests.web.past import PAST, fill  # noqa: E402
from tests.web.serving import served  # noqa: E402

IMAGES = ROOT / "docs" / "images"


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, UserMemory("alice", db_path=Path(folder) / "memory.db") as memory:
        ids = fill(memory)
        shots = {
            "page-memories": ("/", "light", DESKTOP),
            "page-search": ("/?q=which+language+for+the+backend", "light", DESKTOP),
            "page-memory": (f"/memories/{ids[13]}", "light", DESKTOP),
            "page-time": ("/time?at=100&compare=1", "dark", DESKTOP),
            "page-then": ("/time?at=100", "light", DESKTOP),
            "page-turns": ("/turns", "light", DESKTOP),
            "page-review": ("/review", "light", DESKTOP),
            "page-overview": ("/overview", "light", DESKTOP),
            "page-phone": ("/", "dark", PHONE),
        }
        assert len(ids) == len(PAST)
        with served(memory) as client, browser() as chromium:
            client.enter()
            name, _, value = client.cookie.partition("=")
            for title, (path, scheme, size) in shots.items():
                context = chromium.new_context(viewport=size, color_scheme=scheme)
                context.add_cookies([{"name": name, "value": value, "url": client.server.address}])
                page = context.new_page()
                page.goto(client.server.address + path)
                page.screenshot(path=IMAGES / f"{title}.png")
                context.close()


if __name__ == "__main__":
    main()
