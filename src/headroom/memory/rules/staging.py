"""Under which name an import keeps a user's memories until it is complete.

No user can have such a name: a user id holds no NUL character. So nobody sees the memories, and no rule of visibility
need know of imports.
"""

from __future__ import annotations

_MARK = "\x00"


def staged_user(import_id: str, user_id: str) -> str:
    """Return the name that stands for `user_id` while the import `import_id` is not complete."""
    return f"{_MARK}{import_id}{_MARK}{user_id}"


def is_staged(user_id: str) -> bool:
    """Return whether this is such a name, and not a user."""
    return user_id.startswith(_MARK)


def import_of(user_id: str) -> str:
    """Return the import that a staged name belongs to."""
    return user_id.split(_MARK, 2)[1]


def target_of(user_id: str) -> str:
    """Return the user whom a name stands for: the user himself if it is not staged."""
    return user_id.split(_MARK, 2)[2] if is_staged(user_id) else user_id
