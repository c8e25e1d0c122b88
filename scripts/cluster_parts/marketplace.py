"""Souk itself: two processes for each service, their configuration and certificates."""

import asyncio
import json
import os
import pathlib
from typing import Any

from . import probes
from .engines import BUCKET
from .needs import Programs
from .ports import HOST, Ports
from .process import Failed, Process, say, to_the_end, together
from .state import State

SERVICES = ("identity", "catalog", "inventory", "cart", "orders", "payments", "notifications", "search")
GATEWAY = "gateway"
# The index is a folder that one process writes, and whoever has written it forgets the changes that it came from
# (docs/operations.md): a second instance would answer from an older one. With an index elsewhere (search.url) there may be several.
ALONE = "search"
# Between the services of one process, in its name and in those of its certificate's files.
TOGETHER = "+"

CONFIGURATION = """\
[platform]
public_url = {url}

[database]
url = {database}
replicas = {replicas}

[events]
url = {events}

[redis]
url = {redis}

[files]
url = {images}

[files.s3]
endpoint = {s3}
region = "us-east-1"
access_key_id = "anybody"
secret_access_key = "anybody"

{addresses}

[tls]
ca = {authority}
# Of commands; each process is given its own.
cert = {certificate}
key = {key}

[gateway]
access_log = "errors"
trusted_proxies = ["127.0.0.1/32"]
# Longer than a buyer thinks.
linger = "3s"

# Counted, in Redis, but so high that a load program is not held up.
[gateway.rate_limit]
per_second = 100000
burst = 100000
auth_per_minute = 60000
auth_burst = 10000

[sellers]
auto_approve = true
"""


def parts_of(together: list[list[str]]) -> list[str]:
    """What runs in which process, by name: every service alone but those that are to be together, in the usual order."""
    groups = {service: TOGETHER.join(group) for group in together for service in group}
    return list(dict.fromkeys(groups.get(service, service) for service in SERVICES))


def counts_of(parts: list[str], every: int, others: dict[str, int], settings: list[str]) -> dict[str, int]:
    """How many processes of each part, and of the gateway. `others` have another number than `every`, by any of their services."""
    elsewhere = any(setting.startswith("search.url=") and setting != "search.url=" for setting in settings)
    counts = {}
    for part in (*parts, GATEWAY):
        services = part.split(TOGETHER)
        counts[part] = max((others[service] for service in services if service in others), default=every)
        if ALONE in services and not elsewhere:
            counts[part] = 1
    return counts


