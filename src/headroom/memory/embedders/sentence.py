"""The embedder that runs a sentence-transformers model on torch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ...errors import EmbedderError, MissingExtra, ModelUnavailable
from ...runtime.extras import need
from ...runtime.forks import renew_in_child
from ..config import EmbedderBackend, MemoryConfig
from ..protocols import Vector, Vectors
from .cached import unit_rows
from .models import BUNDLED, KNOWN, model_named
from .mps import on_mps
from .texts import beginning, mapped

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_PIECE = 64
"""Texts that are embedded together: a question waits for one piece of another caller's batch at most."""
_CHARACTERS = 200_000
"""More than the tokens of any such model; tokenizing a longer text would only take time."""
_HASHED_BYTES = 1 << 20
"""Of a larger file in a model's folder, its size stands for its content."""

T = TypeVar("T")


class SentenceEmbedder:
    """Embed with a sentence-transformers model, loaded when it is first needed.

    `model` is a folder, or a name on the Hugging Face hub, where "name@commit" holds it to a commit. `device` is
    torch's; None lets torch choose. `id` None is made from the model. Raises MissingExtra where it is not installed.
    """

    _loaded: SentenceTransformer | None

    def __init__(self, model: str = BUNDLED.name, *, device: str | None = None, id: str | None = None) -> None:
        if find_spec("sentence_transformers") is None:
            raise MissingExtra(module="sentence_transformers", extra="local")
        self._model, self._device = model, device
        self._id = id or f"local/{_revision(model)}"
        self._width = KNOWN[model].width if model in KNOWN else None
        self._loaded = None
        renew_in_child(self._renew)

    @classmethod
    def from_config(cls, config: MemoryConfig) -> SentenceEmbedder:
        """Make the embedder that `config` asks for; in the place of the ONNX one it keeps a known model's id.

        So a file goes on being used when the runtime changes: the vectors differ by int8 rounding alone.
        """
        model = config.embedder_model or BUNDLED.name
        stands_in = config.embedder_backend is EmbedderBackend.ONNX and model in KNOWN
        return cls(model, device="mps" if on_mps() else None, id=model_named(model).id if stands_in else None)

    @property
    def id(self) -> str:
        """Name of the model; of a folder, also a hash of what is in it."""
        return self._id

    @property
    def width(self) -> int:
        """Length of a vector; loads the model where nothing is known of it."""
        if self._width is None:
            self._width = len(_worker.run(lambda: self._encode(["width"], question=False))[0])
        return self._width

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed `texts` into a (len(texts), width) float32 array of unit rows; a blank text gives a zero row."""
        cut = {number: text for number, given in enumerate(texts) if (text := beginning(given, _CHARACTERS))}
        by_length = sorted(cut, key=lambda number: len(cut[number]))  # so that little is padded
        rows = np.zeros((len(texts), self.width), np.float32)
        for start in range(0, len(by_length), _PIECE):
            numbers = by_length[start : start + _PIECE]
            rows[numbers] = self._unit_rows([cut[number] for number in numbers], question=False)
        return rows

    def embed_query(self, text: str) -> Vector:
        """Embed one question, with the prompt that the model has for questions."""
        cut = beginning(text, _CHARACTERS)
        vector: Vector = self._unit_rows([cut], question=True)[0] if cut else np.zeros(self.width, np.float32)
        return vector

    def close(self) -> None:
        """Free the model; a later call loads it again."""
        self._loaded = None

    def _unit_rows(self, texts: list[str], *, question: bool) -> Vectors:
        answer = _worker.run(lambda: self._encode(texts, question=question))
        return unit_rows(answer, (len(texts), self.width), self.id)

    def _encode(self, texts: list[str], *, question: bool) -> Vectors:
        """Run the model, on the worker's thread only."""
        model = self._loaded = self._loaded or _open(self._model, self._device)
        encode = model.encode_query if question else model.encode_document
        with mapped(EmbedderError, f"{self.id} failed on a text"):
            answer: Vectors = encode(texts, batch_size=_PIECE, show_progress_bar=False)
        return answer

    def _renew(self) -> None:
        _left_behind.append(self._loaded)
        self._loaded = None


class _Worker:
    """The one thread that all models of this process run on, one call at a time.

    Apple's GPU bears no second caller, and neither does a tokenizer, whose settings each call changes.
    """

    def __init__(self) -> None:
        self._renew()
        renew_in_child(self._renew)

    def run(self, work: Callable[[], T]) -> T:
        """Run `work` behind what others have asked for, and wait for it."""
        try:
            job = self._pool.submit(work)
        except RuntimeError:  # the interpreter shuts down and starts no more threads; what was asked for has ended
            return work()
        return job.result()

    def _renew(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="headroom-torch")


def _open(model: str, device: str | None) -> SentenceTransformer:
    """Load a folder, else what the hub's cache holds, without a request; then download."""
    library = need("sentence_transformers", "local")
    name, _, revision = (model, "", "") if Path(model).is_dir() else model.partition("@")
    prefix = KNOWN[name].query_prefix if name in KNOWN else ""
    settings = {"device": device, "prompts": {"query": prefix} if prefix else None}
    advice = "check the name, and connect once so that it can be downloaded; embedder_model may also be a folder"
    with mapped(ModelUnavailable, f"{model!r} cannot be loaded; {advice}"), _no_bar():
        folder = name if Path(name).is_dir() else _cached_folder(name, revision or None)
        if folder is not None:  # opened as a folder, not by name: that asks the hub even for what is in the cache
            with suppress(OSError):  # a part of it is missing in the cache
                return library.SentenceTransformer(folder, local_files_only=True, **settings)
        return library.SentenceTransformer(name, revision=revision or None, **settings)


def _cached_folder(name: str, revision: str | None) -> str | None:
    """Give the folder of the cache that holds a model; None where it lacks the list of the model's parts.

    Without that list its weights would be pooled wrongly. It is fetched then: where the hub is out of reach this fails
    soon, and the loader would go on trying for a minute.
    """
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    cached = try_to_load_from_cache(name, "modules.json", revision=revision)
    if isinstance(cached, str):
        return str(Path(cached).parent)
    try:
        hf_hub_download(name, "modules.json", revision=revision)
    except LocalEntryNotFoundError:
        raise
    except EntryNotFoundError:  # a plain transformer: its loader knows what to add
        pass
    return None


@contextmanager
def _no_bar() -> Iterator[None]:
    """Silence the bar that transformers draws while it copies weights; a download keeps its own."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _revision(model: str) -> str:
    """Give the name of a model; of a folder, its own name and a hash of what is in it."""
    folder = Path(model).resolve()
    if not folder.is_dir():
        return model
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        size = path.stat().st_size
        digest.update(f"{path.relative_to(folder).as_posix()}\0{size}\0".encode())
        if size <= _HASHED_BYTES:
            digest.update(path.read_bytes())
    return f"{folder.name}@{digest.hexdigest()[:12]}"


_worker = _Worker()
# A forked child must not free what its parent holds on a device.
_left_behind: list[object] = []
