"""The local backend: one SQLite file. Each method is one operation in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import starmap
from typing import Any

import apsw

from ...errors import EmbedderMismatch, InvalidInput, StoreUnavailable, StoreUnwritable
from ...runtime.extras import need
from ..config import MemoryConfig, VectorBackend
from ..protocols import Embedder, Query, Vector, Write
from ..records import Applied, Parts, Reader, Record, SearchResult
from ..rules.duplicates import grouped
from ..rules.ranking import score
from ..rules.times import now
from ..rules.visibility import bound
from .cache.user import Stamp, UserColumns
from .cache.users import Indexes
from .file import schema
from .file.database import Database, integers
from .nearest.hnsw import Hnsw
from .nearest.in_file import InFile
from .nearest.matrix import Bools, Matrix, VectorIndex
from .search import Found, retrieve
from .tables import history, read, write

_MEBIBYTE = 1 << 20
_DAY = 86_400_000_000


class LocalBackend:
    """Memories in one SQLite file, searched through columns and vectors kept in memory."""

    def __init__(self, config: MemoryConfig, embedder: Embedder) -> None:
        """Open or create the file. Raises a StoreError where it cannot be used with this embedder."""
        if config.vector_backend is VectorBackend.HNSW:
            need("hnswlib", "hnsw")
        self._config, self._embedder = config, embedder
        self._database = Database(config.path, schema.prepare)
        self._indexes = Indexes(self._make_columns, config.index_cache_mb * _MEBIBYTE)
        with self._database.read() as cursor:
            self._stamp(cursor, 0)
        self._purge()

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
            fields = read.fetch(cursor, scored)
        results = [
            SearchResult(score=score(parts), parts=parts, **fields[seq])
            for seq, parts in scored.items()
            if seq in fields
        ]
        if query.notes_only:
            return grouped(results)
        return results

    def get(self, memory_id: str, reader: Reader | None) -> Record | None:
        with self._database.read() as cursor:
            seq = history.find(cursor, memory_id, reader)
            return None if seq is None else read.record(cursor, seq)

    def history(self, memory_id: str, reader: Reader | None) -> list[Record]:
        with self._database.read() as cursor:
            seq = history.find(cursor, memory_id, reader)
            if seq is None:
                return []
            seqs = history.versions(cursor, history.newest(cursor, seq), reader)
            fields = read.fetch(cursor, seqs)
            return [Record(**fields[seq]) for seq in seqs]

    def page(self, reader: Reader, *, limit: int | None, after: str | None) -> list[Record]:
        seen, values = read.seen_by(reader)
        with self._database.read() as cursor:
            behind = None if after is None else history.find(cursor, after, reader)
            if after is not None and behind is None:
                raise InvalidInput("after must be the id of one of this user's memories, such as the last of a page")
            found = cursor.execute(
                f"""select seq from memories where {seen}
                and valid_until is null and (expires_at is null or expires_at > ?)
                and (? is null or (created_at, seq) < (select created_at, seq from memories where seq = ?))
                order by created_at desc, seq desc limit ?""",
                (*values, now(), behind, behind, -1 if limit is None else limit),
            )
            seqs = integers(found)
            fields = read.fetch(cursor, seqs)
            return [Record(**fields[seq]) for seq in seqs]

    def revive(self, memory_id: str, reader: Reader | None) -> bool:
        with self._database.write() as cursor:
            seq = history.find(cursor, memory_id, reader)
            return seq is not None and history.revive(cursor, seq, now())

    def delete(self, memory_id: str, reader: Reader | None) -> bool:
        with self._database.write() as cursor:
            seq = history.find(cursor, memory_id, reader)
            if seq is None:
                return False
            history.erase(cursor, history.versions(cursor, seq))
            return True

    def clear(self, reader: Reader) -> int:
        concerned, values = read.as_sql(bound(reader))
        with self._database.write() as cursor:
            seqs = integers(
                cursor.execute(
                    f"select seq from memories where user = (select key from users where user_id = ?) and {concerned}",
                    (reader.user_id, *values),
                )
            )
            history.erase(cursor, seqs)
            return len(seqs)

    def stats(self, reader: Reader | None) -> dict[str, int]:
        seen, values = read.seen_by(reader)
        with self._database.read() as cursor:
            total, history, pending = cursor.execute(
                f"""select coalesce(sum(valid_until is null), 0), coalesce(sum(valid_until is not null), 0),
                count(w.memory) from memories m left join waiting w on w.memory = m.seq
                where {seen} and (expires_at is null or expires_at > ?)""",
                (*values, now()),
            ).get
            size = cursor.execute("select page_count * page_size from pragma_page_count, pragma_page_size").get
        return {"total": total, "superseded": history, "without_vector": pending, "file_bytes": size}

    def usable(self) -> bool:
        return self._database.in_place()

    def unembedded(self, limit: int) -> list[tuple[str, str]]:
        with self._database.read() as cursor:
            found: Any = cursor.execute(
                "select id, content from waiting join memories on seq = memory order by memory limit ?", (limit,)
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

    def _scored(self, cursor: apsw.Cursor, columns: UserColumns, hits: Found, query: Query) -> dict[int, Parts]:
        """Give the best rows with the parts of their scores, best first, with graph neighbours if asked for."""
        seqs = columns.seq[hits.positions[: query.top_k]].tolist()
        best = dict(zip(seqs, starmap(Parts, hits.parts[:, : query.top_k].T.tolist()), strict=True))
        if query.include_graph:
            for seq, parts in self._linked(cursor, columns, best, hits.allowed).items():
                best[seq] = max(parts, best.get(seq, Parts()), key=score)
            best = dict(sorted(best.items(), key=lambda item: -score(item[1]))[: query.top_k])
        return {seq: parts for seq, parts in best.items() if score(parts) >= query.min_score}

    def _linked(
        self, cursor: apsw.Cursor, columns: UserColumns, best: dict[int, Parts], allowed: Bools
    ) -> dict[int, Parts]:
        """Give the memories that share an entity with the best, or touch a related one."""
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

        return UserColumns(user, stamp, make_index)

    def _stamp(self, cursor: apsw.Cursor, width: int) -> Stamp:
        """Tell whose vectors the file holds; raise EmbedderMismatch where they are not this embedder's.

        `width` is that of vectors to store or to compare; 0 where there are none.
        """
        stored: dict[str, Any] = {str(key): value for key, value in cursor.execute("select key, value from meta")}
        stamp = Stamp(stored.get("embedder", self._embedder.id), int(stored.get("width", 0)))
        if stamp.embedder != self._embedder.id:
            raise EmbedderMismatch(stored=stamp.embedder, configured=self._embedder.id)
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

    def _purge(self) -> None:
        """Erase what has expired, and the turn memories of a day ago."""
        at = now()
        with self._database.read() as cursor:
            dead = integers(
                cursor.execute(
                    """select seq from memories where expires_at <= ?
                    union all select seq from memories where scope = 'turn' and created_at < ?""",
                    (at, at - _DAY),
                )
            )
        if dead:
            # Nobody sees them any more: where another process writes for long, or the disk is full, they can wait.
            with suppress(StoreUnavailable, StoreUnwritable), self._database.write() as cursor:
                history.erase(cursor, dead)


def _width(writes: Sequence[Write]) -> int:
    """Tell the width of the vectors to store; 0 where there are none."""
    return max((len(w.entry.vector) for w in writes if w.entry and w.entry.vector is not None), default=0)
