"""One function summed up, as a task: summaries in by digest, the packed result out.

A result has two parts: the summary, which callers apply, and the rest, which is only looked at
when everything is known. `Record` is what the order of work needs of it without unpacking.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from flaglint import ir
from flaglint.access import Access
from flaglint.crew import Task
from flaglint.fixpoint import summarise
from flaglint.knowledge import Knowledge
from flaglint.opaque import named
from flaglint.ownership import Origin
from flaglint.packing import EMPTY, Anchors, DamagedError, pack, unpack
from flaglint.pool import told
from flaglint.store import digest
from flaglint.summary import Summary


class Record(msgspec.Struct, frozen=True, array_like=True):
    """A packed result.

    `summary` is the packed outcomes and pending accesses, `bare` stands for the outcomes where
    they are not looked at; `decided` are the accesses that no caller can change; `calls` the
    locks certainly held at every call of a callee. `effect` tells two summaries apart but for
    evidence; `plain` says that some caller decides a plain write, `complete` that a fixed point
    was reached. `version` is the digest of the summary, by which callers ask for it. `opaque` are
    functions without a body that a plain write's verdict hangs on. `failed` is why there is no
    summary.
    """

    summary: tuple[bytes, bytes]
    bare: bytes
    decided: bytes
    calls: dict[str, tuple[str, ...]]
    effect: bytes
    plain: bool
    complete: bool
    version: bytes
    opaque: tuple[str, ...] = ()
    failed: str = ""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Record).decode
_pair = msgspec.msgpack.Decoder(tuple[bytes, bytes]).decode


def read_record(data: bytes) -> Record:
    """The record in bytes. Raises DamagedError."""
    try:
        return _decode(data)
    except msgspec.MsgspecError as error:
        raise DamagedError(str(error)) from None


def summary_bytes(record: Record) -> bytes:
    """What is sent to who may look the summary up."""
    return _encode(record.summary)


def without_outcomes(record: Record) -> Record | None:
    """What a caller sees that looks at the pending accesses alone; None when there are none."""
    pending = record.summary[1]
    if pending == EMPTY:
        return None
    summary = (record.bare, pending)
    return msgspec.structs.replace(record, summary=summary, version=digest(*summary))


def read_summary(packed: tuple[bytes, bytes], anchors: Anchors) -> Summary:
    """The summary in a record. Raises DamagedError."""
    params, outcomes = unpack(packed[0], anchors)
    return Summary(params, outcomes, unpack(packed[1], anchors))


class Summing:
    """Sums up functions of a program; a `crew.Work`."""

    def __init__(
        self, functions: Mapping[str, ir.Function], know: Knowledge, anchors: Anchors
    ) -> None:
        self._functions = functions
        self._know = know
        self._anchors = anchors
        self._known: dict[bytes, Summary] = {}

    def __call__(self, task: Task, blobs: Mapping[bytes, bytes]) -> bytes:
        """The packed `Record` of the task's function."""
        for version, data in blobs.items():
            if version not in self._known:
                self._known[version] = read_summary(_pair(data), self._anchors)
        self._know.summaries = {
            key: self._known[version] for key, version in task.summaries.items()
        }
        function = self._functions[task.key]
        try:
            result = summarise(function, self._know)
        except Exception as error:
            # It costs this function, and is said: its callers call what is not known.
            return _encode(
                Record((b"", b""), b"", b"", {}, b"", False, False, b"", (), told(error))
            )
        summary, anchors = result.summary, self._anchors
        packed = (
            pack((summary.params, summary.outcomes), anchors),
            pack(summary.pending, anchors),
        )
        record = Record(
            packed,
            pack((summary.params, ()), anchors),
            pack(result.decided, anchors),
            {key: tuple(sorted(locks)) for key, locks in sorted(result.calls.items())},
            digest(pack(summary.effect(), anchors)),
            summary.plain,
            result.complete,
            digest(*packed),
            _opaque(function, (*result.decided, *summary.pending)),
        )
        self._known.setdefault(record.version, summary)
        return _encode(record)


def _opaque(function: ir.Function, accesses: Iterable[Access]) -> tuple[str, ...]:
    # Those that doubts name, and those that gave the structures that pages are read from.
    plain = [access.owner for access in accesses if access.place.atomicity == "plain"]
    found = set(named(frozenset[str]().union(*(owner.doubts for owner in plain))))
    kept = (owner.via for owner in plain if owner.origin is Origin.MEMBER)
    if records := {f"struct {member.partition('.')[0]} *" for member in kept}:
        calls = (op for b in function.blocks for op in b.ops if isinstance(op, ir.Call))
        found |= {op.name for op in calls if op.type in records and op.name}
    return tuple(sorted(found))
