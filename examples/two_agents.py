"""Two agents share one memory: what the first one learns, the second one finds, and sees who said it. Needs no key."""

from __future__ import annotations

import asyncio

from headroom.memory import Memory


async def main() -> None:
    async with Memory() as memory:
        await memory.save("Project uses uv, not pip", user_id="team", agent_id="claude")
        await memory.save("Claude is halfway through the refactoring", user_id="team", agent_id="claude", scope="agent")

        for agent in ("claude", "codex"):
            print(f"{agent} sees:")
            for result in await memory.search("package manager", user_id="team", agent_id=agent):
                said_by = ", ".join(source.agent_id or "the user" for source in result.sources)
                print(f"  {result.content}  (from {said_by})")


if __name__ == "__main__":
    asyncio.run(main())
