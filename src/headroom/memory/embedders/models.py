"""The known ONNX models: where their files are, and how their output becomes one vector."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from ...errors import ModelUnavailable

PACKAGE_FOLDER = Path(__file__).parent / "minilm"


def locate(model: Model, file: str) -> Path:
    """Return the path of one of the model's files, checked; download it if neither the package nor the cache has it."""
    path = PACKAGE_FOLDER / file if model.repository is None else _from_hub(model, model.repository, file)
    if not path.is_file():
        raise ModelUnavailable(f"{path} is missing; install headroom-memory again")
    sha256 = model.sha256.get(file)
    if sha256 is not None and _sha256(path) != sha256:
        raise ModelUnavailable(f"{path} is damaged: its sha256 is not {sha256}; delete it and install it again")
    return path


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 18):
            digest.update(chunk)
    return digest.hexdigest()


def _from_hub(model: Model, repository: str, file: str) -> Path:
    """Take a file from the hub's cache without a request, or download it with a progress bar."""
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        cached = try_to_load_from_cache(repository, file, revision=model.revision)
        return Path(cached if isinstance(cached, str) else hf_hub_download(repository, file, revision=model.revision))
    except HFValidationError as exc:
        reason = "the Hugging Face hub has no such names; correct it"
        raise _unavailable(model, reason) from exc
    except LocalEntryNotFoundError as exc:
        reason = "it is not in the local cache and the Hugging Face hub cannot be reached; connect once"
        raise _unavailable(model, reason) from exc
    except EntryNotFoundError as exc:
        reason = f"{repository} has no file {file}; name its ONNX file in a Model of your own"
        raise _unavailable(model, reason) from exc
    except (HfHubHTTPError, OSError) as exc:
        reason = f"the Hugging Face hub did not send it ({type(exc).__name__}); check the name and your access to it"
        raise _unavailable(model, reason) from exc


def _unavailable(model: Model, reason: str) -> ModelUnavailable:
    instead = f"or leave embedder_model out: {BUNDLED.name} comes with this package and needs no network"
    return ModelUnavailable(f"{model.name!r} cannot be loaded: {reason}, {instead}")


class Pooling(str, Enum):
    """How the rows of the last hidden state become one vector."""

    MEAN = "mean"
    CLS = "cls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """An ONNX sentence embedder, inside this package or on the Hugging Face hub.

    `repository`: the hub repository that holds the files; None means this package's own folder.
    `weights`: the file beside `file` that holds the weights, if the graph stores them separately.
    `revision`: a commit, so that the files cannot change under stored vectors; None means the newest.
    `sha256`: the hash of each file, checked at every load; a file that is not named is trusted.
    `pooling`: not used if the graph itself returns one vector per text.
    `query_prefix`: put before a question, never before a stored text.
    `width`: None means that it is read from the graph, which loads the model.
    """

    name: str
    repository: str | None
    file: str = "onnx/model.onnx"
    weights: str | None = None
    tokenizer: str = "tokenizer.json"
    revision: str | None = None
    sha256: Mapping[str, str] = field(default_factory=dict)
    pooling: Pooling = Pooling.MEAN
    query_prefix: str = ""
    width: int | None = None
    max_tokens: int = 512

    @property
    def id(self) -> str:
        """The name, and a short hash of everything that affects a stored vector."""
        files = (self.file, self.weights, self.tokenizer, self.revision, sorted(self.sha256.items()))
        shape = repr((self.repository, *files, self.pooling.value, self.max_tokens))
        return f"{self.name}@{hashlib.sha256(shape.encode()).hexdigest()[:12]}"


BUNDLED = Model(
    name="sentence-transformers/all-MiniLM-L6-v2",
    repository=None,
    file="model.onnx",
    weights="model.onnx_data",
    sha256={
        "model.onnx": "cbd252960669b02dc707a4673829608a11fce18e75581341a9f3ebf74be88c44",
        "model.onnx_data": "646495f3eb6e856adf973928eba9e2ce6c1dc9a685ee980e3918a533111cacc6",
        "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    },
    width=384,
    max_tokens=256,
)

BGE_SMALL = Model(
    name="BAAI/bge-small-en-v1.5",
    repository="Xenova/bge-small-en-v1.5",
    file="onnx/model_quantized.onnx",
    revision="b7ad92a45a298ac620504489f28ecb6ac66ad67c",
    pooling=Pooling.CLS,
    query_prefix="Represent this sentence for searching relevant passages: ",
    width=384,
    max_tokens=512,
)

KNOWN = {model.name: model for model in (BUNDLED, BGE_SMALL)}


def model_named(name: str | None) -> Model:
    """Return the known model `name`, the bundled one for None, or the usual settings for any other hub repository."""
    if name is None:
        return BUNDLED
    return KNOWN.get(name) or Model(name=name, repository=name)