class Instance(Process):
    """One process of Souk, with one service or with several. It is ready when it says so."""

    def __init__(self, market: "Marketplace", part: str, number: int, ports: Ports, state: State, logs: pathlib.Path):
        name = f"{part}-{number}"
        self.services = part.split(TOGETHER)
        self.data = market.folder / "processes" / name
        port, self.internal = ports.of(name), ports.of(f"{name} internal")
        more: dict[str, Any] = {} if part == GATEWAY else {"tls": True}
        command = [market.programs.souk, "serve", *self.services, "--listen", f"{HOST}:{port}", "--config", market.file, "--data", self.data]
        settings = {
            "gateway.internal_listen": f"{HOST}:{self.internal}",
            "tls.cert": market.certs / f"{part}.pem",
            "tls.key": market.certs / f"{part}.key",
        }
        command += [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        command += [word for setting in market.settings for word in ("--set", setting)]
        super().__init__(name, part, command, port, state, logs, internal=f"{HOST}:{self.internal}", souk=True, **more)

    async def spawn(self) -> None:
        # Secrets belong to the marketplace, everything else that it writes to the process.
        self.data.mkdir(parents=True, exist_ok=True)
        keys = self.data / "keys"
        if not keys.is_symlink():
            keys.symlink_to("../../keys")
        await super().spawn()

    async def is_ready(self) -> bool:
        return await probes.http(self.internal, "/health/ready") == 200


class Marketplace:
    def __init__(
        self, programs: Programs, folder: pathlib.Path, parts: list[str], counts: dict[str, int], settings: list[str], ports: Ports, state: State, logs: pathlib.Path
    ):
        self.programs, self.folder, self.parts, self.settings, self.state = programs, folder, parts, settings, state
        self.file, self.certs = folder / "souk.toml", folder / "certs"
        # All first ones before the second: they bring the tables up to date and make the keys, in an order that a log shows.
        numbers = range(1, max(counts.values()) + 1)
        self.instances = [Instance(self, part, number, ports, state, logs) for number in numbers for part in parts if number <= counts[part]]
        self.gateways = [Instance(self, GATEWAY, number, ports, state, logs) for number in numbers if number <= counts[GATEWAY]]
        self.rolling: asyncio.Task | None = None
        self.rolled = 0

    def configure(
        self, url: str, database: str, replicas: list[str], events: str, redis: str, s3: str, etcd: str | None
    ) -> None:
        """Writes the file that all of them read. Without an etcd, where they find each other, all addresses are in it."""
        (self.folder / "keys").mkdir(mode=0o700, exist_ok=True)
        values = {
            "url": url,
            "database": database,
            "replicas": replicas,
            "events": events,
            "redis": redis,
            "s3": s3,
            "images": f"s3://{BUCKET}/market",
            "authority": str(self.certs / "ca.pem"),
            "certificate": str(self.certs / "souk.pem"),
            "key": str(self.certs / "souk.key"),
        }
        # Strings and lists of strings are written in TOML as in JSON.
        written = {name: json.dumps(value) for name, value in values.items()}
        listed = {service: [f"https://{HOST}:{one.port}" for one in self.instances if service in one.services] for service in SERVICES}
        peers = ["[peers]", *(f"{service} = {json.dumps(listed[service])}" for service in SERVICES)]
        addresses = "\n".join(["[discovery]", f"etcd = {json.dumps([etcd])}"] if etcd else peers)
        self.file.touch(mode=0o600)
        self.file.write_text(CONFIGURATION.format(addresses=addresses, **written))

    async def certify(self) -> None:
        """An authority, and a certificate for each service and for those of one process; those of before stay."""
        if not (self.certs / "souk.pem").exists():
            await self.run("certs", "--dir", self.certs)
        missing = [part for part in self.parts if not (self.certs / f"{part}.pem").exists()]
        if missing:
            await self.run("certs", "--dir", self.certs, *missing)

    async def start(self) -> None:
        first = [one for one in self.instances if one.name.endswith("-1")]
        await together(*(one.start() for one in first))
        await together(*(one.start() for one in self.instances if one not in first))
        await together(*(one.start() for one in self.gateways))

    async def make_operator(self, email: str, password: str) -> None:
        """Somebody who may do everything, unless a cluster of before has made them."""
        made = self.folder / "operator"
        if not made.exists():
            await self.run("admin", "create-user", "--email", email, "--password", password, "--role", "admin", *self.on_data())
            made.touch()

    def on_data(self) -> list[str]:
        """How a command finds the data: where the index is."""
        with_index = next(one for one in self.instances if ALONE in one.services)
        return ["--config", str(self.file), "--data", str(with_index.data)]

    async def run(self, *arguments: str | os.PathLike) -> None:
        child = await asyncio.create_subprocess_exec(
            self.programs.souk, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True
        )
        out, _ = await child.communicate()
        if child.returncode != 0:
            raise Failed(f"souk {arguments[0]}: {out.decode(errors='replace').strip()}")

    def roll(self) -> None:
        """Restarts them one after the other, unless that is under way."""
        if self.rolling is None or self.rolling.done():
            self.rolling = asyncio.create_task(self.restart_each())

    async def restart_each(self) -> None:
        say("a rolling restart begins")
        try:
            for one in [*self.instances, *self.gateways]:
                self.state.set(rolling={"done": self.rolled, "now": one.name, "failed": None})
                await one.restart()
        except (asyncio.TimeoutError, OSError) as error:
            self.rolled += 1
            self.state.set(rolling={"done": self.rolled, "now": None, "failed": f"{one.name} is not ready again: {error}"})
            return say(f"the rolling restart ends early: {one.name} is not ready again")
        self.rolled += 1
        self.state.set(rolling={"done": self.rolled, "now": None, "failed": None})
        say("the rolling restart is done")

    async def stop(self) -> None:
        """Visitors first, so that what they have begun can end."""
        if self.rolling:
            self.rolling.cancel()
        await to_the_end(*(one.stop() for one in self.gateways))
        await to_the_end(*(one.stop() for one in self.instances))
