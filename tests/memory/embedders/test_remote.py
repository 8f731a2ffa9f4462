"""The embedders behind an API: the contract, what goes over the wire, and what a fault says."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import numpy as np
import pytest

from headroom.errors import EmbedderError, EmbedderUnavailable, InvalidInput, ModelUnavailable
from headroom.memory.config import EmbedderBackend, MemoryConfig
from headroom.memory.embedders import ollama as ollama_module
from headroom.memory.embedders import openai as openai_module
from headroom.memory.embedders.table import make_embedder
from headroom.memory.protocols import Embedder
from headroom.testing import EmbedderContract, HashEmbedder

from .apis import Apis, serving

KEY = "sk-test-0123456789"


@pytest.fixture
def apis(monkeypatch: pytest.MonkeyPatch) -> Iterator[Apis]:
    with serving() as served:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{served.url}/v1")
        monkeypatch.setenv("OLLAMA_HOST", served.url)
        yield served


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the SDK try again without its waits, which take seconds."""
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.0)
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.0)


def openai(**settings: object) -> Embedder:
    return make_embedder(MemoryConfig(embedder_backend=EmbedderBackend.OPENAI, **({"openai_api_key": KEY} | settings)))


def ollama(**settings: object) -> Embedder:
    return make_embedder(MemoryConfig(embedder_backend=EmbedderBackend.OLLAMA, **settings))


@pytest.mark.usefixtures("apis")
class TestOpenAI(EmbedderContract):
    def make_embedder(self) -> Embedder:
        return openai()


@pytest.mark.usefixtures("apis")
class TestOllama(EmbedderContract):
    def make_embedder(self) -> Embedder:
        return ollama()


def test_openai_is_asked_for_its_small_model_with_the_key(apis: Apis) -> None:
    """`embedder_backend` and a key are enough; nothing but the texts and the model's name is sent."""
    embedder = openai()
    assert (embedder.id, embedder.width, apis.received) == ("openai/text-embedding-3-small", 1536, [])
    embedder.embed(["User likes tea"])
    assert apis.keys == [f"Bearer {KEY}"]
    asked = apis.received[0]
    assert (asked["model"], asked["input"]) == ("text-embedding-3-small", ["User likes tea"])
    assert set(asked) <= {"model", "input", "encoding_format"}


def test_the_key_may_come_from_the_environment(apis: Apis, monkeypatch: pytest.MonkeyPatch) -> None:
    """OPENAI_API_KEY is used if the configuration has no key; without either, making it fails."""
    with pytest.raises(InvalidInput, match="OPENAI_API_KEY"):
        openai(openai_api_key=None)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-from-environment")
    openai(openai_api_key=None).embed(["User likes tea"])
    assert apis.keys == ["Bearer sk-from-environment"]


def test_vector_dimension_shortens_openais_vectors(apis: Apis) -> None:
    """A model that can gives vectors of that width, under an id of its own; one that cannot is an error."""
    short = openai(vector_dimension=256)
    assert short.embed(["User likes tea"]).shape == (1, 256)
    assert apis.received[0]["dimensions"] == 256
    assert short.id != openai().id
    with pytest.raises(InvalidInput, match=r"512.*1536"):
        openai(embedder_model="text-embedding-ada-002", vector_dimension=512)
    with pytest.raises(InvalidInput, match=r"2000.*1536"):
        openai(vector_dimension=2000)


