"""The architecture, held to the import graph: a module imports only from its own folder and those below it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import headroom

pytestmark = pytest.mark.quick

PACKAGE = Path(headroom.__file__).parent

# From the top down. A module belongs to the longest name here that is its own or that of a folder above it.
LAYERS = """
headroom.testing
headroom.cli
headroom.mcp
headroom.web
headroom.integrations
headroom.chat.with_memory
headroom.chat.standins
headroom.chat
headroom.chat.apis
headroom.chat.prompt
headroom.chat.block
headroom.memory
headroom.memory.portable
headroom.memory.portable.readers
headroom.memory.remote
headroom.memory.remote.neo4j
headroom.memory.remote.qdrant
headroom.memory.local
headroom.memory.local.cache
headroom.memory.local.nearest
headroom.memory.local.tables
headroom.memory.local.file
headroom.memory.cohort
headroom.memory.embedders
headroom.memory.rules
headroom.memory.protocols
headroom.memory.query
headroom.memory.records
headroom.memory.config
headroom.runtime
headroom.errors
""".split()

# What may be imported inside a function: slow to load, or in an extra.
LATE = {
    "anyio",
    "huggingface_hub",
    "ijson",
    "openai",
    "onnxruntime",
    "rich",
    "tokenizers",
    "torch",
    "tqdm",
    "transformers",
}


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


def parsed(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def layer(name: str) -> int:
    """Return the layer of a module, 0 at the top; a package's own face is as high as what it shows."""
    matching = [place for place, folder in enumerate(LAYERS) if f"{name}.".startswith(f"{folder}.")]
    return max(matching, key=lambda place: len(LAYERS[place]), default=-1)


def is_face(name: str) -> bool:
    return MODULES[name].name == "__init__.py"


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_module_imports_only_from_its_folder_and_below(name: str) -> None:
    """No module knows of a folder above its own, type hints included; a package's face may show all that is in it."""
    others = [other for other in imports(parsed(name), name) if other in MODULES]
    own = f"{name}." if is_face(name) else None
    above = [o for o in others if layer(o) < layer(name) and not (own and o.startswith(own))]
    assert above == []


def cycles(names: dict[str, set[str]]) -> list[tuple[str, ...]]:
    """Find the import cycles: take away, again and again, what imports nothing that is left."""
    left = {name: {other for other in others if other in names} for name, others in names.items()}
    while free := [name for name, others in left.items() if not others & set(left)]:
        for name in free:
            del left[name]
    return sorted(tuple(sorted([name, *(others & set(left))])) for name, others in left.items())


def test_there_are_no_cycles() -> None:
    """No module imports itself by way of others."""
    assert cycles({name: set(imports(parsed(name), name)) - {name} for name in MODULES}) == []


def test_the_benchmarks_have_no_cycles() -> None:
    """The same for the benchmarks."""
    root = PACKAGE.parent.parent
    if not (root / "benchmarks").is_dir():
        pytest.skip("an installed wheel has no benchmarks")
    graph = {}
    for path in (root / "benchmarks").rglob("*.py"):
        name = ".".join(path.relative_to(root).with_suffix("").parts)
        package = name.rpartition(".")[0].split(".")
        graph[name] = set()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                base = package[: len(package) - node.level + 1] if node.level else []
                module = ".".join([*base, *filter(None, [node.module])])
                graph[name] |= {module, *(f"{module}.{alias.name}" for alias in node.names)} - {name}
    assert len(graph) > 10
    assert cycles(graph) == []


def test_runtime_knows_nothing_of_memory() -> None:
    """What is in `runtime` serves any library: of this project it imports the errors alone."""
    for name in MODULES:
        if name.startswith("headroom.runtime"):
            others = {o for o in imports(parsed(name), name) if o.startswith("headroom")}
            assert {o for o in others if not o.startswith("headroom.runtime")} <= {"headroom.errors"}


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_stand_at_the_top(name: str) -> None:
    """Only a slow or optional dependency is imported inside a function."""
    tree = parsed(name)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    late = {other.partition(".")[0] for function in functions for other in imports(function, name)}
    assert late <= LATE


# What wraps any embedder, and what makes the one of the tests, may be named by others.
WRAPPERS = {"headroom.memory.embedders.cached"}


@pytest.mark.parametrize("part", ["headroom.memory.local", "headroom.memory.remote", "headroom.memory.embedders"])
def test_only_one_module_picks_the_parts(part: str) -> None:
    """Whatever can be swapped is chosen in `open` alone, and by name: the engine sees Protocols."""
    users = set()
    for name in MODULES:
        if not name.startswith(part):
            others = set(imports(parsed(name), name)) - WRAPPERS
            users |= {name for other in others if other.startswith(part)}
    assert users - {"headroom.testing.embedders"} <= {"headroom.memory.open"}
