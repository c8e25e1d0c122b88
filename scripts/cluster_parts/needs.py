"""The programs that a cluster is made of: where they are, and what to install when they are not."""

import os
import pathlib
import shutil
import subprocess
import sys
from typing import NamedTuple, NoReturn

SCRIPTS = pathlib.Path(__file__).resolve().parents[1]
# As sysexits(3) has them: what the command line asks for makes no sense; something that is needed is not there.
USAGE, UNAVAILABLE = 64, 69


class Programs(NamedTuple):
    """Paths of what is run."""

    souk: pathlib.Path
    postgres: pathlib.Path  # the folder of its programs, which are not on Debian's path
    haproxy: str
    redis: str
    etcd: str
    moto: str
    broker: pathlib.Path


def end(message: str, code: int = 1) -> NoReturn:
    """Says why nothing goes on, and ends."""
    print(f"cluster: {message}", file=sys.stderr)
    raise SystemExit(code)


def find(souk: pathlib.Path) -> Programs:
    """All of them, or the end with the packages that are missing."""
    if not os.access(souk, os.X_OK):
        end(f"--binary {souk}: there is no such program (cargo build --release --features cluster)", UNAVAILABLE)
    newest = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    server = str(newest[-1]) if newest else which("postgres")
    wanted = {
        "postgresql": server,
        "haproxy": which("haproxy"),
        "rabbitmq-server": which("rabbitmq-server") or shutil.which("/usr/lib/rabbitmq/bin/rabbitmq-server"),
        "redis-server": which("redis-server"),
        "etcd-server": which("etcd"),
    }
    missing = [package for package, program in wanted.items() if not program]
    if missing:
        end(f"not installed: {', '.join(missing)} (Debian: apt-get install {' '.join(missing)})", UNAVAILABLE)
    return Programs(
        souk=souk.resolve(),
        postgres=pathlib.Path(wanted["postgresql"]).parent,
        haproxy=wanted["haproxy"],
        redis=wanted["redis-server"],
        etcd=wanted["etcd-server"],
        moto=moto(),
        broker=SCRIPTS / "broker",
    )


def which(program: str) -> str | None:
    """Servers are in a folder that is not on everybody's path."""
    return shutil.which(program, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")


def moto() -> str:
    """An S3 server in Python, fetched once, as scripts/with-engines does."""
    if found := shutil.which("moto_server"):
        return found
    kept = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "souk/moto"
    program = kept / "bin/moto_server"
    if not program.exists():
        try:
            subprocess.run([sys.executable, "-m", "venv", kept], check=True, stdout=sys.stderr)
            subprocess.run([kept / "bin/pip", "install", "--quiet", "moto[server]==5.*"], check=True, stdout=sys.stderr)
        except (OSError, subprocess.CalledProcessError):
            shutil.rmtree(kept, ignore_errors=True)
            end("moto, an S3 server, can't be fetched from PyPI (Debian: apt-get install python3-venv)", UNAVAILABLE)
    return str(program)
