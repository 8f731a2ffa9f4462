"""From the JSON of Qdrant's REST API to the objects of qdrant-edge, and back. Only what this library sends."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import qdrant_edge as edge

Json = Any

_DISTANCES = {name: getattr(edge.Distance, name) for name in ("Dot", "Cosine", "Euclid", "Manhattan")}
_SCHEMAS = {name.lower(): getattr(edge.PayloadSchemaType, name) for name in ("Keyword", "Integer", "Float", "Bool")}
_MODES = {
    "upsert": edge.UpdateMode.Upsert,
    "insert_only": edge.UpdateMode.InsertOnly,
    "update_only": edge.UpdateMode.UpdateOnly,
}


class Refused(Exception):
    """A request that the API answers with an error."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def point_id(value: Json) -> int | uuid.UUID:
    """Read the id of a point."""
    if isinstance(value, int):
        return value
    try:
        return uuid.UUID(value)
    except (ValueError, AttributeError, TypeError):
        raise Refused(400, f"Format error in JSON body: value {value} is not a valid point ID") from None


def id_json(value: int | uuid.UUID) -> int | str:
    """Write the id of a point."""
    return value if isinstance(value, int) else str(value)


def vector(value: Json) -> Any:
    """Read a vector, dense or sparse, or several by name."""
    if not isinstance(value, dict):
        return value
    if "indices" in value:
        return edge.SparseVector(indices=value["indices"], values=value["values"])
    return {name: vector(each) for name, each in value.items()}


def vector_json(value: Any) -> Json:
    """Write a vector, dense or sparse, or several by name."""
    if isinstance(value, dict):
        return {name: vector_json(each) for name, each in value.items()}
    if isinstance(value, edge.SparseVector):
        return {"indices": value.indices, "values": value.values}
    return value


def point(value: Mapping[str, Json], widths: Mapping[str, int]) -> Any:
    """Read a point to store, whose dense vectors must have the collection's widths."""
    vectors = value.get("vector") or {}
    for name, width in widths.items():
        if name in vectors and len(vectors[name]) != width:
            raise Refused(400, f"Wrong input: Vector dimension error: expected dim: {width}, got {len(vectors[name])}")
    return edge.Point(point_id(value["id"]), vector(vectors), value.get("payload") or {})


def record_json(record: Any, *, scored: bool = False) -> dict[str, Json]:
    """Write a point that was found."""
    found = {"id": id_json(record.id), "payload": record.payload, "vector": vector_json(record.vector)}
    return {**found, "version": 0, "score": record.score} if scored else found


def filter_of(value: Json) -> Any:
    """Read a filter; None if there is none."""
    if not value:
        return None
    parts = {name: _conditions(value.get(name)) for name in ("must", "should", "must_not")}
    return edge.Filter(**parts)


def _conditions(values: Json) -> list[Any] | None:
    if values is None:
        return None
    return [_condition(each) for each in (values if isinstance(values, list) else [values])]


def _condition(value: Mapping[str, Json]) -> Any:
    if "has_id" in value:
        return edge.HasIdCondition({point_id(each) for each in value["has_id"]})
    if "is_empty" in value:
        return edge.IsEmptyCondition(value["is_empty"]["key"])
    if "is_null" in value:
        return edge.IsNullCondition(value["is_null"]["key"])
    if "key" not in value:
        return filter_of(value)
    return edge.FieldCondition(value["key"], match=_match(value.get("match")), range=_range(value.get("range")))


def _match(value: Json) -> Any:
    if not value:
        return None
    if isinstance(value.get("value"), bool):
        raise Refused(501, "this engine answers wrongly to a match of a boolean")
    kinds = {"value": edge.MatchValue, "any": edge.MatchAny, "except": edge.MatchExcept}
    for name, kind in kinds.items():
        if name in value:
            return kind(value[name])
    raise Refused(501, f"no such match here: {', '.join(value)}")


def _range(value: Json) -> Any:
    given = {name: limit for name, limit in (value or {}).items() if limit is not None}
    return edge.RangeFloat(**given) if given else None


def order_of(value: Json) -> Any:
    """Read what a scroll is ordered by."""
    if isinstance(value, str):
        return edge.OrderBy(value)
    down = value.get("direction") == "desc"
    return edge.OrderBy(
        value["key"],
        direction=edge.Direction.Desc if down else edge.Direction.Asc,
        start_from=value.get("start_from"),
    )


