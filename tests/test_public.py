"""The public face: what is exported, and what importing it costs."""

from __future__ import annotations

import importlib
import importlib.resources
import subprocess
import sys

import pytest

pytestmark = pytest.mark.quick

PUBLIC = ("headroom", "headroom.chat", "headroom.errors", "headroom.memory", "headroom.testing")


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
    """Tell a class or function of this project from a submodule and from what a module imported for itself."""
    return getattr(value, "__module__", "").partition(".")[0] == "headroom"


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
