"""`headroom rekey`: encrypt the memory file, change its key, or decrypt it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import click

from ...errors import InvalidInput
from ...integrations.identity import read_key
from ...memory.open import rekey
from ..options import Target, target_options

_WAYS = "pass one of --new-key-file, --make-key-file and --decrypt"


@click.command(
    epilog="""\b
Examples:
  headroom rekey --make-key-file ~/.headroom/key
  headroom rekey --key-file ~/.headroom/key --new-key-file ~/.headroom/key-2027
  headroom rekey --key-file ~/.headroom/key --decrypt"""
)
@click.option("--new-key-file", type=click.Path(), metavar="PATH", help="The new key, in a file of mode 0600.")
@click.option(
    "--make-key-file",
    type=click.Path(),
    metavar="PATH",
    help="Make a new key of 32 random bytes, and this file for it.",
)
@click.option("--decrypt", is_flag=True, help="Write the file without encryption.")
@target_options
def command(target: Target, *, new_key_file: str | None, make_key_file: str | None, decrypt: bool) -> None:
    """Encrypt the memory file, change its key, or decrypt it.

    Close all programs that have the memory open. --key-file is the key that the file has now. Keep the new key: without
    it nothing in the file can be read. A key in $HEADROOM_HOME/key is found by every command.
    """
    if sum(map(bool, (new_key_file, make_key_file, decrypt))) != 1:
        raise InvalidInput(_WAYS)
    config = target.config  # with the old key, before a file of the same name holds the new one
    made = None if make_key_file is None else _make(Path(make_key_file).expanduser())
    try:
        rekey(config, made[1] if made else read_key(new_key_file) if new_key_file else None)
    except BaseException:
        if made:
            made[0].unlink(missing_ok=True)
        raise
    if decrypt:
        click.echo(f"{config.path} is not encrypted any more; remove its key file if no other file needs it")
    else:
        click.echo(f"{config.path} is encrypted; its key is in {made[0] if made else new_key_file}")


def _make(path: Path) -> tuple[Path, str]:
    """Make a key file that only its owner may read."""
    key = f"raw:{secrets.token_hex(32)}"
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(key + "\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise InvalidInput(f"there is a file {path} already; name another one") from None
    return path, key
