"""Find a model's files: inside this package, in the Hugging Face cache, or on the hub."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ...errors import ModelUnavailable
from .models import BUNDLED, Model

PACKAGE_FOLDER = Path(__file__).parent / "minilm"


def locate(model: Model, file: str) -> Path:
    """Return the path of one of the model's files, checked; download it where neither package nor cache holds it."""
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
    """Look into the hub's cache, without a request; then download, with the library's progress bar on a terminal."""
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
        reason = f"the Hugging Face hub did not give it ({type(exc).__name__}); check the name and your access to it"
        raise _unavailable(model, reason) from exc


def _unavailable(model: Model, reason: str) -> ModelUnavailable:
    instead = f"or leave embedder_model out: {BUNDLED.name} comes with this package and needs no network"
    return ModelUnavailable(f"{model.name!r} cannot be loaded: {reason}, {instead}")
