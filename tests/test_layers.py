"""The architecture, held to the import graph: a module imports only from modules below it in `LAYERS`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import headroom

pytestmark = pytest.mark.quick

PACKAGE = Path(headroom.__file__).parent

# From the top down. A name stands for that module, or for a package's own __init__.
LAYERS = """
headroom
headroom.testing
tests.contract.backends
tests.contract.keeping
tests.contract.finding
tests.contract.opened
headroom.testing.embedders

headroom.cli
headroom.cli.commands.reembed
headroom.cli.progress

headroom.chat
headroom.chat.with_memory
headroom.chat.standins.client
headroom.chat.apis.completions
headroom.chat.apis.responses
headroom.chat.apis.completions
headroom.chat.apis.responses
headroom.chat.standins.resource
headroom.chat.standins.stream
headroom.chat.standins.forward
headroom.chat.client_memory
headroom.chat.turn
headroom.chat.turn
headroom.chat.apis.api
headroom.chat.apis.reply
headroom.chat.options
headroom.chat.between_turns
headroom.chat.tracing
headroom.chat.fail_open
headroom.runtime.threads
headroom.chat.learning
headroom.chat.last_turn
headroom.chat.prompt.examples
headroom.chat.prompt.examples
headroom.chat.prompt.frame
headroom.chat.logprobs
headroom.chat.apis.messages
headroom.chat.apis.messages
headroom.chat.block.filter
headroom.chat.block.fences
headroom.chat.block.filter
headroom.chat.block.body
headroom.chat.block.loose_json
headroom.chat.block.item

headroom.memory
headroom.memory.user_memory
headroom.memory.memory
headroom.memory.open
headroom.memory.engine

headroom.memory.local
headroom.memory.local.backend
headroom.memory.local.tables.reembed
headroom.memory.local.tables.write
headroom.memory.local.search
headroom.memory.local.cache.users
headroom.memory.local.tables.history
headroom.memory.local.tables.read
headroom.memory.local.cache.user
headroom.memory.local.cache.visible
headroom.memory.local.cache.entities
headroom.memory.local.tables.postings
headroom.memory.local.nearest.hnsw
headroom.memory.local.hnsw_keeping
headroom.memory.local.hnsw_files
headroom.memory.local.hnsw_links
headroom.memory.local.nearest.in_file
headroom.memory.local.nearest.matrix
headroom.memory.local.nearest.projection
headroom.memory.local.nearest.projection
headroom.memory.local.nearest.arrays
headroom.memory.local.tables.vector_codec
headroom.memory.local.file.schema
headroom.memory.local.file.database
headroom.memory.local.file.connections
headroom.memory.local.file.connections

headroom.memory.embedders
headroom.memory.embedders.table
headroom.memory.embedders.onnx
headroom.memory.embedders.encoder
headroom.memory.embedders.sentence
headroom.memory.embedders.mps
headroom.memory.embedders.models
headroom.memory.embedders.models
headroom.memory.embedders.openai
headroom.memory.embedders.ollama
headroom.memory.embedders.remote
headroom.memory.embedders.texts

headroom.memory.embedders.cached
headroom.memory.rules.checks
headroom.memory.rules.ranking
headroom.memory.rules.visibility
headroom.memory.rules.duplicates
headroom.memory.rules.words
headroom.memory.rules.dates
headroom.memory.protocols
headroom.memory.records
headroom.memory.config
headroom.memory.rules.times
headroom.runtime.threads
headroom.runtime.forks
headroom.runtime.extras
headroom.errors
""".split()

# What may be imported inside a function: slow to load, or in an extra.
LATE = {"anyio", "huggingface_hub", "openai", "onnxruntime", "rich", "tokenizers", "torch", "tqdm", "transformers"}


def modules() -> dict[str, Path]:
    """Map every module of the package to its file."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = ("headroom", *path.relative_to(PACKAGE).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(tree: ast.AST, name: str) -> Iterator[str]:
    """Yield each module that `tree`, a part of module `name`, imports; own ones by their full name."""
    package = name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, *filter(None, [node.module])])
            for alias in node.names:
                yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base


def test_every_module_has_its_place() -> None:
    """A new module is put into LAYERS when it is made, and leaves it when it goes."""
    assert set(MODULES) - set(LAYERS) == set(), "name these in LAYERS"
    assert set(LAYERS) - set(MODULES) == set(), "these are gone"


@pytest.mark.parametrize("name", LAYERS)
def test_a_module_imports_only_from_below(name: str) -> None:
    """No module knows of one above it or beside it, type hints included; so there are no cycles."""
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    above = [other for other in imports(tree, name) if other in LAYERS[: LAYERS.index(name) + 1]]
    assert above == []


@pytest.mark.parametrize("name", LAYERS)
def test_imports_stand_at_the_top(name: str) -> None:
    """Only a slow or optional dependency is imported inside a function."""
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    late = {other.partition(".")[0] for function in functions for other in imports(function, name)}
    assert late <= LATE


@pytest.mark.parametrize("part", ["headroom.memory.local", "headroom.memory.embedders"])
def test_only_one_module_picks_the_parts(part: str) -> None:
    """Whatever can be swapped is chosen in `open` alone, and by name: the engine sees Protocols."""
    users = {
        name
        for name in MODULES
        if not name.startswith(part)
        and any(other.startswith(part) for other in imports(ast.parse(MODULES[name].read_text("utf-8")), name))
    }
    assert users - {"headroom.testing.embedders"} == {"headroom.memory.open"}
