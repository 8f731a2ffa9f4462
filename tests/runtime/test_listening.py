"""A socket for a local server."""

from __future__ import annotations

import pytest

from headroom.errors import InvalidInput
from headroom.runtime.listening import listen

pytestmark = pytest.mark.quick


def test_an_address_that_cannot_be_had_is_one_plain_error() -> None:
    """A port that is taken or is none, and an address of another machine: the port is named, and what to do."""
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert port > 0
        for host, asked in (("127.0.0.1", port), ("127.0.0.1", 99_999_999), ("203.0.113.7", 0)):
            with pytest.raises(InvalidInput, match=rf"port {asked} of {host} cannot be used: .*choose another"):
                listen(host, asked)
