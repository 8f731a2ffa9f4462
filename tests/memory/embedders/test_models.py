"""What is known of each model, and what its id says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headroom.memory.embedders.models import BGE_SMALL, BUNDLED, KNOWN, Model, Pooling, model_named

pytestmark = pytest.mark.quick


def test_no_name_is_the_bundled_model() -> None:
    """The default model, and the same by its full name, come with the package: nothing is downloaded."""
    assert model_named(None) is BUNDLED
    assert model_named("sentence-transformers/all-MiniLM-L6-v2") is BUNDLED
    assert BUNDLED.repository is None


def test_bge_small_is_its_published_int8_file() -> None:
    """The specification's model name means an int8 file, CLS pooling and the prefix its authors give for questions."""
    model = model_named("BAAI/bge-small-en-v1.5")
    assert model is BGE_SMALL
    assert (model.pooling, model.width) == (Pooling.CLS, 384)
    assert model.query_prefix == "Represent this sentence for searching relevant passages: "
    assert "quantized" in model.file


def test_any_other_name_is_a_repository_on_the_hub() -> None:
    """A name that nothing is known of gets the usual settings: the standard file, mean pooling, no prefix."""
    model = model_named("someone/some-model")
    assert (model.name, model.repository, model.file) == ("someone/some-model", "someone/some-model", "onnx/model.onnx")
    assert (model.pooling, model.query_prefix, model.width) == (Pooling.MEAN, "", None)


@pytest.mark.parametrize(
    "other",
    [
        replace(BGE_SMALL, repository="someone/else"),
        replace(BGE_SMALL, file="onnx/model.onnx"),
        replace(BGE_SMALL, weights="onnx/model.onnx_data"),
        replace(BGE_SMALL, tokenizer="other.json"),
        replace(BGE_SMALL, revision="0" * 40),
        replace(BGE_SMALL, sha256={"onnx/model_quantized.onnx": "0" * 64}),
        replace(BGE_SMALL, pooling=Pooling.MEAN),
        replace(BGE_SMALL, max_tokens=128),
    ],
)
def test_whatever_shapes_a_stored_vector_changes_the_id(other: Model) -> None:
    """Vectors of two ids are not compared, so every such setting is part of the id."""
    assert other.id != BGE_SMALL.id


def test_the_query_prefix_does_not_change_the_id() -> None:
    """A prefix shapes questions alone: stored vectors stay comparable."""
    assert replace(BGE_SMALL, query_prefix="query: ").id == BGE_SMALL.id


def test_ids_begin_with_the_name_and_differ() -> None:
    """A person can read from an id which model it was."""
    assert all(model.id.startswith(f"{name}@") for name, model in KNOWN.items())
    assert len({model.id for model in KNOWN.values()}) == len(KNOWN)


def test_the_id_of_the_bundled_model_is_fixed() -> None:
    """Memory files carry this id: another one means that every memory has to be embedded again."""
    assert BUNDLED.id == "sentence-transformers/all-MiniLM-L6-v2@e48fda8ffe46"
