"""Checkpoints: a run's state on disk, from which it goes on as if it had not stopped.

    step-00000500.json            position, epochs so far, settings, environment, and checksums of the files it needs
    step-00000500.safetensors     every tensor that changes: parameters, running statistics, the update rule's state
    history-00000500.safetensors  the history's steps since the checkpoint before
    best-00000400.safetensors     parameters and running statistics after the best epoch so far

A checkpoint exists once its .json does, which is written last; every file is written under another name and renamed. So
a process may be killed at any moment. The last two are kept: where one is damaged the one before it is used.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import warnings
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..face.files import write_files
from ..graph.errors import DataError, OutputError
from .errors import CheckpointWarning
from .saved import packed

Array = NDArray[Any]
FORMAT = 1
KEPT = 2
POSITION = re.compile(r"step-([0-9]{8,})\.json")
OURS = re.compile(r"step-[0-9]{8,}\.json|(step|history|best)-[0-9]{8,}\.safetensors|\.[0-9a-f]{12}\.part")


class Damaged(Exception):
    """A checkpoint is not what was written; the message says what is wrong with it."""


@dataclass(frozen=True)
class Checkpoint:
    """What was read: tensors, the columns of the history up to here, facts, and the tensors of the best epoch."""

    path: Path
    tensors: dict[str, Array]
    history: dict[str, Array]
    facts: dict[str, Any]
    best: dict[str, Array] | None


class Checkpoints:
    """The checkpoints of one run, in one folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._history: list[dict[str, str]] = []  # the files of the run so far, with their checksums
        self._kept: list[tuple[int, dict[str, str] | None]] = []  # steps, and the file of the best epoch until then

    def steps(self) -> list[int]:
        """After how many steps there are checkpoints, the last one first."""
        found = (POSITION.fullmatch(p.name) for p in self.folder.glob("step-*.json"))
        return sorted((int(m[1]) for m in found if m), reverse=True)

    def save(
        self, step: int, tensors: Mapping[str, Array], history: Mapping[str, Array], facts: Mapping[str, Any],
        metadata: Mapping[str, str], best: Mapping[str, Array] | None,
    ) -> None:  # fmt: skip
        """Write a checkpoint, then let go of those that are too old.

        history    the columns of the steps since the checkpoint before
        metadata   of the file of tensors, with which `cr.load` reads it
        best       the tensors of the best epoch so far; None where the checkpoint before has the same

        Raises OutputError where it cannot be written; those before it are then as they were.
        """
        contents = {
            f"history-{step:08}.safetensors": packed(history, {}),
            f"step-{step:08}.safetensors": packed(tensors, metadata),
        }
        if best is not None:
            contents[f"best-{step:08}.safetensors"] = packed(best, metadata)
        made = {
            name.partition("-")[0]: {"file": name, "sha256": _checksum(content)} for name, content in contents.items()
        }
        segments = [*self._history, made["history"]]
        best_file = made.get("best", self._kept[-1][1] if self._kept else None)
        told = {"format": FORMAT, **facts, "tensors": made["step"], "history": segments, "best_tensors": best_file}
        files: dict[Path, str | bytes] = {self.folder / name: content for name, content in contents.items()}
        files[self.folder / f"step-{step:08}.json"] = _sealed(told)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_files(files)  # renamed in this order: the .json comes last
        except OSError as why:
            raise OutputError(
                f"cannot write the checkpoint of step {step:,} to {self.folder}: {why.strerror or why}"
            ) from None
        self._history, self._kept = segments, [*self._kept, (step, best_file)][-KEPT:]
        self._tidy()

    def latest(self, parts: Collection[str] = ("history", "best")) -> Checkpoint | None:
        """The last checkpoint that is whole; of each that is not it warns, saying what is wrong. None without any.

        parts   what is wanted beside the tensors; the files of what is not are not looked at, and may be lost

        Raises DataError where there are checkpoints, and none is whole.
        """
        steps, problems = self.steps(), []
        for step in steps:
            try:
                found = self._read(step, parts)
            except Damaged as why:
                problems.append(str(why))
                continue
            for problem in problems:
                warnings.warn(f"{problem}; going back to step {step:,}", CheckpointWarning, stacklevel=4)
            self._history, self._kept = found.facts["history"], [(step, found.facts["best_tensors"])]
            return found
        if steps:
            raise DataError(f"no checkpoint in {self.folder} is whole: {'; '.join(problems)}")
        return None

    def _read(self, step: int, wanted: Collection[str]) -> Checkpoint:
        path = self.folder / f"step-{step:08}.json"
        try:
            outer = json.loads(path.read_bytes())
            facts = outer["checkpoint"]
            whole = outer["sha256"] == _checksum(_text(facts).encode())
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as why:
            raise Damaged(f"{path} is damaged: {why}") from None
        if not whole:
            raise Damaged(f"{path} is damaged: its checksum is another one")
        if facts["format"] != FORMAT:
            raise Damaged(f"{path} has the format {facts['format']}, and this version of Chainrule reads {FORMAT}")
        parts = [self._tensors(file) for file in facts["history"] if "history" in wanted]
        history = {k: np.concatenate([part[k] for part in parts]) for k in parts[0]} if parts else {}
        best = self._tensors(facts["best_tensors"]) if facts["best_tensors"] and "best" in wanted else None
        return Checkpoint(path, self._tensors(facts["tensors"]), history, facts, best)

    def _tensors(self, file: Mapping[str, str]) -> dict[str, Array]:
        from safetensors.numpy import load

        path = self.folder / file["file"]
        try:
            content = path.read_bytes()
        except OSError as why:
            raise Damaged(f"{path} cannot be read: {why.strerror or why}") from None
        if _checksum(content) != file["sha256"]:
            raise Damaged(f"{path} is damaged: its checksum is another one than its checkpoint says")
        return load(content)

    def _tidy(self) -> None:
        """Remove what the last checkpoints do not need, and what a killed process left half-written; nothing else."""
        needed = {f"step-{step:08}.{ending}" for step, _ in self._kept for ending in ("json", "safetensors")}
        needed |= {best["file"] for _, best in self._kept if best} | {file["file"] for file in self._history}
        with suppress(OSError):  # what cannot be removed stays: the checkpoint is written
            for name in os.listdir(self.folder):
                if OURS.fullmatch(name) and name not in needed:
                    (self.folder / name).unlink(missing_ok=True)


def _text(facts: Mapping[str, Any]) -> str:
    """A line for each fact. (With indent= all of it would be laid out by Python, ten times as slowly.)"""
    lines = (f"{json.dumps(k)}: {json.dumps(v)}" for k, v in facts.items())
    return "{" + ",\n ".join(lines) + "}"


def _sealed(facts: Mapping[str, Any]) -> str:
    text = _text(facts)
    return f'{{"sha256": "{_checksum(text.encode())}",\n"checkpoint": {text}}}\n'


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


__all__ = ["Checkpoint", "Checkpoints"]
