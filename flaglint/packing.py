"""What a function gave, as bytes that do not depend on where in its file the function stands.

    pack(accesses, anchors) -> b"..."        unpack(b"...", anchors) -> accesses

Results travel between processes, are kept in the store, and are compared by their digests: an
edit above a function shifts its lines and must change none of these. So a location is written
as a line of the function it stands in (`Anchors`), and read back as that function's line of
today. Sets are sorted by their members' bytes: equal values give equal bytes in any process.

Invariants: unpack(pack(x)) == x under the same anchors. Never pickle: what is read back is
plain data, tuples of the types listed here and nothing else.

Interface: `Anchors`, `pack`, `unpack`, `Unpacker`, `EMPTY`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from flaglint import ir
from flaglint.access import Access, Place
from flaglint.finding import Step, Taken
from flaglint.location import Location
from flaglint.ownership import Kind, Origin, Owner
from flaglint.summary import Outcome

_TUPLE, _SET, _LOCATION, _NUMBER = range(4)
_RECORDS: tuple[type[tuple[Any, ...]], ...] = (Owner, Place, Access, Outcome)
_ENUMS = (Kind, Origin)
_STEPS: tuple[Callable[..., Any], ...] = (Step, Taken)
"""Records of text that end with a file and a line."""
_FIRST_STEP = 5
_FIRST_ENUM = 10
_FIRST_RECORD = 20
_TAGS: dict[type, int] = {kind: _FIRST_RECORD + n for n, kind in enumerate(_RECORDS)}
_ENUM_TAGS: dict[type, int] = {kind: _FIRST_ENUM + n for n, kind in enumerate(_ENUMS)}
_PLAIN = (str, bool, type(None))
_parts = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_SHORT_ARRAY = 9
"""The upper half of the first byte of an array of up to fifteen."""
_IS_TUPLE = bytes([_TUPLE])
_tag = msgspec.msgpack.Decoder(int).decode
EMPTY = msgspec.msgpack.encode([_TUPLE])
"""The empty tuple, packed."""
_WIDE = 2**63


class DamagedError(Exception):
    """Bytes that no `pack` of this version made."""


class Anchors:
    """Which function stands at a line of a file, and where each function begins."""

    def __init__(self, functions: Iterable[ir.Function]) -> None:
        self._base: dict[str, tuple[str, int]] = {}
        starts: dict[str, list[tuple[int, str]]] = {}
        for function in functions:
            where = function.where
            self._base[function.key] = (where.file, where.line)
            starts.setdefault(where.file, []).append((where.line, function.key))
        self._starts = {file: sorted(found) for file, found in starts.items()}
        self._lines = {file: [line for line, _ in found] for file, found in self._starts.items()}

    def relative(self, file: str, line: int) -> tuple[str, int]:
        """The function that a line is of and the lines since its first; or the file, a line."""
        number = bisect_right(self._lines.get(file, ()), line) - 1
        if number < 0:
            return "/" + file, line
        start, key = self._starts[file][number]
        return key, line - start

    def absolute(self, anchor: str, line: int) -> tuple[str, int]:
        """The opposite of `relative`. Raises DamagedError for a function that is not there."""
        if anchor.startswith("/"):
            return anchor[1:], line
        base = self._base.get(anchor)
        if base is None:
            raise DamagedError(anchor)
        return base[0], base[1] + line


def pack(value: object, anchors: Anchors) -> bytes:
    """The value as bytes: plain values, tuples, sets and the records of the engine."""
    return msgspec.msgpack.encode(_plain(value, anchors.relative))


def unpack(data: bytes, anchors: Anchors) -> Any:
    """What `pack` was given. Raises DamagedError."""
    if data == EMPTY:
        return ()  # what most functions have of most things
    try:
        return _value(msgspec.msgpack.decode(data), anchors.absolute)
    except (msgspec.MsgspecError, IndexError, TypeError, ValueError, RecursionError) as error:
        raise DamagedError(str(error)) from None


class Unpacker:
    """Unpacks many tuples of records, and each field that several of them have once.

    What callers decide is handed up to each of them: of the fields of all accesses of a program
    one in nine is another than all before.
    """

    def __init__(self, anchors: Anchors) -> None:
        """Under these anchors."""
        self._anchors = anchors
        self._known: dict[bytes, Any] = {}

    def __call__(self, data: bytes) -> tuple[Any, ...]:
        """What `pack` was given. Raises DamagedError."""
        if data == EMPTY:
            return ()
        try:
            _, *records = _parts(data)
            return tuple([self._record(_parts(record)) for record in records])
        except (msgspec.MsgspecError, IndexError, TypeError, ValueError) as error:
            raise DamagedError(str(error)) from None

    def _record(self, parts: list[msgspec.Raw]) -> Any:
        fields = [self._shared(bytes(part)) for part in parts[1:]]
        return _RECORDS[_tag(parts[0]) - _FIRST_RECORD](*fields)

    def _shared(self, data: bytes) -> Any:
        found = self._known.get(data)
        if found is None:
            if data[1:2] == _IS_TUPLE and data[0] >> 4 == _SHORT_ARRAY:
                # A chain of calls: most of its steps are those of others.
                found = tuple([self._shared(bytes(part)) for part in _parts(data)[1:]])
            else:
                found = unpack(data, self._anchors)
            self._known[data] = found
        return found


def _plain(value: Any, relative: Callable[[str, int], tuple[str, int]]) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is int:
        return value if -_WIDE <= value < _WIDE else [_NUMBER, str(value)]
    if kind is tuple:
        return [_TUPLE, *[_plain(part, relative) for part in value]]
    if kind is Location:
        anchor, line = relative(value.file, value.line)
        return [_LOCATION, anchor, line, value.column]
    if kind in _TAGS:
        return [_TAGS[kind], *[_plain(part, relative) for part in value]]
    if kind is frozenset:
        parts = [_plain(part, relative) for part in value]
        if len(parts) > 1:
            parts.sort(key=msgspec.msgpack.encode)
        return [_SET, *parts]
    if kind in _ENUM_TAGS:
        return [_ENUM_TAGS[kind], int(value)]
    if kind in _STEPS:
        *words, file, line = msgspec.structs.astuple(value)
        return [_FIRST_STEP + _STEPS.index(kind), *words, *relative(file, line)]
    raise TypeError(f"cannot be packed: {kind.__name__}")


def _value(item: Any, absolute: Callable[[str, int], tuple[str, int]]) -> Any:
    if type(item) is not list:
        return item
    tag = item[0]
    if tag == _TUPLE:
        return tuple([_value(part, absolute) for part in item[1:]])
    if tag >= _FIRST_RECORD:
        return _RECORDS[tag - _FIRST_RECORD](*[_value(part, absolute) for part in item[1:]])
    if tag == _LOCATION:
        return Location(*absolute(item[1], item[2]), item[3])
    if tag >= _FIRST_ENUM:
        return _ENUMS[tag - _FIRST_ENUM](item[1])
    if tag == _SET:
        return frozenset([_value(part, absolute) for part in item[1:]])
    if tag >= _FIRST_STEP:
        return _STEPS[tag - _FIRST_STEP](*item[1:-2], *absolute(item[-2], item[-1]))
    if tag == _NUMBER:
        return int(item[1])
    raise DamagedError(str(tag))
