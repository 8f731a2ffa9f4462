"""with_memory: from a client to its stand-in."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, overload

from ..errors import InvalidInput
from ..memory.config import MemoryConfig
from ..memory.memory import Memory
from ..memory.records import Reader, Scope
from ..memory.rules.checks import check_reader, check_scope
from ..memory.rules.gate import Review
from ..memory.rules.times import zone_of
from ..memory.rules.visibility import require_id
from .client_memory import AsyncChatMemory, ChatMemory
from .last_turn import RecordTurns
from .learning import Redact
from .options import OnTurn, Settings
from .place import Place
from .prompt.frame import NOTE_LENGTH, NOTES_BUDGET
from .standins.client import ClientWithMemory, check_client
from .turns import Turns

C = TypeVar("C")

if TYPE_CHECKING:
    from groq import AsyncGroq, Groq
    from openai import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, OpenAI
    from typing_extensions import Unpack

    # What a type checker sees in place of a stand-in: the client's own class, and `memory`.

    class OpenAIWithMemory(OpenAI):
        memory: ChatMemory

    class AzureOpenAIWithMemory(AzureOpenAI, OpenAIWithMemory): ...

    class AsyncOpenAIWithMemory(AsyncOpenAI):
        memory: AsyncChatMemory

    class AsyncAzureOpenAIWithMemory(AsyncAzureOpenAI, AsyncOpenAIWithMemory): ...

    class GroqWithMemory(Groq):
        memory: ChatMemory

    class AsyncGroqWithMemory(AsyncGroq):
        memory: AsyncChatMemory

    class Options(TypedDict, total=False):
        """The keyword arguments of `with_memory`."""

        config: MemoryConfig | None
        memory: Memory | None
        top_k: int
        inject: bool
        extract: bool
        token_budget: int
        note_length: int | None
        recall_timeout: float | None
        on_error: Literal["warn", "raise"]
        redact: Redact | None
        small_model: bool
        record_turns: RecordTurns
        review: Review
        learn_scope: Scope | str
        learn_expires: timedelta | None
        on_turn: OnTurn | None
        timezone: str | None


@overload
def with_memory(
    client: AzureOpenAI,
    user_id: str,
    session_id: str | None = None,
    agent_id: str | None = None,
    **options: Unpack[Options],
) -> AzureOpenAIWithMemory: ...
@overload
def with_memory(
    client: OpenAI,
    user_id: str,
    session_id: str | None = None,
    agent_id: str | None = None,
    **options: Unpack[Options],
) -> OpenAIWithMemory: ...
@overload
def with_memory(
    client: AsyncAzureOpenAI,
    user_id: str,
    session_id: str | None = None,
    agent_id: str | None = None,
    **options: Unpack[Options],
) -> AsyncAzureOpenAIWithMemory: ...
@overload
def with_memory(
    client: AsyncOpenAI,
    user_id: str,
    session_id: str | None = None,
    agent_id: str | None = None,
    **options: Unpack[Options],
) -> AsyncOpenAIWithMemory: ...
@overload
def with_memory(
    client: Groq,
    user_id: str,
    session_id: str | None = None,
    agent_id: str | None = None,
    **options: Unpack[Options],
) -> GroqWithMemory: ...
@overload
def with_memory(
    client: AsyncGroq,
    user_id: str,
    session_id: str | None = None,
    agent_id: str | None = None,
    **options: Unpack[Options],
) -> AsyncGroqWithMemory: ...
@overload
def with_memory(
    client: C,
    user_id: str,
    session_id: str | None = None,
    agent_id: str | None = None,
    **options: Unpack[Options],
) -> C: ...
def with_memory(
    client: Any,
    user_id: str,
    session_id: str | None = None,
    agent_id: str | None = None,
    *,
    config: MemoryConfig | None = None,
    memory: Memory | None = None,
    top_k: int = 5,
    inject: bool = True,
    extract: bool = True,
    token_budget: int = NOTES_BUDGET,
    note_length: int | None = NOTE_LENGTH,
    recall_timeout: float | None = 1.0,
    on_error: Literal["warn", "raise"] = "warn",
    redact: Redact | None = None,
    small_model: bool = False,
    record_turns: RecordTurns = None,
    review: Review = "untrusted",
    learn_scope: Scope | str = Scope.USER,
    learn_expires: timedelta | None = None,
    on_turn: OnTurn | None = None,
    timezone: str | None = None,
) -> Any:
    """Return a stand-in for `client` that remembers `user_id`. Everything else about it is the client's own.

    Each chat completion, and each request of the Responses API, recalls at most `top_k` notes in at most
    `token_budget` tokens in front of the last user message, each note cut to `note_length` characters (None: whole),
    and asks the model to end its reply with what is worth remembering, which is stored and taken out of the reply.
    `inject=False` and `extract=False` leave either half out; `client.memory.off()` does so for some calls. Recalling
    delays a chat by at most `recall_timeout` seconds. `redact` may change a fact before it is stored, or drop it by
    returning None. If memory fails the chat goes on without it, and the failure is logged; `on_error="raise"` raises
    instead, for tests.

    `small_model=True` shows a small local model how to answer: five short example turns go in front of the messages of
    each chat completion that asks for facts.

    `record_turns="ids"` keeps what each turn did with memory, by ids and scores, for `headroom ui` and
    `client.memory.turns()`; "text" keeps the user's message too. A turn is erased with any memory that it names.

    `review` says which facts wait for a review, where no recall sees them, until `client.memory.accept` or 30 days are
    over: "untrusted" those of turns with a tool's, file's or page's content in sight, and those that read as
    instructions, unless the user's own words bear them out; "all" every fact; "off" none. `learn_scope` is the scope of
    facts for which the model names none, and `learn_expires` how long facts are kept. `on_turn` is called with the
    `LastTurn` of each finished turn, on another thread. `timezone`, such as "Europe/Berlin", is where the user's days
    begin and end; None is the system's. A memory that is read only recalls, and asks no reply for facts.

    Equal settings share one open memory, so a client for one more user costs microseconds; `memory` shares that of a
    `Memory`. Raise InvalidInput for arguments that cannot be used, and a StoreError if the
    configuration cannot be right: another embedder's file, a newer schema, a wrong key. A file that is damaged, locked,
    missing or not writable raises nothing here: one error is logged, and each turn tries again.
    """
    client = check_client(client)
    if config is not None and memory is not None:
        raise InvalidInput("pass config or memory, not both: a Memory has its own config")
    settings = Settings(
        top_k=top_k,
        inject=inject,
        extract=extract and not (memory.config if memory is not None else config or MemoryConfig()).read_only,
        token_budget=token_budget,
        note_length=note_length,
        recall_timeout=recall_timeout,
        on_error=on_error,
        redact=redact,
        small_model=small_model,
        record_turns=record_turns,
        review=review,
        learn_scope=check_scope(learn_scope),
        learn_expires=learn_expires,
        on_turn=on_turn,
        zone=zone_of(timezone),
    )
    reader = check_reader(Reader(user_id=user_id, session_id=session_id, agent_id=agent_id))
    if settings.learn_scope is not Scope.TURN:  # each turn has an id of its own
        require_id(settings.learn_scope, reader)
    place = Place(reader, config=config, memory=memory, strict=on_error == "raise")
    return ClientWithMemory(client, Turns(place, settings))
