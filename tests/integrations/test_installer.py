"""What installing into an agent changes, and that uninstalling takes back exactly that."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest
import tomlkit

from headroom.errors import InvalidInput, SettingsUnreadable
from headroom.integrations.installer import AGENTS, FileChange, apply, edited, installation, removal
from headroom.integrations.places import Place, Setup

pytestmark = pytest.mark.quick

SETUP = Setup(program=("/opt/my tools/headroom",), options=("--user", "alice"))
RECORDING = Setup(program=SETUP.program, options=SETUP.options, record_turns=True)


@pytest.fixture(autouse=True)
def _no_other_homes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CODEX_HOME", "XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["person", "project"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    project = tmp_path / "project" if request.param == "project" else None
    return Place(home=tmp_path / "home", project=project, platform="linux")


def everything(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.name.endswith(".headroom-backup")
    }


def install(name: str, place: Place, setup: Setup = SETUP) -> None:
    apply(installation(AGENTS[name], place, setup))


def uninstall(name: str, place: Place) -> None:
    apply(removal(AGENTS[name], place))


def agents(place: Place) -> list[str]:
    return [name for name in AGENTS if not (place.project and name == "claude-desktop")]


@pytest.mark.parametrize("setup", [SETUP, RECORDING], ids=["recalling", "recording"])
def test_installing_twice_is_installing_once_and_uninstalling_leaves_nothing(
    place: Place, setup: Setup, tmp_path: Path
) -> None:
    """Nothing changes at the second time; after uninstalling there is no file that was not there before."""
    for name in agents(place):
        install(name, place, setup)
        assert everything(tmp_path)
        assert installation(AGENTS[name], place, setup) == []
        uninstall(name, place)
        assert everything(tmp_path) == {}
        assert removal(AGENTS[name], place) == []


def test_what_others_wrote_stays_byte_for_byte(place: Place, tmp_path: Path) -> None:
    """Other servers, hooks, rules and keys survive both ways, with their order and their indentation."""
    written: dict[Path, str] = {}
    for name in agents(place):
        for change in installation(AGENTS[name], place, RECORDING):
            written.setdefault(change.path, change.after or "")
    hook = {"hooks": [{"type": "command", "command": "headroom-lint hook claude-codex", "timeout": 3}]}
    for path in written:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".json":
            others = {
                "theme": "dunkel – größer",
                "mcpServers": {"other": {"command": "x", "args": []}},
                "servers": {"other": {"command": "x"}},
                "hooks": {
                    **{event: [hook] for event in ("UserPromptSubmit", "BeforeAgent", "Stop")},
                    "beforeSubmitPrompt": [{"command": "./audit hook"}],
                },
                "version": 1,
                "last": [1, 2.5, None],
            }
            path.write_text(json.dumps(others, indent=4, ensure_ascii=False), encoding="utf-8")
        elif path.suffix == ".toml":
            path.write_text('# mine\nmodel = "o9"   # the big one\n\n[mcp_servers.other]\ncommand = "x"\n', "utf-8")
        elif path.name == "GEMINI.md":
            path.write_text("# How we work\n\nTabs, not spaces.\n", "utf-8")
    before = everything(tmp_path)
    for name in agents(place):
        install(name, place, RECORDING)
    assert all(everything(tmp_path)[path] != text for path, text in before.items())
    for name in agents(place):
        uninstall(name, place)
    assert everything(tmp_path) == before


def test_the_server_is_named_where_each_agent_looks(tmp_path: Path) -> None:
    """The MCP entry starts this program with the agent's id and the options that were given."""
    place = Place(home=tmp_path, platform="linux")
    files = {
        "claude-code": (".claude.json", "mcpServers"),
        "claude-desktop": (".config/Claude/claude_desktop_config.json", "mcpServers"),
        "gemini": (".gemini/settings.json", "mcpServers"),
        "antigravity": (".gemini/config/mcp_config.json", "mcpServers"),
        "cursor": (".cursor/mcp.json", "mcpServers"),
        "vscode": (".config/Code/User/mcp.json", "servers"),
    }
    for name in AGENTS:
        install(name, place)
        if name == "codex":
            entry = tomlkit.parse((tmp_path / ".codex/config.toml").read_text("utf-8"))["mcp_servers"]["headroom"]  # type: ignore[index]
        else:
            file, key = files[name]
            entry = json.loads((tmp_path / file).read_text("utf-8"))[key]["headroom"]
        assert entry["command"] == "/opt/my tools/headroom"  # type: ignore[index]
        assert list(entry["args"]) == ["mcp", "--agent", name, "--user", "alice"]  # type: ignore[index,arg-type]


