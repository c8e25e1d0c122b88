"""Free ports on this machine, the same ones again when a cluster is started again."""

import json
import pathlib
import socket

HOST = "127.0.0.1"


class Ports:
    def __init__(self, file: pathlib.Path):
        self.file = file
        self.known: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
        # Held until all are chosen, so that none is given out twice.
        self.held: list[socket.socket] = []

    def of(self, name: str) -> int:
        """The port of something: the one of before if nobody else has it now."""
        for port in (self.known.get(name, 0), 0):
            held = socket.socket()
            # Connections of before that are not quite over don't make it taken.
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                held.bind((HOST, port))
            except OSError:
                held.close()
                continue
            self.held.append(held)
            self.known[name] = held.getsockname()[1]
            return self.known[name]
        raise OSError(f"there is no free port for {name}")

    def release(self) -> None:
        """All are chosen: whoever they are for may listen."""
        self.file.write_text(json.dumps(self.known, indent=2))
        for held in self.held:
            held.close()
        self.held.clear()
