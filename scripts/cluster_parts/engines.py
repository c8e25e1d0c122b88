"""The other servers that a cluster uses: RabbitMQ, Redis, etcd, and one that speaks S3."""

import asyncio
import contextlib
import os
import pathlib
import signal
from typing import Any

from . import probes
from .needs import Programs
from .ports import HOST, Ports
from .process import Process
from .state import State

BUCKET = "souk-images"


class Redis(Process):
    def __init__(self, programs: Programs, folder: pathlib.Path, ports: Ports, password: str, state: State, logs: pathlib.Path):
        port = ports.of("redis")
        # On the command line everybody could read the password.
        file = folder / "redis.conf"
        file.touch(mode=0o600)
        file.write_text(
            f"bind {HOST}\nport {port}\nrequirepass {password}\nsave ''\nappendonly no\ndir {folder}\n"
            "maxmemory 64mb\nmaxmemory-policy volatile-ttl\n"
        )
        super().__init__("redis", "redis", [programs.redis, file], port, state, logs)


class Etcd(Process):
    """One member, which asks nobody for a password. What it knows is where processes are: they tell it again when it has forgotten."""

    def __init__(self, programs: Programs, folder: pathlib.Path, ports: Ports, state: State, logs: pathlib.Path):
        port, members = ports.of("etcd"), ports.of("etcd members")
        self.url = f"http://{HOST}:{port}"
        settings = {
            "data-dir": folder / "etcd",
            "listen-client-urls": self.url,
            "advertise-client-urls": self.url,
            "listen-peer-urls": f"http://{HOST}:{members}",
            "initial-advertise-peer-urls": f"http://{HOST}:{members}",
            "initial-cluster": f"default=http://{HOST}:{members}",
            "logger": "zap",
            "log-level": "warn",
        }
        command = [programs.etcd, *(word for name, value in settings.items() for word in (f"--{name}", value))]
        super().__init__("etcd", "etcd", command, port, state, logs)

    async def is_ready(self) -> bool:
        return await probes.http(self.port, "/health") == 200


class ObjectStore(Process):
    """moto keeps everything in memory and asks nobody for a key: what it had is gone when it dies, the bucket is made again."""

    def __init__(self, programs: Programs, ports: Ports, state: State, logs: pathlib.Path):
        port = ports.of("s3")
        super().__init__("s3", "s3", [programs.moto, "-H", HOST, "-p", str(port)], port, state, logs)

    async def prepare(self) -> None:
        async def made() -> bool:
            return await probes.http(self.port, f"/{BUCKET}", "PUT") == 200

        await probes.until("the bucket for images", made, 20.0)


class Broker(Process):
    """RabbitMQ, started by scripts/broker, which leaves it to itself: it is no child of ours."""

    def __init__(self, programs: Programs, folder: pathlib.Path, state: State, logs: pathlib.Path):
        self.folder, self.program = folder, programs.broker
        self.url = ""
        self.gone: asyncio.Future[int] | None = None
        self.server: int | None = None
        super().__init__("rabbitmq", "rabbitmq", [programs.broker, folder, "start"], 0, state, logs)

    @property
    def pid(self) -> int | None:
        return self.server

    async def spawn(self) -> None:
        # What a killed one left behind, and one of a cluster that was killed itself.
        await self.tell("kill")
        self.url = await self.tell("start")
        self.port = int(self.url.rpartition(":")[2])
        self.server = self.virtual_machine()
        loop = asyncio.get_running_loop()
        self.gone = loop.create_future()
        watched = os.pidfd_open(self.server)

        def over() -> None:
            loop.remove_reader(watched)
            os.close(watched)
            self.server = None
            self.gone.set_result(-signal.SIGKILL)

        loop.add_reader(watched, over)

    def virtual_machine(self) -> int:
        """The process that is the server; scripts/broker knows the shell around it."""
        shell = int((self.folder / "pid").read_text())
        for entry in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                name, _, rest = entry.read_text().rpartition(")")
                if name.endswith("(beam.smp") and int(rest.split()[2]) == shell:
                    return int(entry.parent.name)
        raise OSError("RabbitMQ has ended at once")

    async def tell(self, command: str) -> str:
        with self.log.open("ab") as log:
            child = await asyncio.create_subprocess_exec(
                self.program, self.folder, command, stdout=asyncio.subprocess.PIPE, stderr=log, start_new_session=True
            )
        out, _ = await child.communicate()
        if child.returncode != 0 and command != "kill":
            raise OSError(f"scripts/broker {command} ended with exit code {child.returncode}")
        return out.decode().strip()

    async def ended(self) -> int:
        return await asyncio.shield(self.gone) if self.gone else 0

    async def end_child(self) -> None:
        await self.tell("stop")
        await self.tell("end")

    def row(self) -> dict[str, Any]:
        return super().row() | {"log": str(self.folder / "log")}
