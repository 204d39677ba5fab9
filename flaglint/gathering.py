"""C files to units: had from the store, or read in worker processes and kept there.

The idea: a unit follows from its file, the headers it read, clang's arguments and flaglint
itself. All of that is in its key, so a unit found is right and a changed file is simply not
found. Which headers a file reads is known only once it was read; so the store has, for a
file's content, what it read then, and the unit for that is looked for if those headers are
unchanged and none has appeared in a place where clang would have looked earlier.

    reader = Reader(prepared, survey, store, local(jobs))
    units = reader.units(files, told)
    units.append(reader.headers(units))

Invariants: the result is the same whatever the store holds and however many workers there
are. What failed by accident (a crash, a deadline) is not kept.

Limits: a header that is found by a computed include path is known by the file it led to.

Interface: `Reader`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from flaglint import frontend, ir
from flaglint.facts import facts_of
from flaglint.finding import Unread
from flaglint.identity import identity
from flaglint.reading import Headers, Job, Mapper, Outcome, ReadingError, common_names
from flaglint.store import Store, digest
from flaglint.survey import Survey

Told = Callable[[int, int], None]
"""Told how many files are done, of how many."""

_VARIANTS = 6
"""Sets of header contents for which one file's unit is kept track of."""


class _Variant(msgspec.Struct, frozen=True, array_like=True):
    """What a file read once, and the digests of that."""

    files: tuple[str, ...]
    digests: tuple[bytes, ...]
    absent: tuple[str, ...]


class _Inline(msgspec.Struct, frozen=True, array_like=True):
    """A function of the common headers, None if they define none, and those it names.

    `damage` says what cost it, where an error did; `facts` are the function's.
    """

    function: ir.Function | None
    named: tuple[str, ...]
    damage: ir.Damage | None = None
    facts: ir.Facts | None = None


