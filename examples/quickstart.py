"""Tell a model something in one conversation, and use it in another. Needs OPENAI_API_KEY."""

from __future__ import annotations

import os

from openai import OpenAI

from headroom import with_memory

MODEL = os.environ.get("OPENAI_MODEL", "gpt-4o-mini")


def main() -> None:
    client = with_memory(OpenAI(), user_id="alice", recall_timeout=10)  # seconds; patient with a slow machine
    for message in ("I prefer Python for backend work", "What language should I use?"):
        response = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": message}])
        print(f"You:   {message}\nModel: {response.choices[0].message.content}\n")

    print("Remembered:")
    for memory in client.memory.get_all():
        print(f"- {memory.content}")


if __name__ == "__main__":
    main()
