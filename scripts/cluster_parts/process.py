"""A process that is kept running: started again after a pause whenever it ends, as systemd or Kubernetes would."""

import asyncio
import contextlib
import ctypes
import os
import pathlib
import signal
import sys
import traceback
from collections.abc import Awaitable, Coroutine, Sequence
from typing import Any

from . import probes
from .state import State

PAUSE, LONGEST_PAUSE = 0.5, 15.0
# One that was ready for so long is no longer failing: the next pause is the first again.
STEADY = 20.0
# How long something may take to become ready; for the first time it ends the cluster, later it is tried again.
PATIENCE = 90.0
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """The cluster can't go on."""


def kept(work: Coroutine[Any, Any, None]) -> asyncio.Task:
    """Work that goes on as long as the cluster: that it fails must not go unnoticed."""

    def noticed(task: asyncio.Task) -> None:
        if not task.cancelled() and (error := task.exception()):
            traceback.print_exception(error)
            say("this is a fault of the script; the cluster stops")
            os.kill(os.getpid(), signal.SIGTERM)

    task = asyncio.create_task(work)
    task.add_done_callback(noticed)
    return task


def say(message: str) -> None:
    print(f"cluster: {message}", file=sys.stderr, flush=True)


def how(code: int) -> str:
    """What an exit code means."""
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


class Process:
    """One program: its command, its log, and what it takes until it is ready."""

    # What it is asked to end by, and how long it may take before it is killed.
    stop_signal = signal.SIGTERM
    stop_limit = 45.0

    def __init__(self, name: str, service: str, command: Sequence[str | os.PathLike], port: int, state: State, logs: pathlib.Path, **more: Any):
        self.name, self.service, self.command, self.port, self.state = name, service, [str(word) for word in command], port, state
        self.log = logs / f"{name}.log"
        self.environment: dict[str, str] = more.pop("environment", {})
        self.user: str | None = more.pop("user", None)
        self.cwd: pathlib.Path | None = more.pop("cwd", None)
        self.shown: dict[str, Any] = more
        self.child: asyncio.subprocess.Process | None = None
        self.status, self.restarts = "not started", 0
        self.wanted = False
        self.again_at_once = False
        self.keeper: asyncio.Task | None = None
        self.ready_now = asyncio.Event()
        state.add(self)

    def row(self) -> dict[str, Any]:
        listen = f"{probes.HOST}:{self.port}"
        row = {"name": self.name, "service": self.service, "pid": self.pid, "listen": listen, "restarts": self.restarts, "status": self.status}
        return row | self.shown

    @property
    def pid(self) -> int | None:
        return self.child.pid if self.child and self.child.returncode is None else None

    def turn(self, status: str) -> None:
        self.status = status
        if status == "ready":
            self.ready_now.set()
        else:
            self.ready_now.clear()
        self.state.write()

    async def is_ready(self) -> bool:
        return await probes.connects(self.port)

    async def prepare(self) -> None:
        """What it needs, each time that it has come up."""

    async def spawn(self) -> None:
        with self.log.open("ab") as log:
            self.child = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.cwd,
                env=os.environ | self.environment,
                user=self.user,
                group=self.user,
                extra_groups=[] if self.user else None,
                # Ctrl-C is for this script, which stops everything in order.
                start_new_session=True,
                preexec_fn=self.die_with_us,
            )

    def die_with_us(self) -> None:
        """Whatever ends this script, nothing is left running."""
        LIBC.prctl(PR_SET_PDEATHSIG, int(self.stop_signal))

    async def ended(self) -> int:
        """Waits until it has, and tells how."""
        return await self.child.wait()

    async def come_up(self) -> None:
        """Starts it and waits until it is ready."""
        self.turn("starting")
        await self.spawn()
        self.state.write()
        ready = asyncio.create_task(self.become_ready())
        over = asyncio.create_task(self.ended())
        try:
            await asyncio.wait({ready, over}, return_when=asyncio.FIRST_COMPLETED)
            if not ready.done():
                raise probes.TooLate(f"{self.name} {how(over.result())} before it was ready")
            ready.result()
        finally:
            ready.cancel()
            over.cancel()
        self.turn("ready")

    async def become_ready(self) -> None:
        await probes.until(self.name, self.is_ready, PATIENCE)
        await self.prepare()

    async def start(self) -> None:
        """Starts it for the first time. That it can't be is the end of everything."""
        self.wanted = True
        try:
            await self.come_up()
        except (probes.TooLate, OSError) as error:
            tail = self.log.read_text(errors="replace").splitlines()[-15:] if self.log.exists() else []
            raise Failed("\n".join([f"{self.name} does not come up: {error}; {self.log} ends with", *tail])) from error
        self.keeper = kept(self.keep())

    async def keep(self) -> None:
        """Starts it again whenever it has ended."""
        loop = asyncio.get_running_loop()
        pause, since = PAUSE, loop.time()
        while True:
            code = await self.ended()
            if not self.wanted:
                return self.turn("stopped")
            if self.status == "ready" and loop.time() - since > STEADY:
                pause = PAUSE
            self.turn("down")
            if not self.again_at_once:
                self.restarts += 1
                say(f"{self.name} {how(code)}; it is started again in {pause:.1f} s")
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            self.again_at_once = False
            if not self.wanted:
                return self.turn("stopped")
            try:
                await self.come_up()
            except (probes.TooLate, OSError) as error:
                say(str(error))
                # One that hangs is no better than one that has ended.
                self.kill()
            since = loop.time()

    def kill(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)

    async def end_child(self) -> None:
        """Asks it to end, and kills it if it doesn't."""
        if not self.pid:
            return
        with contextlib.suppress(ProcessLookupError):
            self.child.send_signal(self.stop_signal)
        try:
            await asyncio.wait_for(self.ended(), self.stop_limit)
        except asyncio.TimeoutError:
            say(f"{self.name} does not end within {self.stop_limit:.0f} s of being told, and is killed")
            self.kill()
            await self.ended()

    async def stop(self) -> None:
        """Ends it for good."""
        self.wanted = False
        if self.keeper and self.status == "down":
            # It waits for its pause to be over.
            self.keeper.cancel()
        await self.end_child()
        if self.keeper:
            with contextlib.suppress(asyncio.CancelledError):
                await self.keeper
        self.turn("stopped")

    async def restart(self) -> None:
        """Has it end in its own time, and waits until it is ready again."""
        if self.pid:
            self.again_at_once = True
            self.ready_now.clear()
        await self.end_child()
        await asyncio.wait_for(self.ready_now.wait(), PATIENCE)


async def together(*work: Awaitable[None]) -> None:
    """All side by side; the first failure ends the others."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def to_the_end(*work: Awaitable[None]) -> None:
    """All side by side, whatever becomes of the others."""
    for outcome in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(outcome, BaseException):
            say(f"while stopping: {outcome}")