class Reader:
    """Units of one tree under one configuration; remembers what was asked for.

    `unread` is what could not be read so far, `accidents` how many of these files crashed their
    worker or took too long.
    """

    def __init__(
        self, prepared: frontend.Prepared, survey: Survey, store: Store | None, mapper: Mapper
    ) -> None:
        """Read with what `frontend.prepare` made."""
        self.unread: list[Unread] = []
        self.accidents = 0
        self._prepared = prepared
        self._survey = survey
        self._store = store
        self._mapper = mapper
        self._common = self._common_digest()
        self._inlines: dict[str, _Inline] = {}
        self._common_steady: bool | None = None

    def units(self, files: Sequence[str], told: Told) -> list[ir.Unit]:
        """The units of the files that could be read, in the order of their names."""
        keys = {file: self._file_key(file) for file in sorted(files)}
        chosen = self._chosen(keys)
        found: dict[str, Outcome] = {}

        def recall() -> None:
            found.update(self._stored(chosen))
            told(len(found), len(keys))

        def read(some: Iterable[str], meanwhile: Callable[[], None]) -> None:
            # The largest first, so that no worker is left alone with one at the end.
            ordered = sorted(some, key=lambda f: (-self._survey.stamps.get(f, (0,))[0], f))
            for file, outcome in zip(ordered, self._read(ordered, keys, meanwhile), strict=True):
                found[file] = outcome
                told(len(found), len(keys))

        read(keys.keys() - chosen, recall)
        read(chosen.keys() - found, lambda: None)  # the store has forgotten them
        return [unit for file in keys if (unit := self._taken(file, found[file])) is not None]

    def _read(
        self, files: Sequence[str], keys: Mapping[str, bytes], meanwhile: Callable[[], None]
    ) -> Iterator[Outcome]:
        """Have each of the files read, and do something else while the first are."""
        if not files:
            meanwhile()
            return
        answers = self._mapper(Job(self._prepared, "file"), files, meanwhile)
        for file, answer in zip(files, answers, strict=True):
            if isinstance(answer, bytes):
                outcome = msgspec.msgpack.decode(answer, type=Outcome)
                self._keep(file, keys[file], outcome, answer)
            else:
                outcome = Outcome(None, answer.reason, None)
                self.accidents += 1
            yield outcome

    def headers(self, units: Iterable[ir.Unit]) -> ir.Unit:
        """The functions of the common headers that the units need, as one more unit.

        Those given by an earlier call are left out. Raises ReadingError.
        """
        given = set(self._inlines)
        wanted = {key for unit in units for key in unit.needs} - given
        while wanted:
            self._inlines |= self._stored_inlines(wanted)
            missing = sorted(wanted - self._inlines.keys())
            if missing:
                made = self._made(missing)
                self._inlines |= made
                self._keep_inlines(made)
            named = {name for key in wanted for name in self._inlines[key].named}
            wanted = named - self._inlines.keys()
        new = [inline for key, inline in sorted(self._inlines.items()) if key not in given]
        damaged = tuple(inline.damage for inline in new if inline.damage is not None)
        self.unread += map(_lost, damaged)
        functions = tuple(inline.function for inline in new if inline.function is not None)
        facts = tuple(inline.facts for inline in new if inline.facts is not None)
        return ir.Unit("", functions, (), damaged, facts=facts)

    def layout(self) -> tuple[int, int]:
        """sizeof(struct page) and the offset of its flags word, in bytes. Raises ReadingError."""
        key = digest("layout", self._common)
        stored = self._store.get("layout", key) if self._store is not None else None
        if stored is not None:
            return msgspec.msgpack.decode(stored, type=tuple[int, int])
        found = self._asked(()).layout
        assert found is not None
        if self._store is not None:
            self._store.put("layout", key, msgspec.msgpack.encode(found))
        return found

    def _taken(self, file: str, outcome: Outcome) -> ir.Unit | None:
        unit = outcome.unit
        if unit is None:
            self.unread.append(Unread(file, outcome.reason))
        else:
            self.unread += map(_lost, unit.damaged)
        return unit

    # Keys

    def _common_digest(self) -> bytes:
        """What all units of this configuration have in common."""
        prepared = self._prepared
        parts: list[bytes | str] = [identity(), str(prepared.tree.outside)]
        parts += map(self._neutral, prepared.args)
        for file in (*prepared.headers, *prepared.forced):
            parts += [self._neutral(file), self._survey.digest(file)]
        return digest(*parts)

    def _neutral(self, word: str) -> str:
        # The same tree elsewhere gives the same units.
        generated = self._prepared.generated or "\0"
        return word.replace(generated, "<generated>").replace(self._prepared.root, "<root>")

    def _file_key(self, file: str) -> bytes:
        parts: list[bytes | str] = [self._common, file, self._survey.digest(file)]
        parts += map(self._neutral, frontend.own_arguments(self._prepared, file))
        for folder in PurePosixPath(file).parents:
            for name in ("Kbuild", "Makefile"):
                build = f"{folder}/{name}".removeprefix("./")
                parts.append(self._survey.digest(build) if self._survey.exists(build) else b"")
        return digest(*parts)

    # The store

    def _chosen(self, keys: Mapping[str, bytes]) -> dict[str, bytes]:
        """By file, the key of the unit that what the file reads would give today."""
        if self._store is None:
            return {}
        manifests = self._store.get_many("reads", keys.values())
        chosen: dict[str, bytes] = {}
        for file, key in keys.items():
            for variant in _variants(manifests.get(key)):
                if self._fits(variant):
                    chosen[file] = digest(key, *variant.digests)
                    break
        return chosen

    def _stored(self, chosen: Mapping[str, bytes]) -> dict[str, Outcome]:
        if self._store is None:
            return {}
        bodies = self._store.get_many("unit", chosen.values())
        decoder = msgspec.msgpack.Decoder(Outcome)
        return {file: decoder.decode(bodies[key]) for file, key in chosen.items() if key in bodies}

    def _fits(self, variant: _Variant) -> bool:
        survey = self._survey
        return all(
            survey.digest(file) == known
            for file, known in zip(variant.files, variant.digests, strict=True)
        ) and not any(self._appeared(path) for path in variant.absent)

    def _appeared(self, path: str) -> bool:
        return Path(path).exists() if path.startswith("/") else self._survey.exists(path)

    def _keep(self, file: str, key: bytes, outcome: Outcome, encoded: bytes) -> None:
        reads = outcome.reads
        if self._store is None or reads is None or not self._steady(file, *reads.files):
            return
        digests = tuple(self._survey.digest(file) for file in reads.files)
        variant = _Variant(reads.files, digests, reads.absent)
        others = _variants(self._store.get("reads", key))
        kept = [variant, *(other for other in others if other != variant)][:_VARIANTS]
        self._store.put("reads", key, msgspec.msgpack.encode(kept))
        self._store.put("unit", digest(key, *digests), encoded)

    def _steady(self, *files: str) -> bool:
        # Clang read the files after their digests were taken; the key must not tell of others.
        if self._common_steady is None:
            self._common_steady = all(map(self._survey.steady, self._prepared.headers))
        return self._common_steady and all(map(self._survey.steady, files))

    def _stored_inlines(self, wanted: Iterable[str]) -> dict[str, _Inline]:
        if self._store is None:
            return {}
        keys = {name: digest("inline", self._common, name) for name in wanted}
        bodies = self._store.get_many("inline", keys.values())
        decoder = msgspec.msgpack.Decoder(_Inline)
        return {name: decoder.decode(bodies[key]) for name, key in keys.items() if key in bodies}

    def _keep_inlines(self, made: Mapping[str, _Inline]) -> None:
        if self._store is not None and self._steady():
            for name, inline in made.items():
                key = digest("inline", self._common, name)
                self._store.put("inline", key, msgspec.msgpack.encode(inline))

    def _made(self, names: Sequence[str]) -> dict[str, _Inline]:
        made = {name: _Inline(None, ()) for name in names}
        found = self._asked(names)
        for damage in found.damaged:
            for key in (damage.function, f"{damage.function}@{damage.file}"):
                if key in made:
                    made[key] = _Inline(None, (), damage)
        return made | {
            function.key: _Inline(function, named, facts=facts_of(function))
            for function, named in found.inlines
        }

    def _asked(self, names: Sequence[str]) -> Headers:
        (answer,) = self._mapper(Job(self._prepared, "headers"), [common_names(names)])
        if not isinstance(answer, bytes):
            raise ReadingError(
                f"the headers that every file includes: reading them {answer.reason}"
            )
        headers = msgspec.msgpack.decode(answer, type=Headers)
        if headers.layout is None:
            raise ReadingError(f"{headers.reason}{_first(self._prepared)}")
        return headers


def _lost(damage: ir.Damage) -> Unread:
    where = damage.where
    place = f"line {where.line}" if where.file == damage.file else f"{where.file}:{where.line}"
    return Unread(damage.file, f"{place}: {damage.message}", damage.function)


def _first(prepared: frontend.Prepared) -> str:
    """The first error of the common headers, to be put behind what came of it."""
    if not prepared.errors:
        return ""
    error = prepared.errors[0]
    return f"; the first error: {error.file}:{error.line}: {error.message}"


def _variants(manifest: bytes | None) -> list[_Variant]:
    if manifest is None:
        return []
    return msgspec.msgpack.decode(manifest, type=list[_Variant])