@pytest.mark.skipif(sys.platform == "win32", reason="the quotes of a POSIX shell")
@pytest.mark.parametrize(
    ("name", "file", "event", "timeout"),
    [
        ("claude-code", ".claude/settings.json", "UserPromptSubmit", 5),
        ("codex", ".codex/hooks.json", "UserPromptSubmit", 5),
        ("gemini", ".gemini/settings.json", "BeforeAgent", 5000),
    ],
)
def test_the_hook_runs_at_each_prompt(name: str, file: str, event: str, timeout: int, tmp_path: Path) -> None:
    """The command line is quoted for a shell, and the time-out is in the agent's own unit."""
    place = Place(home=tmp_path, platform="linux")
    install(name, place, RECORDING)
    ((hook,),) = (group["hooks"] for group in json.loads((tmp_path / file).read_text("utf-8"))["hooks"][event])
    assert hook["command"] == f"'/opt/my tools/headroom' hook {name} --user alice --record-turns"
    assert hook["timeout"] == timeout


def test_another_setup_replaces_the_old_one(tmp_path: Path) -> None:
    """Installing with other options leaves one entry and one hook, and takes out what is asked for no more."""
    place = Place(home=tmp_path, platform="linux")
    for name in AGENTS:
        install(name, place, RECORDING)
        install(name, place, SETUP)
    assert not (tmp_path / ".cursor/hooks.json").exists()
    for text in everything(tmp_path).values():
        assert b"--record-turns" not in text
    settings = json.loads((tmp_path / ".claude/settings.json").read_text("utf-8"))
    assert len(settings["hooks"]["UserPromptSubmit"]) == 1


@pytest.mark.parametrize(
    "text",
    [
        '{\n  // mine\n  "servers": {}\n}\n',
        '{"servers": {},}',
        '{"servers": {"a": 1}, "servers": {}}',
        "[]",
        '{"servers": []}',
        "{",
    ],
    ids=["comment", "trailing comma", "repeated key", "a list", "no object inside", "cut short"],
)
def test_a_file_that_cannot_be_rewritten_safely_is_refused(text: str, tmp_path: Path) -> None:
    """Nothing is changed, in no file; the error says what to do, and shows what to add by hand."""
    place = Place(home=tmp_path, project=tmp_path, platform="linux")
    (tmp_path / ".vscode").mkdir()
    (tmp_path / ".vscode/mcp.json").write_text(text, "utf-8")
    with pytest.raises(SettingsUnreadable, match=r"mcp\.json"):
        installation(AGENTS["vscode"], place, SETUP)
    assert list(everything(tmp_path)) == [".vscode/mcp.json"]


def test_toml_that_cannot_be_parsed_is_refused(tmp_path: Path) -> None:
    """The same for Codex's configuration; the error shows the table to add."""
    (tmp_path / ".codex").mkdir()
    (tmp_path / ".codex/config.toml").write_text("model = \n", "utf-8")
    with pytest.raises(SettingsUnreadable, match=r"\[mcp_servers.headroom\]"):
        installation(AGENTS["codex"], Place(home=tmp_path), SETUP)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a folder that nobody can write")
def test_a_folder_that_cannot_be_written_leaves_all_as_it_was(tmp_path: Path) -> None:
    """Several files change together or not at all; the error names the one that cannot be written."""
    (tmp_path / "old.json").write_text("old", "utf-8")
    changes = [
        FileChange(path=tmp_path / "old.json", before="old", after="new"),
        FileChange(path=tmp_path / "new.json", before=None, after="new"),
        FileChange(path=Path("/proc/headroom/settings.json"), before=None, after="new"),
    ]
    with pytest.raises(SettingsUnreadable, match=r"/proc/headroom/settings\.json: its folder cannot be written"):
        apply(changes)
    assert {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()} == {"old.json": "old"}


@pytest.mark.parametrize("agent", AGENTS)
def test_an_installation_that_was_changed_leaves_nothing(tmp_path: Path, agent: str) -> None:
    """Back-ups in which an older entry or skill of ours stands are not what comes back."""
    place = Place(home=tmp_path, platform="linux")
    for path in {part.path for part in AGENTS[agent].parts(place, SETUP)}:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".json":
            path.write_text('{"mine":  1}', "utf-8")
        elif path.name == "SKILL.md":
            path.write_text("the skill of an earlier version", "utf-8")
    before = {name: data for name, data in everything(tmp_path).items() if not name.endswith("SKILL.md")}
    for setup in (SETUP, RECORDING):
        apply(installation(AGENTS[agent], place, setup))
    apply(removal(AGENTS[agent], place))
    assert everything(tmp_path) == before


