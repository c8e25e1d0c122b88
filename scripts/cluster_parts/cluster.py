"""The whole: what is started in which order, what is printed, and how it ends."""

import asyncio
import contextlib
import fcntl
import json
import os
import pathlib
import secrets
import shutil
import signal
import sys
import tempfile
import time
from typing import Any, NamedTuple

from . import postgres, probes
from .balancer import Balancer
from .engines import Broker, Etcd, ObjectStore, Redis
from .marketplace import SERVICES, Marketplace, counts_of, parts_of
from .needs import Programs
from .ports import HOST, Ports
from .postgres import Pair
from .process import Failed, say, to_the_end, together
from .state import State

OPERATOR = "admin@souk.example"
# The logins of `souk demo` have it too; the load program expects it.
OPERATOR_PASSWORD = "souk-demo-password"
# What a process may have open for each service, with what is left over from a replica that has just become the primary, and what
# commands and copies take.
CONNECTIONS_OF_A_SERVICE, OTHER_CONNECTIONS = 20, 150


class Wishes(NamedTuple):
    """What the command line says."""

    data: pathlib.Path | None
    # Of every service, and of those that have another number.
    instances: int
    others: dict[str, int]
    # Services that share a process.
    together: list[list[str]]
    listed: bool
    settings: list[str]
    command: list[str]


class Cluster:
    def __init__(self, programs: Programs, folder: pathlib.Path, wishes: Wishes):
        self.folder, self.wishes = folder, wishes
        self.logs = folder / "logs"
        self.logs.mkdir(exist_ok=True)
        self.state = State(folder / "state.json")
        self.state.set(pid=os.getpid(), data=str(folder), logs=str(self.logs), ready=False)
        passwords = self.passwords()
        ports = Ports(folder / "ports.json")
        databases = folder / "postgres"
        databases.mkdir(exist_ok=True)
        parts = parts_of(wishes.together)
        counts = counts_of(parts, wishes.instances, wishes.others, wishes.settings)
        connections = CONNECTIONS_OF_A_SERVICE * len(SERVICES) * max(counts.values()) + OTHER_CONNECTIONS
        shared = (self.state, self.logs)
        self.databases = Pair(databases, ports, connections, programs, passwords, *shared)
        if self.databases.user:
            shutil.chown(databases, self.databases.user)
        self.market = Marketplace(programs, folder, parts, counts, wishes.settings, ports, *shared)
        self.balancer = Balancer(programs, folder, ports, [one.port for one in self.market.gateways], *shared)
        self.broker = Broker(programs, folder / "rabbitmq", *shared)
        self.redis = Redis(programs, folder, ports, passwords["redis"], *shared)
        self.images = ObjectStore(programs, ports, *shared)
        self.etcd = None if wishes.listed else Etcd(programs, folder, ports, *shared)
        ports.release()
        def address(port: int) -> str:
            return f"postgres://{postgres.USER}:{passwords[postgres.USER]}@{HOST}:{port}/{postgres.DATABASE}"

        self.database = address(self.balancer.database)
        # Either may be the replica: the one that is the primary is found out to be none.
        self.replicas = [address(node.port) for node in (self.databases.primary, self.databases.replica)]
        self.redis_url = f"redis://:{passwords['redis']}@{HOST}:{self.redis.port}"
        self.url = f"http://{HOST}:{self.balancer.port}"

    def passwords(self) -> dict[str, str]:
        """Made at random the first time."""
        file = self.folder / "passwords.json"
        if not file.exists():
            names = (postgres.SUPERUSER, postgres.REPLICATION, postgres.USER, "redis")
            file.touch(mode=0o600)
            file.write_text(json.dumps({name: secrets.token_urlsafe(18) for name in names}))
        return json.loads(file.read_text())

    async def start(self) -> None:
        try:
            await self.start_all()
        except (OSError, probes.TooLate) as error:
            raise Failed(str(error)) from error

    async def start_all(self) -> None:
        market = self.market
        engines = [self.broker, self.redis, self.images, *([self.etcd] if self.etcd else [])]
        await together(self.databases.start(), *(engine.start() for engine in engines), market.certify())
        self.balancer.leads_to = self.databases.primary.port
        await self.balancer.start()
        self.databases.watch(self.balancer)
        s3 = f"http://{HOST}:{self.images.port}"
        market.configure(
            self.url, self.database, self.replicas, self.broker.url, self.redis_url, s3, self.etcd and self.etcd.url
        )
        await market.start()
        await market.make_operator(OPERATOR, OPERATOR_PASSWORD)
        await self.databases.joined.wait()
        gateways = [f"http://{HOST}:{one.port}" for one in market.gateways]
        souk = str(market.programs.souk)
        self.state.set(
            ready=True,
            url=self.url,
            gateways=gateways,
            souk=souk,
            on_data=market.on_data(),
            rolling={"done": 0, "now": None, "failed": None},
        )

    def announce(self, seconds: float) -> None:
        operator = f"{OPERATOR} / {OPERATOR_PASSWORD}"
        rows = {
            "visitors": f"{self.url} (leads to {', '.join(self.state.facts['gateways'])})",
            "operator": operator,
            "PostgreSQL": self.database,
            "RabbitMQ": self.broker.url,
            "Redis": self.redis_url,
            "S3": f"http://{HOST}:{self.images.port}",
            "etcd": self.etcd.url if self.etcd else "none: addresses are in the configuration",
            "configuration": self.market.file,
            "logs": self.logs,
            "state": self.state.file,
        }
        lines = [f"{name:14} {value}" for name, value in rows.items()]
        check = " ".join([self.state.facts["souk"], "verify", *self.market.on_data()])
        lines += [f"{'to check':14} {check}", f"ready after {seconds:.0f} s; `kill -HUP {os.getpid()}` restarts the services one by one, Ctrl-C stops all"]
        print("\n".join(lines), file=sys.stderr if self.wishes.command else sys.stdout, flush=True)

    def environment(self) -> dict[str, str]:
        """For the command. The program takes every other `SOUK_…` for a setting and refuses those that it does not know."""
        return {
            "SOUK_TEST_URL": self.url,
            "SOUK_TEST_CLUSTER_STATE": str(self.state.file),
            "SOUK_TEST_CLUSTER_GATEWAYS": ",".join(self.state.facts["gateways"]),
            "SOUK_TEST_CLUSTER_CONFIG": str(self.market.file),
            "SOUK_TEST_CLUSTER_LOGS": str(self.logs),
        }

    async def run_command(self) -> int:
        """Runs the command beside the cluster; its exit code, as a shell tells it."""
        try:
            child = await asyncio.create_subprocess_exec(*self.wishes.command, env=os.environ | self.environment())
        except OSError as error:
            raise Failed(f"{self.wishes.command[0]}: {error.strerror}") from error
        try:
            code = await child.wait()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
            await child.wait()
            raise
        return code if code >= 0 else 128 - code

    async def stop(self) -> None:
        """In the order in which they need each other."""
        self.state.set(ready=False)
        await self.market.stop()
        engines = [self.broker, self.redis, self.images, *([self.etcd] if self.etcd else [])]
        await to_the_end(self.balancer.stop(), *(engine.stop() for engine in engines))
        await self.databases.stop()