def test_a_base_url_of_the_configuration_goes_before_the_environments(
    apis: Apis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`openai_base_url` names any server that speaks the API, with models and widths of its own."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    embedder = openai(openai_base_url=f"{apis.url}/v1", embedder_model="mine", vector_dimension=1536)
    assert embedder.embed(["red"]).shape == (1, 1536)
    assert apis.received[0]["model"] == "mine"
    assert "dimensions" not in apis.received[0]
    with pytest.raises(EmbedderError, match=r"1536.*5.*vector_dimension"):
        openai(openai_base_url=f"{apis.url}/v1", embedder_model="mine", vector_dimension=5).embed(["red"])


def test_order_is_kept_and_blank_texts_are_not_sent(apis: Apis) -> None:
    """Answers are put in order by their index; a blank text costs nothing."""
    rows = openai().embed(["red", " ", "blue"])
    assert np.allclose(rows, HashEmbedder(1536).embed(["red", "", "blue"]), atol=1e-6)
    assert [asked["input"] for asked in apis.received] == [["red", "blue"]]


def test_requests_stay_within_the_apis_limits(apis: Apis) -> None:
    """No request holds more than 2048 texts or 300,000 tokens, and no text more than 8192; nothing gets lost."""
    texts = ["tea"] * 2100 + ["日本" * 20_000] * 40
    rows = openai(vector_dimension=8).embed(texts)
    assert rows.any(axis=1).all()
    assert sum(len(asked["input"]) for asked in apis.received) == len(texts)
    for asked in apis.received:
        sizes = [len(text.encode()) for text in asked["input"]]  # a token is at least one byte
        assert len(sizes) <= 2048
        assert max(sizes) <= 8192
        assert sum(sizes) <= 300_000


@pytest.mark.parametrize("faults", [[429], [500, 503]])
def test_openai_is_asked_again_after_a_passing_fault(apis: Apis, faults: list[int]) -> None:
    """Too many requests and a server's fault are tried again."""
    apis.faults.extend(faults)
    assert openai().embed(["User likes tea"]).any()
    assert len(apis.received) == len(faults) + 1


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_api_that_stays_busy_is_unavailable(apis: Apis, status: int) -> None:
    """What may pass is EmbedderUnavailable, once the retries are used up: the memory will wait."""
    apis.faults.extend([status] * 10)
    with pytest.raises(EmbedderUnavailable, match=str(status)):
        openai().embed(["User likes tea"])
    assert len(apis.received) == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_is_not_waited_for(apis: Apis, status: int) -> None:
    """A bad key, a rejected request and a missing model stay errors that somebody must look at, at the first try."""
    apis.faults.append(status)
    with pytest.raises(EmbedderError) as caught:
        openai().embed(["User likes tea"])
    assert not isinstance(caught.value, EmbedderUnavailable)
    assert isinstance(caught.value, ModelUnavailable) == (status == 404)
    assert len(apis.received) == 1


def test_a_lasting_fault_shows_neither_key_nor_text(apis: Apis) -> None:
    """An API that refuses is EmbedderError with its status, and nothing of what was sent."""
    apis.faults.append(401)
    with pytest.raises(EmbedderError, match="401") as caught:
        openai().embed(["a secret text"])
    assert caught.value.__cause__ is None
    assert "secret" not in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.usefixtures("at_once")
def test_openai_out_of_reach_is_unavailable() -> None:
    """A connection that fails is EmbedderUnavailable, not an error of the SDK's HTTP library."""
    with pytest.raises(EmbedderUnavailable, match="cannot be reached"):
        openai(openai_base_url="http://127.0.0.1:9/v1").embed(["User likes tea"])


@pytest.mark.usefixtures("at_once")
def test_an_api_that_does_not_answer_in_time_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes the request and says nothing is given up on."""
    monkeypatch.setattr(openai_module, "SECONDS", 0.05)
    monkeypatch.setattr(ollama_module, "SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(EmbedderUnavailable):
            openai(openai_base_url=url).embed(["User likes tea"])
        with pytest.raises(EmbedderUnavailable):
            ollama(ollama_base_url=url).embed(["User likes tea"])


@pytest.mark.parametrize("spoil", ["short", "wide", "zero", "ragged"])
def test_an_answer_that_cannot_be_right_is_refused(apis: Apis, spoil: str) -> None:
    """A vector too few, of another width, or of zeros is EmbedderError: it never becomes a row."""
    apis.spoil = spoil
    with pytest.raises(EmbedderError, match="openai/text-embedding-3-small answered"):
        openai().embed(["red", "blue"])


@pytest.mark.parametrize("spoil", ["foreign", "null", "text"])
def test_what_speaks_another_language_is_named(apis: Apis, spoil: str) -> None:
    """A server that answers something else is EmbedderError, which says where to look: waiting would not help."""
    apis.spoil = spoil
    with pytest.raises(EmbedderError, match=rf"{apis.url}/v1/ is no OpenAI API") as caught:
        openai().embed(["red"])
    with pytest.raises(EmbedderError, match=r"is no Ollama|answered with vectors of shape \(\)") as other:
        ollama().embed(["red"])
    assert not isinstance(caught.value, EmbedderUnavailable)
    assert not isinstance(other.value, EmbedderUnavailable)


def test_an_ollama_that_stops_within_its_answer_is_unavailable(apis: Apis) -> None:
    """An answer that was cut is one that did not come."""
    apis.spoil = "cut"
    with pytest.raises(EmbedderUnavailable, match="ollama serve"):
        ollama().embed(["red"])


def test_ollamas_width_is_learned_from_its_first_answer(apis: Apis) -> None:
    """Nothing is asked until the width or a vector is wanted; the width is asked for once."""
    embedder = ollama(embedder_model="all-minilm")
    assert (embedder.id, apis.received) == ("ollama/all-minilm", [])
    assert (embedder.width, embedder.width, len(apis.received)) == (384, 384, 1)
    assert np.allclose(embedder.embed(["red"]), HashEmbedder(384).embed(["red"]), atol=1e-6)


def test_the_first_vectors_tell_the_width_and_nothing_else_is_asked(apis: Apis) -> None:
    """If a text is embedded first, no request is made for the width; blank texts alone make one."""
    embedder = ollama(embedder_model="all-minilm")
    assert embedder.embed(["", "red"]).shape == (2, 384)
    assert embedder.embed([" "]).shape == (1, 384)
    assert [asked["input"] for asked in apis.received] == [["red"]]
    assert ollama(embedder_model="all-minilm:latest").id == embedder.id
    assert ollama(embedder_model="nomic-embed-text").embed([]).shape == (0, 768)


def test_a_width_that_is_not_ollamas_is_found_with_the_first_answer(apis: Apis) -> None:
    """The server need not run when the memory is opened; the first vectors of another width are refused."""
    embedder = ollama(vector_dimension=5)
    assert apis.received == []
    with pytest.raises(EmbedderError, match=r"768.*5.*vector_dimension"):
        embedder.embed(["red"])


def test_a_model_that_ollama_does_not_have_says_what_to_run(apis: Apis) -> None:
    """The error is the command that brings the model."""
    with pytest.raises(ModelUnavailable, match="run: ollama pull mxbai-embed-large"):
        ollama(embedder_model="mxbai-embed-large").embed(["red"])
    assert len(apis.received) == 1


def test_an_ollama_that_is_down_says_what_to_run() -> None:
    """The error is the command that starts the server."""
    with pytest.raises(EmbedderUnavailable, match=r"http://127\.0\.0\.1:9; run: ollama serve"):
        ollama(ollama_base_url="http://127.0.0.1:9/").embed(["red"])


def test_an_ollama_that_fails_shows_no_text(apis: Apis) -> None:
    """Any other fault is an error with its status, and nothing of what was sent; a server's own fault may pass."""
    for status in (400, 500, 503):
        apis.faults.append(status)
        with pytest.raises(EmbedderError, match=str(status)) as caught:
            ollama(vector_dimension=768).embed(["a secret text"])
        assert isinstance(caught.value, EmbedderUnavailable) == (status >= 500)
        assert "secret" not in str(caught.value)


def test_a_text_that_the_model_fails_on_is_not_waited_for(apis: Apis) -> None:
    """Ollama answers 500 if a model gives NaN: the same text would fail again, and hold up all that wait with it."""
    apis.spoil = "nan"
    with pytest.raises(EmbedderError, match="NaN") as caught:
        ollama().embed(["red"])
    assert not isinstance(caught.value, EmbedderUnavailable)


def test_what_goes_to_this_machine_does_not_go_through_a_proxy(apis: Apis, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment never sees texts that are meant for a server on this machine."""
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ollama().embed(["red"]).any()
    for host in ("localhost", "0.0.0.0"):
        assert ollama(ollama_base_url=apis.url.replace("127.0.0.1", host)).embed(["red"]).any()


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "http://", "http://[::1", "127.0.0.1:port"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    """A base URL must name a scheme that is spoken and a host."""
    with pytest.raises(InvalidInput, match="ollama_base_url"):
        ollama(ollama_base_url=url)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.usefixtures("apis")
def test_a_forked_child_opens_its_own_connections() -> None:
    """Parent and child both go on embedding, each over a connection of its own."""
    embedder = openai()
    expected = embedder.embed(["red"])
    child = os.fork()
    if child == 0:
        os._exit(0 if (embedder.embed(["red"]) == expected).all() else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert (embedder.embed(["red"]) == expected).all()
