"""The local backend: one SQLite file. Each method is one operation in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from itertools import starmap
from typing import Any

import apsw

from ...errors import EmbedderMismatch, StoreUnavailable, StoreUnwritable
from ...runtime.extras import need
from ..config import MemoryConfig, VectorBackend
from ..protocols import Amendment, Bools, Decision, Embedder, Stored, Vector, Write
from ..query import Filter, Listing, Query
from ..records import Applied, Event, KeptTurn, Parts, Reader, Record, SearchResult, Stats
from ..rules.duplicates import grouped
from ..rules.search.ranking import score, scores
from ..rules.times import DAY, local, micros, moment, now
from .cache.user import Stamp, UserColumns
from .cache.users import Indexes
from .file import schema
from .file.database import Database, integers
from .file.faults import damage_noticed
from .nearest.hnsw import Hnsw
from .nearest.in_file import InFile
from .nearest.matrix import Matrix, VectorIndex
from .search import Found, retrieve
from .tables import amend, carry, events, history, lists, read, turns, write
from .tables.vector_codec import decode

_MEBIBYTE = 1 << 20


class LocalBackend:
    """Memories in one SQLite file, searched through columns and vectors kept in memory."""

    def __init__(self, config: MemoryConfig, embedder: Embedder) -> None:
        """Open or create the file. Raise a StoreError if it cannot be used with this embedder."""
        if config.vector_backend is VectorBackend.HNSW:
            need("hnswlib", "hnsw")
        self._config, self._embedder = config, embedder
        self._database = Database(
            config.path,
            schema.check if config.read_only else schema.prepare,
            key=config.key,
            read_only=config.read_only,
        )
        self._indexes = Indexes(self._make_columns, config.index_cache_mb * _MEBIBYTE)
        with self._database.read() as cursor:
            self._stamp(cursor, 0)
        if not config.read_only:
            self._purge()

    def lifetime(self, user_id: str) -> int | None:
        with self._database.read() as cursor:
            key: Any = cursor.execute("select key from users where user_id = ?", (user_id,)).get
            return None if key is None else int(key)

    def apply(self, writer: Reader, writes: Sequence[Write]) -> list[Applied]:
        prepared = write.prepare(writer, writes)
        with self._database.write() as cursor:
            self._record_embedder(cursor, _width(writes))
            user = history.user_key(cursor, writer.user_id)
            applied = [write.apply(cursor, user, writer, one, each) for one, each in zip(prepared, writes, strict=True)]
            history.touch(cursor, user)
        return applied

    def search(self, query: Query) -> list[SearchResult]:
        with self._database.read() as cursor:
            found = cursor.execute(
                "select key, revision from users where user_id = ?", (query.reader.user_id,)
            ).fetchone()
            if found is None:
                return []
            user, revision = found
            stamp = self._stamp(cursor, 0 if query.vector is None else len(query.vector))
            with self._indexes.fresh(cursor, user, revision, stamp) as columns:
                hits = retrieve(cursor, columns, query, now())
                scored = self._scored(cursor, columns, hits, query)
                cosines = _cosines(columns, scored, query)
                rivals = {int(columns.seq[position]) for position in hits.rivals}
            fields = read.fetch(cursor, scored)
        results = [
            SearchResult(
                score=total,
                parts=parts,
                cosine=cosines.get(seq, 0.0),
                told=_day(fields[seq], query) if seq in rivals else None,
                **fields[seq],
            )
            for seq, (total, parts) in scored.items()
            if seq in fields
        ]
        return grouped(results) if query.notes_only else results

    def amend(self, actor: Reader, memory_ids: Sequence[str], decision: Decision) -> list[Amendment]:
        with self._database.write() as cursor:
            return amend.amend(cursor, actor, memory_ids, decision)

    def kept(self, name: str) -> bytes | None:
        with self._database.read() as cursor:
            value: bytes | None = cursor.execute("select value from store_values where name = ?", (name,)).get
            return value

    def keep(self, name: str, value: bytes) -> None:
        with self._database.write() as cursor:
            cursor.execute("insert or replace into store_values values (?, ?)", (name, value))

    def get_many(self, memory_ids: Sequence[str], reader: Reader | None) -> list[Record | None]:
        with self._database.read() as cursor:
            rows = [history.find(cursor, memory_id, reader) for memory_id in memory_ids]
            found = read.fetch(cursor, [seq for seq in rows if seq is not None])
        return [Record(**found[seq]) if seq in found else None for seq in rows]

    def history(self, memory_id: str, reader: Reader | None) -> list[Record]:
        with self._database.read() as cursor:
            seq = history.find(cursor, memory_id, reader)
            if seq is None:
                return []
            return read.records(cursor, history.versions(cursor, history.newest(cursor, seq), reader))

    def page(self, listing: Listing) -> list[Record]:
        with self._database.read() as cursor:
            return lists.page(cursor, listing, self._fitting(cursor, listing.reader.user_id, listing.where))

    def count(self, listing: Listing) -> int:
        with self._database.read() as cursor:
            return lists.count(cursor, listing, self._fitting(cursor, listing.reader.user_id, listing.where))

    def events(self, reader: Reader, *, turn_id: str | None = None, since: datetime | None = None) -> list[Event]:
        with self._database.read() as cursor:
            return events.seen_by(cursor, reader, turn_id, None if since is None else micros(since))

    def users(self) -> list[str]:
        with self._database.read() as cursor:
            return lists.users(cursor)

    def vectors(self, memory_ids: Sequence[str], reader: Reader | None) -> list[Vector | None]:
        with self._database.read() as cursor:
            width = self._stamp(cursor, 0).width
            blobs = [lists.vector(cursor, history.find(cursor, memory_id, reader)) for memory_id in memory_ids]
        rows = decode([blob or b"" for blob in blobs], width)
        return [None if blob is None else row for blob, row in zip(blobs, rows, strict=True)]

    def delete(self, memory_ids: Sequence[str], reader: Reader | None) -> int:
        with self._database.write() as cursor:
            found = [history.find(cursor, memory_id, reader) for memory_id in memory_ids]
            return self._erase_versions(cursor, [seq for seq in found if seq is not None])

    def clear(self, reader: Reader, where: Filter | None = None) -> int:
        with self._database.write() as cursor:
            if where is None:
                turns.clear(cursor, reader)
            fitting = self._fitting(cursor, reader.user_id, where)
            erased = self._erase_versions(cursor, lists.bound_to(cursor, reader, fitting))
            if where is None and (reader.session_id, reader.agent_id, reader.turn_id) == (None, None, None):
                history.make_nameless(cursor, reader.user_id)
            return erased

    def keep_turn(self, turn: KeptTurn) -> None:
        with self._database.write() as cursor:
            turns.keep(cursor, turn)

    def turns(self, reader: Reader, *, limit: int, before: str | None) -> list[KeptTurn]:
        with self._database.read() as cursor:
            return turns.page(cursor, reader, limit, before)

    def growth(self, reader: Reader, step: timedelta) -> list[tuple[datetime, int]]:
        with self._database.read() as cursor:
            points = lists.growth(cursor, reader, step // timedelta(microseconds=1))
        return [(moment(at), total) for at, total in points]

    def stats(self, reader: Reader | None) -> Stats:
        with self._database.read() as cursor:
            return {**lists.stats(cursor, reader), "erasing": int(self._database.is_erasing(cursor))}

    def usable(self) -> bool:
        return self._database.in_place()

    def stored(self, user_id: str | None) -> Iterator[Stored]:
        with self._database.read() as cursor:
            yield from carry.stored(cursor, user_id, self._stamp(cursor, 0).width)

    def owners(self, memory_ids: Sequence[str]) -> list[str | None]:
        with self._database.read() as cursor:
            return carry.owners(cursor, memory_ids)

    def stage(self, import_id: str, memories: Sequence[Stored]) -> None:
        prepared = carry.prepare(memories)
        with self._database.write() as cursor:
            self._record_embedder(cursor, max((len(m.vector) for m in memories if m.vector is not None), default=0))
            carry.stage(cursor, import_id, prepared)

    def publish(self, import_id: str) -> int:
        with self._database.write() as cursor:
            return carry.publish(cursor, import_id, self._stamp(cursor, 0).width)

    def discard(self, import_id: str | None) -> int:
        with self._database.write() as cursor:
            seqs = carry.staged(cursor, import_id)
            history.erase(cursor, seqs)
            carry.forget_users(cursor, import_id)
            return len(seqs)

    def unembedded(self, limit: int) -> list[tuple[str, str]]:
        with self._database.read() as cursor:
            found: Any = cursor.execute(
                """select id, content from waiting join memories on seq = memory
                where user not in (select key from users where import_id is not null) order by memory limit ?""",
                (limit,),
            )
            return [(read.id_text(raw), content) for raw, content in found]

    def put_vectors(self, vectors: Mapping[str, Vector]) -> None:
        with self._database.write() as cursor:
            self._record_embedder(cursor, max(map(len, vectors.values()), default=0))
            for memory_id, vector in vectors.items():
                history.put_vector(cursor, memory_id, vector)

    def close(self) -> None:
        self._indexes.close()
        self._database.close()

    def _scored(
        self, cursor: apsw.Cursor, columns: UserColumns, hits: Found, query: Query
    ) -> dict[int, tuple[float, Parts]]:
        """Return the best rows with their scores and the parts of these, best first; graph neighbours if asked for."""
        seqs = columns.seq[hits.positions[: query.top_k]].tolist()
        best = dict(zip(seqs, starmap(Parts, hits.parts[:, : query.top_k].T.tolist()), strict=True))
        if query.include_graph:
            for seq, parts in self._linked(cursor, columns, best, hits.allowed).items():
                best[seq] = max(parts, best.get(seq, Parts()), key=score)
            best = dict(sorted(best.items(), key=lambda item: -score(item[1]))[: query.top_k])
        totals = zip(best.items(), scores(best.values()), strict=True)
        return {seq: (total, parts) for (seq, parts), total in totals if total >= query.min_score}

    def _linked(
        self, cursor: apsw.Cursor, columns: UserColumns, best: dict[int, Parts], allowed: Bools
    ) -> dict[int, Parts]:
        """Return the memories that share an entity with the best, or touch a related one."""
        graph = columns.graph(cursor)
        linked: dict[int, float] = {}
        for seq, parts in best.items():
            for other, share in graph.neighbours([seq]).items():
                linked[other] = max(share * score(parts), linked.get(other, 0.0))
        places = columns.positions(linked)
        return {int(seq): Parts(graph=linked[int(seq)]) for seq in columns.seq[places[allowed[places]]]}

    def _make_columns(self, cursor: apsw.Cursor, user: int, stamp: Stamp) -> UserColumns:
        width = stamp.width
        count = int(cursor.execute("select count(*) from memories where user = ?", (user,)).get)
        in_file = self._config.vector_backend is VectorBackend.SQLITE_VEC
        too_many = count * width * 4 > self._config.index_cache_mb * _MEBIBYTE

        def make_index(columns: UserColumns) -> VectorIndex:
            if in_file or too_many:
                return InFile(self._database, user, width, columns.positions, lambda: columns.seq)
            if self._config.vector_backend is VectorBackend.HNSW:
                return Hnsw(width, self._config, count)
            return Matrix(width, count)

        return UserColumns(user, stamp, count, make_index)

    @damage_noticed()
    def _stamp(self, cursor: apsw.Cursor, width: int) -> Stamp:
        """Return whose vectors the file holds; raise EmbedderMismatch if they are not this embedder's.

        `width` is that of vectors to store or to compare; 0 if there are none.
        """
        stored: dict[str, Any] = {str(key): value for key, value in cursor.execute("select key, value from meta")}
        configured = self._embedder.id
        stamp = Stamp(stored.get("embedder", configured), int(stored.get("width", 0)))
        if stamp.embedder != configured:
            raise EmbedderMismatch(stored=stamp.embedder, configured=configured)
        if width and stamp.width not in (0, width):
            named = f"{stamp.embedder} of width"
            raise EmbedderMismatch(stored=f"{named} {stamp.width}", configured=f"{named} {width}")
        return stamp

    def _record_embedder(self, cursor: apsw.Cursor, width: int) -> None:
        """Tie the file to the embedder of its first vectors; another process may have been faster."""
        stamp = self._stamp(cursor, width)
        if width and not stamp.width:
            cursor.execute("insert into meta values ('embedder', ?)", (stamp.embedder,))
            cursor.execute("insert into meta values ('width', ?)", (str(width),))

    def _fitting(self, cursor: apsw.Cursor, user_id: str, where: Filter | None) -> list[int] | None:
        """Find the rows of a user that a filter lets through, of any state; None if there is no filter."""
        if where is None:
            return None
        found = cursor.execute("select key, revision from users where user_id = ?", (user_id,)).fetchone()
        if found is None:
            return []
        user, revision = found
        with self._indexes.fresh(cursor, user, revision, self._stamp(cursor, 0)) as columns:
            return [int(seq) for seq in columns.seq[columns.fitting(cursor, where)]]

    def _erase_versions(self, cursor: apsw.Cursor, seqs: Sequence[int]) -> int:
        """Erase memories and the versions that they replaced; return how many were named."""
        versions = dict.fromkeys(version for seq in seqs for version in history.versions(cursor, seq))
        history.erase(cursor, list(versions))
        return len(seqs)

    def _purge(self) -> None:
        """Erase what has expired, and the turn memories of a day ago."""
        at = now()
        with self._database.read() as cursor:
            dead = integers(
                cursor.execute(
                    """select seq from memories where expires_at <= ?1
                    union select seq from memories where held_until <= ?1
                    union select seq from memories where scope = 'turn' and created_at < ?2""",
                    (at, at - DAY),
                )
            )
        if dead:
            # Nobody sees them any more: if another process writes for long, or the disk is full, they can wait.
            with suppress(StoreUnavailable, StoreUnwritable), self._database.write() as cursor:
                history.erase(cursor, dead)


def _cosines(columns: UserColumns, seqs: Iterable[int], query: Query) -> dict[int, float]:
    if query.vector is None or len(query.vector) != columns.stamp.width:
        return {}
    places = columns.positions(seqs)
    cosines = columns.vectors.cosines(query.vector, places)
    return {int(seq): float(cosine) for seq, cosine in zip(columns.seq[places], cosines, strict=True)}


def _width(writes: Sequence[Write]) -> int:
    """Return the width of the vectors to store; 0 if there are none."""
    return max((len(w.entry.vector) for w in writes if w.entry and w.entry.vector is not None), default=0)


def _day(fields: Mapping[str, Any], query: Query) -> date:
    """Return the day on which a memory was told, in the time zone of a query."""
    return local(fields["created_at"], query.zone).date()