async def run(programs: Programs, folder: pathlib.Path, wishes: Wishes) -> int:
    loop = asyncio.get_running_loop()
    began = loop.time()
    cluster = Cluster(programs, folder, wishes)
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: cluster.state.facts["ready"] and cluster.market.roll())

    async def live() -> int:
        await cluster.start()
        cluster.announce(loop.time() - began)
        if wishes.command:
            return await cluster.run_command()
        await told.wait()
        return 0

    living, ending = asyncio.create_task(live()), asyncio.create_task(told.wait())
    try:
        await asyncio.wait({living, ending}, return_when=asyncio.FIRST_COMPLETED)
        if not living.done():
            living.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await living
            # As a shell says of what a signal ended; without a command that is the way to end.
            return 130 if wishes.command else 0
        return living.result()
    finally:
        ending.cancel()
        say("stopping")
        await cluster.stop()
        say("stopped")


def main(programs: Programs, wishes: Wishes) -> int:
    """Runs a cluster in its folder to its end. A folder that was made for it is gone afterwards, unless something is wrong."""
    folder = (wishes.data or pathlib.Path(tempfile.mkdtemp(prefix="souk-cluster-"))).resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.getuid() == 0:
            # PostgreSQL runs as somebody else, who has to come through to its own folder. What is secret has a mode of its own.
            folder.chmod(0o755)
        lock = (folder / "lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Failed(f"another cluster runs in {folder}") from None
    except OSError as error:
        raise Failed(f"--data {folder}: {error.strerror}") from error
    kept = True
    try:
        code = asyncio.run(run(programs, folder, wishes))
        kept = wishes.data is not None or code != 0
        return code
    finally:
        if kept and wishes.data is None:
            say(f"data and logs are kept in {folder}")
        elif not kept:
            shutil.rmtree(folder, ignore_errors=True)


def restart(state: pathlib.Path) -> int:
    """Has a running cluster restart its services one by one, and waits for the end of that."""
    def look() -> dict[str, Any]:
        try:
            return json.loads(state.read_text())
        except (OSError, ValueError) as error:
            raise Failed(f"--state {state}: {error}") from error

    before = look()
    if not before.get("ready"):
        raise Failed(f"--state {state}: this cluster is not running")
    try:
        os.kill(before["pid"], signal.SIGHUP)
    except OSError as error:
        raise Failed(f"--state {state}: this cluster is not running: {error.strerror}") from error
    now = None
    while True:
        facts = look()
        rolling = facts["rolling"]
        if rolling["now"] not in (None, now):
            now = rolling["now"]
            say(f"{now} is restarted")
        if rolling["done"] > before["rolling"]["done"]:
            if rolling["failed"]:
                raise Failed(rolling["failed"])
            return 0
        if not facts["ready"]:
            raise Failed("the cluster was stopped")
        time.sleep(0.1)
