"""The state file: what runs, for people and for programs that look for something to kill."""

import json
import os
import pathlib
from typing import Any


class State:
    def __init__(self, file: pathlib.Path):
        self.file = file
        self.facts: dict[str, Any] = {}
        self.processes: list[Any] = []

    def set(self, **facts: Any) -> None:
        self.facts |= facts
        self.write()

    def add(self, process: Any) -> None:
        """Shows this process from now on; it has a `row`."""
        self.processes.append(process)
        self.write()

    def write(self) -> None:
        """Whoever reads finds the former state or this one, never a half."""
        draft = self.file.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(self.facts | {"processes": [process.row() for process in self.processes]}, indent=2) + "\n")
        os.replace(draft, self.file)
