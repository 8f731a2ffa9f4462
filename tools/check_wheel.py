"""Build the sdist and the wheel, then run the quick tests against that wheel on every Python found here.

Each environment holds the installed wheel and never the source tree. They stay under `.venvs`, so only the first run
downloads. One of them takes the lowest versions that pyproject.toml allows, openai 2 among them.
"""

from __future__ import annotations

import email
import glob
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / ".venvs"
VERSIONS = ("3.10", "3.11", "3.12", "3.13")
LOWEST = VERSIONS[0]  # the one Python that has wheels of every lowest version


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One Python with one set of dependencies."""

    name: str
    python: str
    constraints: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        return ENVIRONMENTS / self.name

    @property
    def bin_python(self) -> str:
        return str(self.folder / "bin" / "python")


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        sdist, wheel = build(Path(folder))
        check_contents(sdist, wheel)
        declared = requirements(wheel)
        environments = list(plan(declared))
        # One more than there are cores: a run waits for the disk now and then.
        with ThreadPoolExecutor((os.cpu_count() or 1) + 1) as pool:
            passed = list(pool.map(lambda environment: run_quick_tests(environment, wheel, declared), environments))
    return 0 if all(passed) else 1


def build(folder: Path) -> tuple[Path, Path]:
    """Build the sdist, and the wheel from that sdist."""
    run(sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT))
    return next(folder.glob("*.tar.gz")), next(folder.glob("*.whl"))


def check_contents(sdist: Path, wheel: Path) -> None:
    """Exit if a file of the package, such as the model, is missing from what users would install."""
    package = ROOT / "src" / "headroom"
    wanted = {f"headroom/{path.relative_to(package).as_posix()}" for path in package.rglob("*") if path.is_file()}
    wanted = {name for name in wanted if "__pycache__" not in name}
    in_wheel = set(zipfile.ZipFile(wheel).namelist())
    with tarfile.open(sdist) as archive:
        in_sdist = {name.partition("/src/")[2] for name in archive.getnames()}
    for name, contents in (("wheel", in_wheel), ("sdist", in_sdist)):
        if missing := sorted(wanted - contents):
            sys.exit(f"the {name} lacks {', '.join(missing)}")


def requirements(wheel: Path) -> list[str]:
    """List what the wheel depends on, each extra's part marked so."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name)).get_all("Requires-Dist", [])


def plan(declared: list[str]) -> Iterator[Environment]:
    """Yield one environment a Python, and one with the lowest dependencies; say which Pythons are missing."""
    found = {version: python for version in VERSIONS if (python := find_python(version))}
    for version in VERSIONS:
        if version not in found:
            print(f"Python {version}: skipped, none was found that runs", flush=True)
    if not found:
        found = {"{}.{}".format(*sys.version_info): sys.executable}
    for version, python in found.items():
        yield Environment(name=f"python{version}", python=python)
    if LOWEST in found:
        lowest = tuple(line.replace(">=", "==") for line in declared if "extra ==" not in line)
        yield Environment(name=f"python{LOWEST}-lowest", python=found[LOWEST], constraints=lowest)
    else:
        version, python = next(iter(found.items()))
        yield Environment(name=f"python{version}-openai2", python=python, constraints=("openai<3",))


def find_python(version: str) -> str | None:
    """Find an interpreter that really runs: a pyenv shim may exist and fail."""
    folders = [Path(folder) for folder in os.get_exec_path()]
    pyenv = os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv"
    folders += [Path(folder) for folder in sorted(glob.glob(f"{pyenv}/versions/{version}.*/bin"), reverse=True)]
    check = f"import sys, venv, ensurepip; sys.exit('{{}}.{{}}'.format(*sys.version_info) != '{version}')"
    for candidate in (str(folder / f"python{version}") for folder in folders):
        if (
            os.access(candidate, os.X_OK)
            and subprocess.run([candidate, "-c", check], capture_output=True).returncode == 0
        ):
            return candidate
    return None


def run_quick_tests(environment: Environment, wheel: Path, declared: list[str]) -> bool:
    """Run the quick tests in `environment`; print pytest's closing line, or all of its output if one failed."""
    try:
        install(environment, wheel, declared)
        output = run(environment.bin_python, "-m", "pytest", "-m", "quick", "-p", "no:cacheprovider")
    except subprocess.CalledProcessError as exc:
        print(f"{environment.name}: FAILED\n{exc.stdout}\n{exc}", flush=True)
        return False
    print(f"{environment.name}: {output.strip().splitlines()[-1]}", flush=True)
    return True


def install(environment: Environment, wheel: Path, declared: list[str]) -> None:
    """Put `wheel` into the environment, made anew if its Python or the declared dependencies have changed."""
    # Without compiling: most of what comes along is never imported.
    pip = (environment.bin_python, "-m", "pip", "install", "--quiet", "--no-compile")
    stamp = environment.folder / ".made"
    key = f"{environment}\n{declared}"
    if not (stamp.exists() and stamp.read_text() == key):
        shutil.rmtree(environment.folder, ignore_errors=True)
        run(environment.python, "-m", "venv", str(environment.folder))
        constraints = environment.folder / "constraints.txt"
        constraints.write_text("\n".join(environment.constraints))
        run(*pip, f"{wheel}[test]", "--constraint", str(constraints))
        stamp.write_text(key)
    run(*pip, "--force-reinstall", "--no-deps", str(wheel))
    where = run(environment.bin_python, "-c", "import headroom; print(headroom.__file__)").strip()
    if not re.search(r"site-packages", where):
        sys.exit(f"{environment.name} would test {where}, not the installed wheel")


def run(*command: str) -> str:
    """Run a command in the project's folder and return its output; raise if it fails."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
