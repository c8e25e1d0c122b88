"""Waiting for what others do: always for a condition, never longer than a deadline."""

import asyncio
import os
import pathlib
from collections.abc import Awaitable, Callable

from .ports import HOST


class TooLate(Exception):
    """What was waited for has not come."""


async def until(what: str, condition: Callable[[], Awaitable[bool]], seconds: float, every: float = 0.05) -> None:
    """Waits until it holds. Whatever stands in the way of asking is a no."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        try:
            if await asyncio.wait_for(condition(), max(end - loop.time(), 0.001)):
                return
        except (OSError, EOFError, asyncio.TimeoutError):
            pass
        if loop.time() + every > end:
            raise TooLate(f"{what}: not within {seconds:.0f} s")
        await asyncio.sleep(every)


async def connects(port: int) -> bool:
    """Whether somebody takes connections there."""
    _, writer = await asyncio.open_connection(HOST, port)
    writer.close()
    return True


async def http(port: int, path: str, method: str = "GET") -> int:
    """The status that a server answers."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        words = (await reader.readline()).split()
        if len(words) < 2:
            raise EOFError("no answer")
        return int(words[1])
    finally:
        writer.close()


def working_in(folder: pathlib.Path) -> list[int]:
    """The processes whose working directory this is. Those of PostgreSQL have their data directory as theirs, whoever their parent is."""
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            if os.readlink(f"/proc/{entry.name}/cwd") == str(folder):
                found.append(int(entry.name))
        except OSError:
            # It has ended meanwhile, or is somebody else's.
            continue
    return found
