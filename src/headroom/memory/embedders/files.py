"""Find a model's files: inside this package, in the Hugging Face cache, or on the hub."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ...errors import ModelUnavailable
from .models import BUNDLED, Model

PACKAGE_FOLDER = Path(__file__).parent / "minilm"
_INSTEAD = f"or leave embedder_model out: {BUNDLED.name} comes with this package and needs no network"


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
    """Ask the hub's cache first, without a request; then download, with the hub library's progress bar."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(repository, file, revision=model.revision, local_files_only=True))
    except LocalEntryNotFoundError:
        pass
    except HFValidationError as exc:
        raise ModelUnavailable(
            f"{model.name!r} is no model name of the Hugging Face hub; correct it, {_INSTEAD}"
        ) from exc
    try:
        return Path(hf_hub_download(repository, file, revision=model.revision))
    except LocalEntryNotFoundError as exc:
        reason = "it is not in the local cache and the Hugging Face hub cannot be reached"
        raise ModelUnavailable(f"{model.name} cannot be loaded: {reason}; connect once, {_INSTEAD}") from exc
    except EntryNotFoundError as exc:
        reason = f"{repository} has no file {file}"
        raise ModelUnavailable(
            f"{model.name} cannot be loaded: {reason}; name its ONNX file in a Model of your own, {_INSTEAD}"
        ) from exc
    except (HfHubHTTPError, OSError) as exc:
        raise ModelUnavailable(
            f"{model.name} cannot be loaded from the Hugging Face hub ({type(exc).__name__}); "
            f"check the name and your access to it, {_INSTEAD}"
        ) from exc
