"""Chat in the terminal, streamed; what you say is remembered the next time you start it. Needs OPENAI_API_KEY."""

from __future__ import annotations

import asyncio
import os

from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessageParam

from headroom import with_memory

MODEL = os.environ.get("OPENAI_MODEL", "gpt-4o-mini")


async def main() -> None:
    # `recall_timeout` is patient here, as the first recall of a program loads the embedder.
    async with with_memory(AsyncOpenAI(), user_id="alice", recall_timeout=10) as client:
        messages: list[ChatCompletionMessageParam] = []
        while message := await next_message():
            messages.append({"role": "user", "content": message})
            messages.append({"role": "assistant", "content": await answer(client, messages)})


async def answer(client: AsyncOpenAI, messages: list[ChatCompletionMessageParam]) -> str:
    """Print the reply as it comes, and return it whole."""
    reply = ""
    async for chunk in await client.chat.completions.create(model=MODEL, messages=messages, stream=True):
        if chunk.choices and (piece := chunk.choices[0].delta.content):
            reply += piece
            print(piece, end="", flush=True)
    print()
    return reply


async def next_message() -> str:
    """Ask for a message; an empty one ends the chat."""
    try:
        return await asyncio.to_thread(input, "> ")
    except EOFError:
        return ""


if __name__ == "__main__":
    asyncio.run(main())
