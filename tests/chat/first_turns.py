"""A web process whose first 100 chats come at once: `python -m tests.chat.first_turns FOLDER [warm]`.

It writes how many replies were right, how many recalls were late, and how many facts were there at once and at the end.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import openai

from headroom import MemoryConfig, with_memory
from headroom.memory.user_memory import UserMemory

from ..server import Server
from .clients import KEY

CHATS = 100


async def chat(real: Any, config: MemoryConfig, number: int) -> tuple[bool, bool, int]:
    """Run one streamed chat of a user's own; return whether it was right, whether recall was late, and what is kept."""
    client = with_memory(real, f"user{number}", config=config)
    ask: Any = [{"role": "user", "content": f"My dog is called Rex number {number}"}]
    stream = await client.chat.completions.create(model="m", messages=ask, stream=True)
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    return text == "Nice.", "recall" in client.memory.last_turn.failed, len(client.memory.last_turn.stored)


async def main(folder: Path, *, warm: bool) -> dict[str, int]:
    server, config = Server(), MemoryConfig(db_path=folder / "memory.db")
    server.script(*['Nice.\n\n<memory>\n[{"content": "User has a dog called Rex"}]\n</memory>'] * CHATS)
    async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", **KEY) as real:
        if warm:
            await with_memory(real, "user0", config=config).memory.warm()
        done = await asyncio.gather(*(chat(real, config, number) for number in range(CHATS)))
    right, late, kept = (sum(column) for column in zip(*done, strict=True))
    server.close()
    return {"right": right, "late": late, "kept at once": kept}


def counted(folder: Path) -> int:
    """Count what is kept in the end."""
    path = folder / "memory.db"
    total = 0
    for number in range(CHATS):
        with UserMemory(f"user{number}", db_path=path) as memory:
            total += len(memory.get_all())
    return total


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(Path(sys.argv[1]), warm="warm" in sys.argv))))
