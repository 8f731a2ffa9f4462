"""The store on its own: save, search, correct, look back, delete. Needs no key and no model but the bundled one."""

from __future__ import annotations

import asyncio

from headroom.memory import Memory


async def main() -> None:
    async with Memory() as memory:
        home = await memory.save("User lives in Berlin", user_id="alice", importance=0.8)
        await memory.save_many(["User plays the cello", "User has two cats"], user_id="alice")

        for result in await memory.search("Which instrument?", user_id="alice", top_k=2):
            print(f"{result.score:.2f}  {result.content}")

        moved = await memory.update(home, "User lives in Madrid", user_id="alice")
        versions = [version.content for version in await memory.history(moved, user_id="alice")]
        print("home over time:", " -> ".join(versions))

        await memory.delete(moved, user_id="alice")
        print("left:", [record.content for record in await memory.get_all(user_id="alice")])


if __name__ == "__main__":
    asyncio.run(main())