def test_what_is_added_for_the_agent_goes_too(tmp_path: Path) -> None:
    """Cursor's hooks need a version: a file that had none gets one, and comes back without it, as it was written."""
    path = tmp_path / ".cursor/hooks.json"
    path.parent.mkdir()
    before = '{"hooks": {"stop": [\t]}}'
    path.write_text(before, "utf-8")
    apply(installation(AGENTS["cursor"], Place(home=tmp_path), RECORDING))
    assert json.loads(path.read_text("utf-8"))["version"] == 1
    apply(removal(AGENTS["cursor"], Place(home=tmp_path)))
    assert path.read_text("utf-8") == before


@pytest.mark.parametrize("agent", AGENTS)
def test_what_was_ours_alone_leaves_no_back_up(tmp_path: Path, agent: str) -> None:
    """In an empty home nothing but folders remains of an agent."""
    place = Place(home=tmp_path, platform="linux")
    apply(installation(AGENTS[agent], place, SETUP))
    assert apply(removal(AGENTS[agent], place)) == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_toml_with_an_inline_table_is_kept_so(tmp_path: Path) -> None:
    """Who wrote the servers in braces finds ours there too, and gets the file back as it was."""
    path = tmp_path / ".codex/config.toml"
    path.parent.mkdir()
    before = 'mcp_servers = {docs = {command = "docs-server"}} # mine\n'
    path.write_text(before, "utf-8")
    apply(installation(AGENTS["codex"], Place(home=tmp_path), SETUP))
    assert set(tomlkit.parse(path.read_text("utf-8"))["mcp_servers"]) == {"docs", "headroom"}  # type: ignore[arg-type]
    assert installation(AGENTS["codex"], Place(home=tmp_path), SETUP) == []
    apply(removal(AGENTS["codex"], Place(home=tmp_path)))
    assert path.read_text("utf-8") == before


def test_toml_keeps_its_comments(tmp_path: Path) -> None:
    """Comments, order and formatting of config.toml stay; the table is added once."""
    path = tmp_path / ".codex/config.toml"
    path.parent.mkdir()
    text = '# top\nmodel = "o9"  # big\n\n[features]\nhooks = true\n'
    path.write_text(text, "utf-8")
    install("codex", Place(home=tmp_path))
    after = path.read_text("utf-8")
    assert after.startswith(text)
    assert after.count("[mcp_servers.headroom]") == 1


