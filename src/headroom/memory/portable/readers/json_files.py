"""JSON that may be larger than memory: files, folders and ZIP archives, read one item at a time."""

from __future__ import annotations

import codecs
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import IO, Any

from ....errors import UnreadableImport


def items(path: Path, names: str, *keys: str, required: bool = True) -> Iterator[Any]:
    """Yield the items of the JSON files at `path`, each file's in order; only one item is in memory at a time.

    `path` is a JSON or JSON Lines file, or a folder or ZIP archive in which the files called `names` (a pattern) are
    read. The items are those of the array at the top, or of the array under one of `keys` in the object there.
    Raise UnreadableImport if there is no such file, unless it is not `required`, and if one is no JSON.
    """
    found = False
    for name, opened in _files(path, names):
        found = True
        with opened as stream:
            yield from _items(stream, path, name, keys)
    if required and not found:
        raise UnreadableImport(path=path, reason=f"it holds no file called {names}")


def _files(path: Path, names: str) -> Iterator[tuple[str, Any]]:
    if path.is_dir():
        for file in sorted(file for file in path.rglob("*") if fnmatch(file.name, names)):
            yield file.name, file.open("rb")
    elif not path.is_file():
        raise UnreadableImport(path=path, reason="there is no such file")
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in sorted(name for name in archive.namelist() if fnmatch(Path(name).name, names)):
                yield name, archive.open(name)
    else:
        yield path.name, path.open("rb")


def _items(stream: IO[bytes], path: Path, name: str, keys: tuple[str, ...]) -> Iterator[Any]:
    import ijson

    if not stream.read(1):
        raise UnreadableImport(path=path, reason=f"{name} is empty")
    stream.seek(0)
    start = len(codecs.BOM_UTF8) if stream.read(3) == codecs.BOM_UTF8 else 0
    stream.seek(start)
    is_array = stream.read(4096).lstrip().startswith(b"[")
    stream.seek(start)
    with _readable(path, name, (ijson.JSONError, ValueError, zipfile.BadZipFile)):
        if is_array:
            yield from ijson.items(stream, "item", use_float=True)
        elif _one_object_a_line(stream, start):
            yield from map(json.loads, filter(bytes.strip, stream))
        else:
            yield from _under(ijson, stream, start, keys)


def _under(ijson: Any, stream: IO[bytes], start: int, keys: tuple[str, ...]) -> Iterator[Any]:
    """Yield the items of the arrays under `keys`; an object without these is an item itself."""
    present = {prefix for prefix, event, _ in ijson.parse(stream) if event == "start_array" and prefix in keys}
    for key in [key for key in keys if key in present]:
        stream.seek(start)
        yield from ijson.items(stream, f"{key}.item", use_float=True)
    if not present:
        stream.seek(start)
        yield from ijson.items(stream, "", use_float=True)


def _one_object_a_line(stream: IO[bytes], start: int) -> bool:
    """Return whether the file is JSON Lines, by its first two lines; afterwards the stream is where it was."""
    lines = (line for line in stream if line.strip())
    try:
        first, second = next(lines, b""), next(lines, b"")
        return all(isinstance(json.loads(line), dict) for line in (first, second))
    except ValueError:
        return False
    finally:
        stream.seek(start)


@contextmanager
def _readable(path: Path, name: str, errors: tuple[type[Exception], ...]) -> Iterator[None]:
    """Map what a parser raises; its message may repeat a part of the text, and is left out."""
    try:
        yield
    except errors as exc:
        raise UnreadableImport(path=path, reason=f"{name} is no JSON ({type(exc).__name__})") from None
