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
headroom.testing.backends
headroom.testing.keeping
headroom.testing.finding
headroom.testing.opened
headroom.testing.embedders

headroom.cli
headroom.cli.reembed
headroom.cli.progress

headroom.chat
headroom.chat.proxy
headroom.chat.client
headroom.chat.completions
headroom.chat.responses
headroom.chat.chunks
headroom.chat.events
headroom.chat.resource
headroom.chat.stream
headroom.chat.forward
headroom.chat.memory
headroom.chat.turns
headroom.chat.turn
headroom.chat.dialect
headroom.chat.texts
headroom.chat.settings
headroom.chat.shared
headroom.chat.spans
headroom.chat.guard
headroom.chat.patience
headroom.chat.facts
headroom.chat.report
headroom.chat.asking
headroom.chat.small_models
headroom.chat.prompt
headroom.chat.logprobs
headroom.chat.conversation
headroom.chat.fields
headroom.chat.block
headroom.chat.lines
headroom.chat.outcome
headroom.chat.reading
headroom.chat.lenient
headroom.chat.items

headroom.memory
headroom.memory.bound
headroom.memory.memory
headroom.memory.open
headroom.memory.engine

headroom.memory.local
headroom.memory.local.backend
headroom.memory.local.reembedding
headroom.memory.local.storing
headroom.memory.local.retrieval
headroom.memory.local.indexes
headroom.memory.local.versions
headroom.memory.local.rows
headroom.memory.local.columns
headroom.memory.local.views
headroom.memory.local.graph
headroom.memory.local.text
headroom.memory.local.hnsw
headroom.memory.local.hnsw_keeping
headroom.memory.local.hnsw_files
headroom.memory.local.hnsw_links
headroom.memory.local.infile
headroom.memory.local.nearest
headroom.memory.local.projection
headroom.memory.local.probes
headroom.memory.local.arrays
headroom.memory.local.vectors
headroom.memory.local.schema
headroom.memory.local.database
headroom.memory.local.connections
headroom.memory.local.faults

headroom.memory.embedders
headroom.memory.embedders.table
headroom.memory.embedders.onnx
headroom.memory.embedders.encoder
headroom.memory.embedders.sentence
headroom.memory.embedders.runtime
headroom.memory.embedders.files
headroom.memory.embedders.models
headroom.memory.embedders.openai
headroom.memory.embedders.ollama
headroom.memory.embedders.remote
headroom.memory.embedders.texts

headroom.memory.cache
headroom.memory.drafts
headroom.memory.ranking
headroom.memory.scoping
headroom.memory.dedup
headroom.memory.words
headroom.memory.dates
headroom.memory.protocols
headroom.memory.records
headroom.memory.config
headroom.memory.times
headroom.memory.workers
headroom.memory.forks
headroom.memory.extras
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
