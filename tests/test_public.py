"""The public face: what is exported, and what importing it costs."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.resources
import inspect
import pickle
import re
import subprocess
import sys
import typing
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import headroom
import headroom.errors

pytestmark = pytest.mark.quick

PUBLIC = (
    "headroom",
    "headroom.chat",
    "headroom.errors",
    "headroom.memory",
    "headroom.memory.types",
    "headroom.testing",
)
INNER = {"Engine", "Turns"}
"""What the shells stand on: it has no promise of staying as it is."""


@pytest.mark.parametrize("name", PUBLIC)
def test_all_is_sorted_and_real(name: str) -> None:
    """`__all__` is sorted and exactly what is public; a package has at most a dozen names."""
    module = importlib.import_module(name)
    exported = module.__all__
    assert exported == sorted(exported)
    assert len(exported) <= 12 or not hasattr(module, "__path__")
    assert all(hasattr(module, key) for key in exported)
    own = {key for key in dir(module) if not key.startswith("_") and is_own(getattr(module, key))}
    assert own <= set(exported)


def is_own(value: object) -> bool:
    """Return whether this is a class or function of this project, and neither a submodule nor a foreign name."""
    return getattr(value, "__module__", "").partition(".")[0] == "headroom"


def signatures() -> Iterator[tuple[str, Callable[..., object]]]:
    """Yield each public function and method, by name."""
    for name in PUBLIC:
        module = importlib.import_module(name)
        for key in module.__all__:
            value = getattr(module, key)
            if inspect.isfunction(value):
                yield key, value
            for part, member in inspect.getmembers(value) if inspect.isclass(value) else ():
                function = member.fget if isinstance(member, property) else member
                if inspect.isfunction(function) and (part == "__init__" or not part.startswith("_")):
                    yield f"{key}.{part}", function


def classes_in(hint: object) -> Iterator[type]:
    """Yield the classes of this project in an annotation."""
    if inspect.isclass(hint) and is_own(hint):
        yield hint
    for part in typing.get_args(hint):
        yield from classes_in(part)


def test_what_stands_in_a_signature_is_public() -> None:
    """Whatever class a public signature names can be imported from a public module."""
    public = {id(getattr(importlib.import_module(module), key)) for module in PUBLIC for key in _names(module)}
    looked_at, hidden = 0, set()
    for name, function in signatures():
        with contextlib.suppress(NameError):  # an array's type, or one of an SDK: named for type checkers only
            hints = typing.get_type_hints(function)
            looked_at += 1
            hidden |= {
                (name, found.__name__)
                for hint in hints.values()
                for found in classes_in(hint)
                if id(found) not in public and found.__name__ not in INNER
            }
    assert hidden == set()
    assert looked_at > 100


def _names(module: str) -> list[str]:
    names: list[str] = importlib.import_module(module).__all__
    return names


def test_a_traceback_names_public_modules() -> None:
    """The classes that people meet say where they are imported from, and can be pickled from there."""
    for module, names in (("headroom.memory", ("Memory", "UserMemory", "Scope")), ("headroom.chat", ("with_memory",))):
        for name in names:
            value = getattr(importlib.import_module(module), name)
            assert value.__module__ == module
            assert pickle.loads(pickle.dumps(value)) is value
    for name in _names("headroom.errors"):
        assert getattr(headroom.errors, name).__module__ == "headroom.errors"


def test_the_version_is_that_of_the_package() -> None:
    """`headroom.__version__` is what the installed distribution says, and has the form of a version."""
    assert re.fullmatch(r"\d+\.\d+\.\d+([a-z]+\d+)?", headroom.__version__)
    assert importlib.metadata.version("headroom-memory") == headroom.__version__


def test_the_documentation_knows_every_name() -> None:
    """Each name of `headroom` and `headroom.memory` and each error stands in the README or in docs/."""
    root = Path(__file__).parent.parent
    pages = [root / "README.md", *(root / "docs").rglob("*.md")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    names = {name for module in ("headroom", "headroom.memory") for name in _names(module)}
    assert {name for name in names if not re.search(rf"\b{name}\b", text)} == set()


def test_import_is_light() -> None:
    """`import headroom` loads neither the OpenAI SDK nor numpy, onnxruntime, or SQLite."""
    code = (
        "import sys, headroom\n"
        "print(*sorted({'openai', 'numpy', 'onnxruntime', 'tokenizers', 'huggingface_hub', 'apsw'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_import_changes_nothing() -> None:
    """`import headroom` leaves the environment and the logging of the program as they were."""
    code = (
        "import logging, os\n"
        "before = dict(os.environ), logging.root.level, list(logging.root.handlers)\n"
        "import headroom\n"
        "assert before == (dict(os.environ), logging.root.level, list(logging.root.handlers))\n"
        "assert logging.getLogger('headroom').level == logging.NOTSET"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_package_is_typed() -> None:
    """The installed package says that it carries its own type hints."""
    assert importlib.resources.files("headroom").joinpath("py.typed").is_file()
