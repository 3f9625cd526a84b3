"""Smaller examples of what was found: as few differences from sound files as keep the fault."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing import get_context
from typing import TypeVar

from tests.fuzz.cases import Case, Kind
from tests.fuzz.worker import Finding, attempt, limit_memory, quiet, start_clock

T = TypeVar("T")
MOST_SECONDS = 120
_FORK = get_context("fork")


def smaller(kind: Kind, case: Case, signature: str) -> Case:
    """A case with the same fault, and less in it; within two minutes."""
    end = time.monotonic() + MOST_SECONDS

    def fails(smaller: Case) -> bool:
        return time.monotonic() < end and ended(kind, smaller) == signature

    def with_files(paths: Sequence[bytes]) -> Case:
        """These files as they are, the others as they were, or not at all."""
        kept = set(paths)
        names = dict.fromkeys([*case.files, *case.origin])
        files = {
            path: found
            for path in names
            if (found := (case.files if path in kept else case.origin).get(path)) is not None
        }
        return replace(case, files=files)

    changed = [
        path
        for path in dict.fromkeys([*case.files, *case.origin])
        if case.files.get(path) != case.origin.get(path)
    ]
    case = with_files(fewest(changed, lambda paths: fails(with_files(paths))))
    for path in changed:
        content, before = case.files.get(path), case.origin.get(path)
        if not isinstance(content, bytes) or content == before:
            continue
        current = case

        def with_content(parts: Sequence[bytes], path: bytes = path, case: Case = current) -> Case:
            return replace(case, files={**case.files, path: b"".join(parts)})

        if isinstance(before, bytes) and len(before) == len(content):
            case = with_content(
                [_fewest_bytes(content, before, lambda c: fails(with_content([c])))]
            )
            continue
        parts: Sequence[bytes] = content.splitlines(keepends=True)
        parts = fewest(parts, lambda parts: fails(with_content(parts)))
        content = b"".join(parts)
        if len(content) < 4000:
            parts = [content[i : i + 1] for i in range(len(content))]
            parts = fewest(parts, lambda parts: fails(with_content(parts)))
        case = with_content(parts)
    arguments = fewest(case.arguments, lambda parts: fails(replace(case, arguments=tuple(parts))))
    return replace(case, arguments=tuple(arguments))


def _fewest_bytes(content: bytes, before: bytes, fails: Callable[[bytes], bool]) -> bytes:
    """As few bytes as possible that differ from those before."""
    places = [i for i, (a, b) in enumerate(zip(content, before, strict=True)) if a != b]

    def changed(places: Sequence[int]) -> bytes:
        data = bytearray(before)
        for place in places:
            data[place] = content[place]
        return bytes(data)

    return changed(fewest(places, lambda places: fails(changed(places))))


def fewest(parts: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> Sequence[T]:
    """A short subsequence that still fails: delta debugging's complements."""
    size = (len(parts) + 1) // 2
    while size and parts:
        place = 0
        while place < len(parts):
            fewer = [*parts[:place], *parts[place + size :]]
            if fails(fewer):
                parts = fewer
            else:
                place += size
        size = size // 2
    return parts


def ended(kind: Kind, case: Case) -> str:
    """How a case ends in a process of its own: an outcome, or a fault's signature."""
    ours, theirs = _FORK.Pipe()

    def work() -> None:
        quiet()
        limit_memory()
        start_clock()
        found = attempt(kind, case, 0)
        theirs.send(found.signature if isinstance(found, Finding) else found)

    process = _FORK.Process(target=work)
    process.start()
    theirs.close()
    try:
        if not ours.poll(60):
            process.kill()
            return "a library hangs"
        return ours.recv()
    except EOFError:
        process.join()
        return f"the process died (exit code {process.exitcode})"
    finally:
        process.join()
