"""Names to addresses, by the system."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from certwright.fetch.turns import MOST_AT_ONCE


class SystemResolver:
    """Ask the system's resolver, in threads of its own: name servers that never answer must hold up nothing else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=MOST_AT_ONCE, thread_name_prefix="resolve")

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Give the addresses of `host`, in the order in which the system would try them.

        The name is taken as complete. With the search domains of a pod, `crl.com` would first be looked for as service
        `crl` in namespace `com`: whoever may create that namespace could answer for the other.

        Raises:
            OSError: there are none, or nobody could be asked.
            UnicodeError: no name server could be asked for such a name.
        """
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _look_up, f"{host}.", port)
        return list(dict.fromkeys(found))


def _look_up(name: str, port: int) -> list[str]:
    return [str(address[0]) for *_, address in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)]
