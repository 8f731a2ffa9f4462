"""The benchmark of the peers: its own logic, with this project as the peer that is always there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.peers import environments
from benchmarks.peers.__main__ import measure
from benchmarks.peers.catalogue import PEERS, Peer
from benchmarks.peers.report import by_set, tables
from benchmarks.peers.runner import Runner
from benchmarks.peers.texts import TOY, made
from benchmarks.peers.told import Told
from benchmarks.quality.locomo import Question

OURS = next(peer for peer in PEERS if peer.script == "ours")
TALK = Told(
    set="plain facts",
    texts=["Ann adopted a greyhound", "Ann paints boats", "Ben bakes rye bread"],
    turns={
        "Ann adopted a greyhound": frozenset({"D1:1"}),
        "Ann paints boats": frozenset({"D1:2"}),
        "Ben bakes rye bread": frozenset({"D1:3"}),
    },
    questions=(Question(text="Which dog did Ann adopt?", category=4, evidence=("D1:1", "D9:9")),),
)


def test_a_row_is_measured_and_a_failing_peer_is_skipped_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run gives all it can: a peer that does not install or does not run costs its own row only."""
    monkeypatch.setattr(environments, "ENVIRONMENTS", tmp_path / "environments")
    absent = Peer(name="absent", script="bare", requirements=("/no/such/package.whl",))
    broken = Peer(name="broken", script="no_such_script")
    (row,), skipped = measure([absent, broken, OURS], Runner(tmp_path, TOY, made(TOY), [TALK]))
    assert "/no/such/package.whl" in skipped["absent"]
    assert "no_such_script" in skipped["broken"]
    assert "absent: skipped" in capsys.readouterr().err
    assert (row.own, row.foreign, row.found) == (5, 0, 1)
    assert row.recall == {"plain facts": 0.5}
    assert row.disk is not None
    assert row.disk > 0
    shown = tables([row], skipped)
    assert [line.count("|") for line in shown.splitlines() if line.startswith("|")] == [9] * 3 + [6] * 3
    assert [line.count("|") for line in by_set([row]).splitlines()] == [3] * 3
    assert f"absent was skipped: {skipped['absent']}" in shown


def test_each_question_has_one_answer_that_the_user_was_told() -> None:
    """Recall on made texts means something only if exactly one memory answers."""
    texts = made(TOY)
    assert len(texts.questions) == len(set(texts.questions)) == TOY.questions
    assert set(texts.answers) <= set(texts.facts)
    everything: Sequence[str] = [*texts.facts, *texts.single, *texts.few, *(one for of in texts.others for one in of)]
    assert len(set(everything)) == len(everything) == texts.count


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_every_peer_is_pinned_and_has_its_script(peer: Peer) -> None:
    """A run of next year measures what this one did."""
    assert (Path(environments.__file__).parent / "stores" / f"{peer.script}.py").is_file()
    assert all("==" in requirement for requirement in peer.requirements)


def test_a_peer_gets_no_keys_and_no_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a peer would send to its makers or to a provider reaches nobody."""
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    quiet = environments.quiet(tmp_path)
    assert "secret" not in quiet.values()
    assert quiet["HOME"] == str(tmp_path)
    assert quiet["HTTPS_PROXY"].startswith("http://127.0.0.1:")
