"""One program with a memory: say one thing to a model, then print its reply and what memory did.

Which API it talks to comes from the environment, as for any program with the OpenAI SDK.
"""

from __future__ import annotations

import argparse

from openai import OpenAI

from headroom import with_memory


def main() -> None:
    """Take one chat turn."""
    parser = argparse.ArgumentParser(description="say one thing to a model that remembers")
    parser.add_argument("message")
    parser.add_argument("--model", required=True)
    parser.add_argument("--small", action="store_true", help="a small model, which needs examples to take notes")
    options = parser.parse_args()

    # However slow this machine is: a demo waits for its memory.
    client = with_memory(OpenAI(), "demo", recall_timeout=None, small_model=options.small)
    show("You", options.message)
    response = client.chat.completions.create(
        model=options.model,
        messages=[{"role": "user", "content": options.message}],
    )
    turn = client.memory.last_turn
    assert turn is not None, "there was one just now"
    for note in turn.recalled:
        show("Injected", note.content)
    show("Model", response.choices[0].message.content or "")
    for fact in turn.stored:
        show("Stored", fact.content)


def show(who: str, text: str) -> None:
    """Print one labelled line of the conversation."""
    print(f"  {who + ':':<10}{' '.join(text.split())}")


if __name__ == "__main__":
    main()
