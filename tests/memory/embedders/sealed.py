"""Run as a program: forbid this process the network, embed one text, and print the vector's first bytes.

Linux ends the process at its first socket for IPv4 or IPv6, whoever asks for one: Python, a native library, a thread.
With the word `control` it opens a socket instead, which shows that the seal holds.
"""

from __future__ import annotations

import ctypes
import platform
import socket
import sys

_SOCKET = {"x86_64": 41, "aarch64": 198}  # the number of the system call
_LOAD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("value", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


def seal() -> None:
    """Install the filter: socket(AF_INET or AF_INET6) ends the process."""
    steps = [
        (_LOAD, 0, 0, 0),
        (_IF_EQUAL, 0, 3, _SOCKET[platform.machine()]),
        (_LOAD, 0, 0, 16),
        (_IF_EQUAL, 2, 0, socket.AF_INET),
        (_IF_EQUAL, 1, 0, socket.AF_INET6),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _KILL),
    ]
    instructions = (_Instruction * len(steps))(*(_Instruction(*step) for step in steps))
    program = _Program(len(steps), instructions)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(_SECCOMP, _FILTER, ctypes.byref(program), 0, 0):
        sys.exit(f"this system has no seccomp: errno {ctypes.get_errno()}")


if __name__ == "__main__":
    seal()
    if sys.argv[1:] == ["control"]:
        socket.socket()
    else:
        from headroom.testing import bundled_embedder

        vector = bundled_embedder().embed(["User prefers dark mode and uses Python"])[0]
        sys.stdout.write(vector.tobytes().hex())
