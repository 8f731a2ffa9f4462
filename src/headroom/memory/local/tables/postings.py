"""Full text: one FTS5 posting list for each word of each user, weighed by this user's own numbers.

FTS5's own bm25() counts rarity over everybody in the file and walks lists shared by all; here a word carries
its user ("7:python"), so that a list holds only what may be seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apsw
import numpy as np

from ...protocols import Bools, Ints

LONGEST_LIST = 1000
"""A word that more memories hold picks no candidates if a rarer one is asked for."""
LONGEST_READ = 10 * LONGEST_LIST
"""A word that more memories hold says nothing, and is not read to its end."""
_TOKENIZER = "porter", ["ascii", "tokenchars", "_.+#'-:"]
"""That of the table `words`."""


def terms(user: int, words: Iterable[str]) -> tuple[str, int]:
    """Return what the index stores for the words of a text: each once, in one string, and how many there are."""
    distinct = dict.fromkeys(words)
    return " ".join([f"{user}:{word}" for word in distinct]), len(distinct)


def index(cursor: apsw.Cursor, memory: int, terms: str) -> None:
    """Add the words of one memory."""
    cursor.execute("insert into words (rowid, terms) values (?, ?)", (memory, terms))


def token(cursor: apsw.Cursor, user: int, word: str) -> str:
    """Return what the index makes of one word of a user: English words are stemmed."""
    return _tokens(cursor, f"{user}:{word}")[0]


def tokens_of(cursor: apsw.Cursor, memory: int) -> set[str]:
    """Return what the index made of the words of one memory."""
    return set(_tokens(cursor, cursor.execute("select c0 from words_content where id = ?", (memory,)).get or ""))


def _tokens(cursor: apsw.Cursor, terms: str) -> list[str]:
    tokenize: Any = cursor.connection.fts5_tokenizer(*_TOKENIZER)
    split: list[str] = tokenize(
        terms.encode(), apsw.FTS5_TOKENIZE_DOCUMENT, None, include_offsets=False, include_colocated=False
    )
    return split


def memories_with(cursor: apsw.Cursor, user: int, word: str, *, above: int, limit: int) -> Ints:
    """List the memories of `user` that hold `word`, ascending, from behind the memory `above`."""
    # One text of all rows takes half the time of one row each: 0.25 us a memory.
    found = cursor.execute(
        """select group_concat(rowid) from
        (select rowid from words where words match ? and rowid > ? order by rowid limit ?)""",
        (f'"{user}:{word}"', above, limit),
    ).get
    return np.fromstring(found or "", np.int64, sep=",")


def among(positions: Ints, holding: Ints) -> Bools:
    """Mark the positions that are among `holding`, ascending and of any length."""
    if not len(holding):
        return np.zeros(len(positions), np.bool_)
    return np.asarray(holding[np.searchsorted(holding, positions).clip(max=len(holding) - 1)] == positions)
