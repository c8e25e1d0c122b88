"""HAProxy: one address that leads to whichever PostgreSQL is the primary, and one for visitors that leads to the gateways."""

import asyncio
import os
import pathlib
from typing import Any

from .needs import Programs
from .ports import HOST, Ports
from .process import Failed, Process
from .state import State

CONFIGURATION = """\
global
  stats socket unix@{socket} mode 600 level admin

defaults
  timeout connect 2s

# One server: the primary, as long as there is one. Nobody but the cluster's script says which that is, so nothing is asked of it.
listen database
  bind {host}:{database}
  mode tcp
  retries 0
  timeout client 1d
  timeout server 1d
  server primary {host}:{primary}

listen visitors
  bind {host}:{visitors}
  mode http
  option forwardfor
  # Otherwise what little a stream has to tell is kept back for 200 ms, to send it with what follows.
  option http-no-delay
  # Who hangs up does not want the rest.
  option abortonclose
  option httpchk GET /health/ready
  # What a gateway has not seen may go to another one.
  option redispatch 1
  retry-on conn-failure empty-response
  timeout client 60s
  timeout server 60s
  default-server check inter 1s fall 1 rise 1
{gateways}
"""


class Balancer(Process):
    def __init__(self, programs: Programs, folder: pathlib.Path, ports: Ports, gateways: list[int], state: State, logs: pathlib.Path):
        self.folder, self.gateways = folder, gateways
        self.database, self.visitors = ports.of("database"), ports.of("visitors")
        # A path of a socket may not be longer than 107 bytes: it is named from where HAProxy runs.
        self.socket = folder / "haproxy.sock"
        self.leads_to = 1
        self.changing = asyncio.Lock()
        file = folder / "haproxy.cfg"
        more: dict[str, Any] = {"database": f"{HOST}:{self.database}"}
        super().__init__("balancer", "balancer", [programs.haproxy, "-db", "-f", file], self.visitors, state, logs, cwd=folder, **more)

    async def spawn(self) -> None:
        gateways = [f"  server gateway-{number} {HOST}:{port}" for number, port in enumerate(self.gateways, 1)]
        values = {"socket": "haproxy.sock", "host": HOST, "database": self.database, "visitors": self.visitors, "primary": self.leads_to}
        (self.folder / "haproxy.cfg").write_text(CONFIGURATION.format(gateways="\n".join(gateways), **values))
        await super().spawn()

    async def close_database(self) -> None:
        """Nobody comes to a database any more, and whoever was there is cut off."""
        await self.tell("disable server database/primary; shutdown sessions server database/primary")

    async def lead_to(self, port: int) -> None:
        """The database is here from now on."""
        self.leads_to = port
        await self.tell(f"set server database/primary addr {HOST} port {port}; enable server database/primary")

    async def tell(self, commands: str) -> None:
        """One that is not there reads what to do from its file when it comes back."""
        async with self.changing:
            if not self.pid:
                return
            try:
                reader, writer = await open_socket(self.socket)
            except OSError as error:
                # It is just being started with the file of before.
                if self.status == "ready":
                    raise Failed(f"HAProxy can't be told where the database is: {error}") from error
                self.kill()
                return
            writer.write(f"{commands}\n".encode())
            await reader.read()
            writer.close()


async def open_socket(path: pathlib.Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """By the folder's file descriptor, because the whole path may be too long for a socket."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return await asyncio.open_unix_connection(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)
