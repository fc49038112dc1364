"""Ports for servers that are told a number before they listen."""

import itertools
import os
import socket

FIRST, EACH = 20_000, 1_000
"""Where ports begin, and how many a worker has for itself; below 32,768, from where on the kernel gives them out."""

_numbers = itertools.cycle(range(EACH))


def unused() -> int:
    """A port of this machine that nobody has, and that nobody is given by chance until the server listens."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 12
    for number in itertools.islice(_numbers, EACH):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port := FIRST + worker * EACH + number))
            except OSError:
                continue
            return port
    raise AssertionError("All ports are in use")
