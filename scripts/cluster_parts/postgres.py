"""PostgreSQL: a primary and a replica that has everything before it counts as committed. When the primary dies the replica takes its
place, as Patroni would have it, and a new copy is made in the place of the dead one.

What may be lost is decided by one flag, `complete`: whether the primary waits for the replica with every commit. It is set after the
replica has caught up, and taken back before the primary is told to go on alone, so a replica is only promoted when it lacks nothing."""

import asyncio
import contextlib
import os
import pathlib
import pwd
import shutil
import signal
from typing import Any

from . import probes
from .balancer import Balancer
from .needs import Programs
from .ports import HOST, Ports
from .process import LONGEST_PAUSE, PAUSE, Failed, Process, how, kept, say
from .state import State

DATABASE = USER = "souk"
REPLICATION = "replication_souk"
SUPERUSER = "postgres"
SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
password_encryption = scram-sha-256
shared_buffers = 128MB
max_wal_size = 1GB
max_wal_senders = 5
# So much may happen while the replica is away; one that lacks more is copied anew.
wal_keep_size = 1GB
wal_retrieve_retry_interval = 500ms
log_min_messages = warning
log_line_prefix = '%m [%p] %a '
"""
# How long a copy and its catching up may take.
COPY = 300.0


class Node(Process):
    """One of the two."""

    # At once, without waiting for whoever is connected, but with a checkpoint.
    stop_signal = signal.SIGINT

    def __init__(self, name: str, folder: pathlib.Path, ports: Ports, connections: int, programs: Programs, state: State, logs: pathlib.Path, **more: Any):
        self.folder = folder
        port = ports.of(name)
        command = [programs.postgres / "postgres", "-D", folder, "-p", str(port), "-c", f"cluster_name={name}", "-c", f"max_connections={connections}"]
        super().__init__(name, "postgres", command, port, state, logs, cwd=folder.parent, role="none", **more)

    def turn_role(self, role: str) -> None:
        self.shown["role"] = role
        self.state.write()

    async def spawn(self) -> None:
        await self.fence()
        await super().spawn()

    async def fence(self) -> None:
        """Sees to it that nothing of it runs: what a killed server leaves behind would still answer."""

        async def gone() -> bool:
            left = [*probes.working_in(self.folder), *([self.pid] if self.pid else [])]
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not left

        await probes.until(f"the end of {self.name}", gone, 20.0, every=0.01)
        # Unless it has been waited for, its process number is still taken.
        if self.child:
            await self.ended()


class Pair:
    def __init__(self, folder: pathlib.Path, ports: Ports, connections: int, programs: Programs, passwords: dict[str, str], state: State, logs: pathlib.Path):
        self.programs, self.passwords, self.state, self.folder, self.logs = programs, passwords, state, folder, logs
        self.user = server_user()
        # The replica's must not be lower than the primary's.
        nodes = {
            name: Node(name, folder / name, ports, connections, programs, state, logs, user=self.user) for name in ("postgres-a", "postgres-b")
        }
        self.leader = folder / "primary"
        first = self.leader.read_text().strip() if self.leader.exists() else "postgres-a"
        self.primary = nodes.pop(first)
        (self.replica,) = nodes.values()
        self.complete = False
        # That the replica was complete once: the cluster is whole.
        self.joined = asyncio.Event()
        self.balancer: Balancer | None = None
        self.keeper: asyncio.Task | None = None

    # The way to them

    async def run(self, *command: str | os.PathLike, user: str = SUPERUSER, **more: Any) -> str:
        """Runs one of PostgreSQL's programs to its end."""
        program, *arguments = [str(word) for word in command]
        child = await asyncio.create_subprocess_exec(
            self.programs.postgres / program,
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.folder,
            env=os.environ | {"PGPASSWORD": self.passwords[user]},
            user=self.user,
            group=self.user,
            extra_groups=[] if self.user else None,
            start_new_session=True,
            **more,
        )
        try:
            out, err = await child.communicate()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
            raise
        if child.returncode != 0:
            raise OSError(f"{program}: {err.decode(errors='replace').strip()}")
        return out.decode().strip()

    async def ask(self, node: Node, *statements: str, database: str = "postgres") -> str:
        """Has a server run statements, each by itself."""
        commands = [word for statement in statements for word in ("-c", statement)]
        address = ["-h", HOST, "-p", str(node.port), "-U", SUPERUSER, "-d", database]
        return await self.run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", *address, *commands)

    # The first start

    async def start(self) -> None:
        is_new = not (self.primary.folder / "PG_VERSION").exists()
        if is_new:
            await self.make()
        await self.open(self.primary)
        if is_new:
            await self.fill()
        else:
            await self.lead_alone()
        self.primary.turn_role("primary")

    async def make(self) -> None:
        """An empty server."""
        shutil.rmtree(self.primary.folder, ignore_errors=True)
        secret = self.folder / "password"
        secret.touch(mode=0o600)
        secret.write_text(self.passwords[SUPERUSER])
        if self.user:
            shutil.chown(secret, self.user)
        options = ["-U", SUPERUSER, "-A", "scram-sha-256", "--pwfile", secret, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        await self.run("initdb", "-D", self.primary.folder, *options)
        secret.unlink()
        with (self.primary.folder / "postgresql.conf").open("a") as file:
            file.write(SETTINGS)
        self.lead(self.primary)

    async def fill(self) -> None:
        """The roles and the database. As in production, Souk is no superuser: those are exempt from policies."""
        quoted = {name: "'" + self.passwords[name].replace("'", "''") + "'" for name in (USER, REPLICATION)}
        await self.ask(
            self.primary,
            f"CREATE ROLE {USER} LOGIN PASSWORD {quoted[USER]}",
            f"CREATE ROLE {REPLICATION} LOGIN REPLICATION PASSWORD {quoted[REPLICATION]}",
            f"CREATE DATABASE {DATABASE} OWNER {USER}",
        )

    async def open(self, node: Node) -> None:
        """Starts a server and waits until it answers questions."""

        async def answers() -> bool:
            return await self.ask(node, "SELECT 1") == "1"

        node.is_ready = answers
        try:
            await node.come_up()
        except (probes.TooLate, OSError) as error:
            raise Failed(f"{node.name} does not come up: {error}; see {node.log}") from error

    # As long as the cluster runs

    def watch(self, balancer: Balancer) -> None:
        """From now on each that dies is replaced."""
        self.balancer = balancer
        self.keeper = kept(self.keep())

    async def keep(self) -> None:
        while True:
            tasks = joining, primary = asyncio.create_task(self.join()), asyncio.create_task(self.primary.ended())
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                if not primary.done():
                    joining.result()
                    tasks += (asyncio.create_task(self.replica.ended()),)
                    await asyncio.wait(tasks[1:], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            if primary.done() and not primary.cancelled():
                await self.fail_over(primary.result())
            else:
                self.replica.restarts += 1
                say(f"{self.replica.name}, the replica, {how(await self.replica.ended())}; the primary goes on alone until it is back")
                self.replica.turn("down")
                await self.go_on_alone()

    async def lead_alone(self) -> None:
        """Has the primary write, and wait for nobody."""
        if await self.ask(self.primary, "SELECT pg_is_in_recovery()") == "t":
            await self.ask(self.primary, "SELECT pg_promote()")
        await self.ask(self.primary, "ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_reload_conf()")

    async def go_on_alone(self) -> None:
        """Commits wait for nobody any more; first it is noted that the replica may lack some."""
        self.complete = False
        while self.primary.pid:
            try:
                return await self.lead_alone()
            except OSError as error:
                say(f"{self.primary.name} can't be told to go on alone: {error}")
                await asyncio.sleep(PAUSE)

    async def fail_over(self, code: int) -> None:
        dead, heir = self.primary, self.replica
        loop = asyncio.get_running_loop()
        began = loop.time()
        dead.restarts += 1
        dead.turn("down")
        await self.balancer.close_database()
        await dead.fence()
        if not (self.complete and heir.pid):
            say(f"{dead.name}, the primary, {how(code)}; there is no complete replica, so it is started again")
            self.complete = False
            await self.open_again()
            await self.balancer.lead_to(dead.port)
            return
        say(f"{dead.name}, the primary, {how(code)}; {heir.name} takes its place")
        # From here on the dead one can't come back as it is, whatever happens to us or to the other.
        self.complete = False
        self.lead(heir)
        self.primary, self.replica = heir, dead
        dead.turn_role("none")
        try:
            await self.lead_alone()
        except OSError as error:
            say(f"{heir.name} can't take its place: {error}")
            return heir.kill()
        await self.balancer.lead_to(heir.port)
        heir.turn_role("primary")
        say(f"{heir.name} is the primary, {loop.time() - began:.1f} s later")

    async def open_again(self) -> None:
        """The primary as it was."""
        pause = PAUSE
        while True:
            try:
                await self.open(self.primary)
                return await self.lead_alone()
            except (Failed, OSError) as error:
                say(str(error))
                self.primary.kill()
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def lead(self, node: Node) -> None:
        """Keeps who the primary is, whatever becomes of us."""
        draft = self.leader.with_suffix(".new")
        draft.write_text(node.name)
        os.replace(draft, self.leader)

    async def join(self) -> None:
        """Brings the replica up and has the primary wait for it; makes it anew if it was the primary, or lacks too much."""
        pause, node = PAUSE, self.replica
        while True:
            try:
                if node.pid is None:
                    if not (node.folder / "standby.signal").exists():
                        await self.copy()
                    await self.open(node)
                    node.turn("catching up")
                node.turn_role("replica")
                await self.catch_up()
                return
            except (Failed, probes.TooLate, asyncio.TimeoutError, OSError) as error:
                say(f"{node.name} can't follow {self.primary.name} and is copied anew: {error}")
                node.kill()
                await node.fence()
                (node.folder / "standby.signal").unlink(missing_ok=True)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def copy(self) -> None:
        """The replica is a copy of the primary."""
        node = self.replica
        node.turn("copying")
        await node.fence()
        draft = node.folder.with_suffix(".copy")
        for folder in (node.folder, draft):
            shutil.rmtree(folder, ignore_errors=True)
        address = f"host={HOST} port={self.primary.port} user={REPLICATION} password={self.passwords[REPLICATION]}"
        work = self.run("pg_basebackup", "-D", draft, "-d", address, "-R", "-X", "stream", "-c", "fast", "--no-sync", user=REPLICATION)
        await asyncio.wait_for(work, COPY)
        os.replace(draft, node.folder)

    async def catch_up(self) -> None:
        """From the moment that the primary waits for it, until it has all of before."""
        primary, name = self.primary, self.replica.name

        async def streams() -> bool:
            query = f"SELECT count(*) FROM pg_stat_replication WHERE application_name = '{name}' AND state = 'streaming'"
            return await self.ask(primary, query) == "1"

        await probes.until(f"{name} following", streams, COPY, every=0.2)
        await self.ask(primary, f"ALTER SYSTEM SET synchronous_standby_names = '\"{name}\"'", "SELECT pg_reload_conf()")

        async def is_waited_for() -> bool:
            query = f"SELECT count(*) FROM pg_stat_replication WHERE application_name = '{name}' AND sync_state = 'sync'"
            return await self.ask(primary, query) == "1"

        await probes.until(f"{primary.name} waiting for {name}", is_waited_for, 20.0, every=0.1)
        end = await self.ask(primary, "SELECT pg_current_wal_lsn()")

        async def has_all() -> bool:
            query = f"SELECT count(*) FROM pg_stat_replication WHERE application_name = '{name}' AND flush_lsn >= '{end}'"
            return await self.ask(primary, query) == "1"

        await probes.until(f"{name} having all", has_all, COPY, every=0.1)
        self.complete = True
        self.joined.set()
        self.replica.turn("ready")
        say(f"{name} follows {primary.name}, which waits for it with every commit")

    async def stop(self) -> None:
        """The primary first: it sends the replica all that it has before it ends."""
        if self.keeper:
            self.keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self.keeper
        for node in (self.primary, self.replica):
            await node.end_child()
            await node.fence()
            node.turn("stopped")


def server_user() -> str | None:
    """The server refuses to run as root."""
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError as error:
        raise Failed("as root, the user postgres is needed to run PostgreSQL") from error
