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
"""Texts that are embedded together. A question waits for at most one such piece of another caller's batch."""
_CHARACTERS = 200_000
"""Longer than any such model reads; tokenizing more would only take time."""
_HASHED_BYTES = 1 << 20
"""A larger file in a model's folder is identified by its size instead of its content."""

T = TypeVar("T")


class SentenceEmbedder:
    """Embed with a sentence-transformers model, which is loaded when it is first needed.

    `model` is a folder, or a name on the Hugging Face hub; "name@commit" pins a commit. `device` is torch's; None lets
    torch choose. `id` defaults to one made from the model. Raise MissingExtra if sentence-transformers is not
    installed.
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
        """Make the embedder that `config` asks for.

        If it replaces the ONNX embedder of a known model it keeps that embedder's id, so that a file stays usable when
        the runtime changes: the vectors differ by int8 rounding only.
        """
        model = config.embedder_model or BUNDLED.name
        stands_in = config.embedder_backend is EmbedderBackend.ONNX and model in KNOWN
        return cls(model, device="mps" if on_mps() else None, id=model_named(model).id if stands_in else None)

    @property
    def id(self) -> str:
        """Name of the model; for a folder, also a hash of its contents."""
        return self._id

    @property
    def width(self) -> int:
        """Length of a vector. Loads the model if its width is not known in advance."""
        if self._width is None:
            self._width = len(_worker.run(lambda: self._encode(["width"], question=False))[0])
        return self._width

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed `texts` into a (len(texts), width) float32 array of unit rows; a blank text gives a zero row."""
        cut = {number: text for number, given in enumerate(texts) if (text := beginning(given, _CHARACTERS))}
        by_length = sorted(cut, key=lambda number: len(cut[number]))  # so that there is little padding
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
        """Run the model. Call this on the worker's thread only."""
        model = self._loaded = self._loaded or _open(self._model, self._device)
        encode = model.encode_query if question else model.encode_document
        with mapped(EmbedderError, f"{self.id} failed on a text"):
            answer: Vectors = encode(texts, batch_size=_PIECE, show_progress_bar=False)
        return answer

    def _renew(self) -> None:
        _left_behind.append(self._loaded)
        self._loaded = None


class _Worker:
    """The one thread on which all models of this process run, one call at a time.

    Apple's GPU does not allow a second caller, and neither does a tokenizer, whose settings each call changes.
    """

    def __init__(self) -> None:
        self._renew()
        renew_in_child(self._renew)

    def run(self, work: Callable[[], T]) -> T:
        """Run `work` after all work that was submitted before, and wait for it."""
        try:
            job = self._pool.submit(work)
        except RuntimeError:  # the interpreter is shutting down and starts no more threads; earlier work has ended
            return work()
        return job.result()

    def _renew(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="headroom-torch")


def _open(model: str, device: str | None) -> SentenceTransformer:
    """Load a model from a folder, or from the hub's cache without a request, or download it."""
    library = need("sentence_transformers", "local")
    name, _, revision = (model, "", "") if Path(model).is_dir() else model.partition("@")
    prefix = KNOWN[name].query_prefix if name in KNOWN else ""
    settings = {"device": device, "prompts": {"query": prefix} if prefix else None}
    advice = "check the name, and connect once so that it can be downloaded; embedder_model may also be a folder"
    with mapped(ModelUnavailable, f"{model!r} cannot be loaded; {advice}"), _no_bar():
        folder = name if Path(name).is_dir() else _cached_folder(name, revision or None)
        if folder is not None:  # opened as a folder: opening by name asks the hub even for what is in the cache
            with suppress(OSError):  # part of it is missing from the cache
                return library.SentenceTransformer(folder, local_files_only=True, **settings)
        return library.SentenceTransformer(name, revision=revision or None, **settings)


def _cached_folder(name: str, revision: str | None) -> str | None:
    """Return the cached folder of a model, or None if the cache lacks the list of the model's modules.

    Without that list its output would be pooled wrongly, so the list is downloaded. If the hub cannot be reached this
    fails at once; the loader itself would keep trying for a minute.
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
    except EntryNotFoundError:  # a plain transformer: the loader adds the pooling
        pass
    return None


@contextmanager
def _no_bar() -> Iterator[None]:
    """Hide the progress bar that transformers shows while it copies weights; that of a download stays."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _revision(model: str) -> str:
    """Return the name of a model; for a folder, the folder's name and a hash of its contents."""
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
