"""Who is meant if nobody says it: the user of a repository, and the key of an encrypted file."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from pathlib import Path

from ..errors import InvalidInput


def project_user(folder: Path) -> str:
    """Return the user id of the repository that `folder` is in, or of the folder itself if it is in none.

    The id holds the folder's name and eight hex digits of its path's SHA-256: "project:shop-1a2b3c4d".
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise InvalidInput(f"there is no folder {folder}; name the project's folder")
    root = next((parent for parent in (folder, *folder.parents) if (parent / ".git").exists()), folder)
    digest = hashlib.sha256(str(root).encode("utf-8", "surrogateescape")).hexdigest()
    name = "".join(char if char.isalnum() or char in "-_." else "-" for char in root.name) or "root"
    return f"project:{name}-{digest[:8]}"


def read_key(named: str | None) -> str | None:
    """Read the key of an encrypted file: from `named`, else from $HEADROOM_KEY_FILE, else from $HEADROOM_HOME/key.

    Return None if no file is named and none is there. Raise InvalidInput if the named one is missing, or if others
    than its owner may read it.
    """
    given = named or os.environ.get("HEADROOM_KEY_FILE")
    home = os.environ.get("HEADROOM_HOME") or os.path.join("~", ".headroom")
    path = Path(given or os.path.join(home, "key")).expanduser()
    if not given and not path.exists():
        return None
    return _secret(path, "key file")


def read_token(named: str) -> str:
    """Read the bearer token of a server from a file. Raise InvalidInput if others than its owner may read it."""
    return _secret(Path(named).expanduser(), "token file")


def _secret(path: Path, kind: str) -> str:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise InvalidInput(f"there is no {kind} {path}; name the right one") from None
    if sys.platform != "win32" and stat.S_IMODE(mode) & 0o077:
        raise InvalidInput(f"others may read the {kind} {path}; run: chmod 600 {path}")
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise InvalidInput(f"the {kind} {path} is no UTF-8 text; name the right one") from None
    if not secret:
        raise InvalidInput(f"the {kind} {path} is empty")
    return secret