def query_of(value: Mapping[str, Json]) -> Any:
    """Read one search."""
    given = value.get("params") or {}
    return edge.QueryRequest(
        limit=value.get("limit") or 10,
        offset=value.get("offset") or 0,
        query=_scoring(value.get("query"), value.get("using")),
        prefetches=_prefetches(value.get("prefetch")),
        filter=filter_of(value.get("filter")),
        score_threshold=value.get("score_threshold"),
        params=edge.SearchParams(hnsw_ef=given.get("hnsw_ef"), exact=bool(given.get("exact"))) if given else None,
        with_vector=selected(value.get("with_vector")),
        with_payload=selected(value.get("with_payload")),
    )


def _prefetches(value: Json) -> list[Any]:
    nested = [] if not value else value if isinstance(value, list) else [value]
    return [
        edge.Prefetch(
            limit=each.get("limit") or 10,
            query=_scoring(each.get("query"), each.get("using")),
            prefetches=_prefetches(each.get("prefetch")),
            filter=filter_of(each.get("filter")),
        )
        for each in nested
    ]


def _scoring(value: Json, using: str | None) -> Any:
    if value is None:
        return None
    if isinstance(value, dict) and "nearest" in value:
        value = value["nearest"]
    if isinstance(value, dict) and "order_by" in value:
        return order_of(value["order_by"])
    if isinstance(value, dict) and "sample" in value:
        return edge.Sample.Random
    if isinstance(value, list) or (isinstance(value, dict) and "indices" in value):
        return edge.Query.Nearest(vector(value), using=using)
    raise Refused(501, f"no such query here: {value if isinstance(value, str) else ', '.join(value)}")


def selected(value: Json) -> Any:
    """Read which parts of the payload, or which vectors, are to come back."""
    if isinstance(value, dict):
        return edge.PayloadSelector.Include(value["include"]) if "include" in value else bool(value)
    return value if isinstance(value, list) else bool(value)


def schema_of(value: Json) -> Any:
    """Read the kind of an index on a field."""
    kind = value if isinstance(value, str) else value["type"]
    if kind not in _SCHEMAS:
        raise Refused(501, f"no such index here: {kind}")
    if isinstance(value, dict) and kind == "keyword":
        return edge.KeywordIndexParams(is_tenant=value.get("is_tenant"), on_disk=value.get("on_disk"))
    if isinstance(value, dict) and kind == "integer":
        return edge.IntegerIndexParams(
            lookup=value.get("lookup", True), range=value.get("range", True), on_disk=value.get("on_disk")
        )
    return _SCHEMAS[kind]


def mode_of(value: Json) -> Any:
    """Read whether an upsert may insert, update or do both."""
    return _MODES[value or "upsert"]


def config_of(body: Mapping[str, Json]) -> tuple[Any, dict[str, int]]:
    """Read how a collection is to be made: its configuration, and the widths of its dense vectors."""
    dense, sparse = body.get("vectors") or {}, body.get("sparse_vectors") or {}
    graph = body.get("hnsw_config") or {}
    hnsw = edge.HnswIndexConfig(
        m=graph.get("m", 16),
        ef_construct=graph.get("ef_construct", 100),
        full_scan_threshold=graph.get("full_scan_threshold", 10_000),
        payload_m=graph.get("payload_m"),
        on_disk=graph.get("on_disk"),
    )
    scalar = (body.get("quantization_config") or {}).get("scalar")
    quantized = edge.ScalarQuantizationConfig(
        type=edge.ScalarType.Int8, quantile=(scalar or {}).get("quantile"), always_ram=(scalar or {}).get("always_ram")
    )
    vectors = {
        name: edge.EdgeVectorParams(
            size=each["size"],
            distance=_DISTANCES[each["distance"]],
            on_disk=each.get("on_disk"),
            hnsw_config=hnsw,
            quantization_config=quantized if scalar else None,
        )
        for name, each in dense.items()
    }
    words = {name: edge.EdgeSparseVectorParams() for name in sparse}
    config = edge.EdgeConfig(
        vectors=vectors, sparse_vectors=words or None, on_disk_payload=body.get("on_disk_payload"), wal_enabled=True
    )
    return config, {name: each["size"] for name, each in dense.items()}


def ids_of(values: Iterable[Json]) -> list[int | uuid.UUID]:
    """Read the ids of points."""
    return [point_id(value) for value in values]