def test_a_backup_is_kept_of_each_file_that_changes(tmp_path: Path) -> None:
    """The back-up holds the bytes from before, even if a second follows within the same second."""
    path = tmp_path / ".cursor/mcp.json"
    path.parent.mkdir()
    path.write_text('{"a": 1}', "utf-8")
    place = Place(home=tmp_path)
    (first,) = apply(installation(AGENTS["cursor"], place, SETUP))
    (second,) = apply(removal(AGENTS["cursor"], place))
    assert first != second
    assert first.read_text("utf-8") == '{"a": 1}'
    assert "headroom" in json.loads(second.read_text("utf-8"))["mcpServers"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes and links")
def test_the_mode_and_a_symbolic_link_stay(tmp_path: Path) -> None:
    """A settings file that only its owner may read stays so; one that is a link into a dotfiles folder stays a link."""
    real = tmp_path / "dotfiles.json"
    real.write_text("{}", "utf-8")
    real.chmod(0o600)
    link = tmp_path / "home/.claude.json"
    link.parent.mkdir()
    link.symlink_to(real)
    install("claude-code", Place(home=tmp_path / "home"))
    assert link.is_symlink()
    assert "headroom" in json.loads(real.read_text("utf-8"))["mcpServers"]
    assert stat.S_IMODE(real.stat().st_mode) == 0o600


def test_a_file_that_changes_between_the_diff_and_the_answer_is_left_alone(tmp_path: Path) -> None:
    """What was shown is what is done: an agent that rewrote its settings meanwhile loses nothing."""
    path = tmp_path / ".claude.json"
    path.write_text("{}", "utf-8")
    changes = installation(AGENTS["claude-code"], Place(home=tmp_path), SETUP)
    path.write_text('{"numStartups": 2}', "utf-8")
    with pytest.raises(SettingsUnreadable, match="run the command again"):
        apply(changes)
    assert everything(tmp_path) == {".claude.json": b'{"numStartups": 2}'}


def test_a_skill_that_two_agents_read_stays_until_the_last_is_uninstalled(tmp_path: Path) -> None:
    """Codex and Antigravity read the same skill of a repository."""
    place = Place(home=tmp_path / "home", project=tmp_path)
    install("codex", place)
    install("antigravity", place)
    uninstall("codex", place)
    assert (tmp_path / ".agents/skills/headroom-memory/SKILL.md").exists()
    uninstall("antigravity", place)
    assert everything(tmp_path) == {}


@pytest.mark.parametrize(
    ("name", "file"),
    [("claude-code", ".claude/skills/headroom-memory/SKILL.md"), ("cursor", ".cursor/skills/headroom-memory/SKILL.md")],
)
def test_a_skill_that_was_edited_stays(name: str, file: str, tmp_path: Path) -> None:
    """Uninstalling leaves it as it is and names it; an unedited one is removed, whatever its line ends."""
    place = Place(home=tmp_path)
    install(name, place)
    skill = tmp_path / file
    written = skill.read_bytes()
    skill.write_bytes(written + b"- Also remember my cat.\n")
    assert edited(AGENTS[name], place) == [skill]
    uninstall(name, place)
    assert everything(tmp_path) == {file: written + b"- Also remember my cat.\n"}
    skill.write_bytes(written.replace(b"\n", b"\r\n"))
    assert edited(AGENTS[name], place) == []
    uninstall(name, place)
    assert everything(tmp_path) == {}


def test_claude_desktop_has_no_settings_of_a_project(tmp_path: Path) -> None:
    """Asking for them is a clear error."""
    with pytest.raises(InvalidInput, match="--here"):
        installation(AGENTS["claude-desktop"], Place(home=tmp_path, project=tmp_path), SETUP)


def test_the_diff_shows_what_comes_and_what_stays(tmp_path: Path) -> None:
    """A unified diff; a new file comes from nowhere."""
    (tmp_path / ".cursor").mkdir()
    (tmp_path / ".cursor/mcp.json").write_text('{\n  "mcpServers": {}\n}\n', "utf-8")
    diffs = "".join(change.diff() for change in installation(AGENTS["cursor"], Place(home=tmp_path), SETUP))
    assert '+    "headroom": {' in diffs
    assert "--- /dev/null" in diffs or sys.platform == "win32"


@pytest.mark.parametrize(
    "text",
    [
        '{"theme":"dark","mcpServers":{"other":{"command":"x"}}}',
        "{}",
        "",
        '{\n\t"theme": "dark"\n}',
        '{ "a": [1,2] }\n\n',
    ],
)
def test_a_settings_file_comes_back_byte_for_byte(text: str, tmp_path: Path) -> None:
    """However a file was laid out, and also if nothing was in it, uninstalling leaves it as it was found."""
    place = Place(home=tmp_path / "home", project=None, platform="linux")
    (change, *_) = installation(AGENTS["cursor"], place, SETUP)
    change.path.parent.mkdir(parents=True)
    change.path.write_text(text)
    install("cursor", place)
    assert change.path.read_text() != text
    uninstall("cursor", place)
    assert change.path.read_text() == text


def test_what_was_changed_since_is_kept(tmp_path: Path) -> None:
    """A back-up is put back only if it says what is left: what somebody added after installing stays."""
    place = Place(home=tmp_path / "home", project=None, platform="linux")
    (change, *_) = installation(AGENTS["cursor"], place, SETUP)
    change.path.parent.mkdir(parents=True)
    change.path.write_text('{"theme":"dark"}')
    install("cursor", place)
    document = json.loads(change.path.read_text())
    change.path.write_text(json.dumps({**document, "font": "mono"}))
    uninstall("cursor", place)
    assert json.loads(change.path.read_text()) == {"theme": "dark", "font": "mono"}


@pytest.mark.parametrize(
    ("name", "file", "text"),
    [
        ("cursor", ".cursor/mcp.json", '{"mcpServers": {"headroom": {"command": "my-own-server", "args": ["serve"]}}}'),
        ("codex", ".codex/config.toml", '[mcp_servers.headroom]\ncommand = "my-own-server"\n'),
    ],
)
def test_an_entry_that_somebody_else_wrote_is_left_alone(name: str, file: str, text: str, tmp_path: Path) -> None:
    """A server of the same name that this library did not write is neither replaced nor removed."""
    place = Place(home=tmp_path, project=None, platform="linux")
    settings = tmp_path / file
    settings.parent.mkdir(parents=True)
    settings.write_text(text)
    with pytest.raises(SettingsUnreadable, match="did not write: rename or remove it"):
        installation(AGENTS[name], place, SETUP)
    uninstall(name, place)
    assert settings.read_text() == text
