"""What `rules/*.toml` says of the kernel's APIs, as tables the engine looks up by name.

    acquire: spin_lock(&x->lock)     -> the lock of argument 0 is held from here
    freeze:  if (folio_ref_freeze(f)) -> f is frozen where the branch is true

A rule states what an API means for every caller. None names a place to be judged; what a body
in the tree shows is inferred from it and not listed (DESIGN, "kernel facts").
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec


class Bitop(msgspec.Struct, frozen=True):
    """A bit operation: `bit`, `word` and `mask` are argument indices, -1 for none.

    `spelt` is its name for a reader of the source.
    """

    spelt: str
    operation: str
    atomicity: str
    bit: int
    word: int
    mask: int = -1


class LockRule(msgspec.Struct, frozen=True):
    """`mode` is acquire, try (true: held), try_zero (zero: held), release or claim."""

    mode: str
    lock: int
    named: str = ""


class Models(msgspec.Struct, frozen=True):
    """All tables, keyed by function name; values are argument indices or rows."""

    bitops: dict[str, Bitop]
    locks: dict[str, LockRule]
    allocate: frozenset[str]
    allocate_memory: frozenset[str]
    conditional: dict[str, tuple[str, int]]
    """name -> (what a true result means: zero, frozen or reference; argument)"""
    unfreeze: dict[str, int]
    first_reference: dict[str, int]
    set_count: dict[str, int]
    take_reference: dict[str, int]
    split: frozenset[str]
    split_tail: frozenset[str]
    split_flags: frozenset[str]
    drop: dict[str, int]
    drop_all: dict[str, int]
    fill_mapped: dict[str, int]
    free_owned: dict[str, int]
    called_at_zero: dict[str, int]
    called_unpublished: frozenset[str]
    kept_alone: frozenset[str]
    """records whose pages their user has alone, and lists' heads, which say nothing themselves"""
    publish: frozenset[str]
    publish_if_zero: frozenset[str]
    put_into: frozenset[str]
    """types of pointers to what a publication puts things into"""
    store_number: dict[str, tuple[int, int]]
    store_failed: frozenset[str]
    look_up: frozenset[str]
    find_mapped: frozenset[str]
    handed_over: frozenset[str]
    hand_over: dict[str, tuple[int, int]]
    gives_flags: dict[str, tuple[str, ...]]
    """look-ups whose pages certainly have flags set"""
    gives_mapped: dict[str, tuple[int, int]]
    """look-ups whose pages are locked and in a mapping, if an argument has the bits; -1: always"""
    carry: frozenset[str]
    carried_back: frozenset[str]
    entry_types: frozenset[str]
    free_lists: dict[str, str]
    inventories: frozenset[str]
    reachable_lists: frozenset[str]
    free_types: dict[str, str]
    published_arguments: dict[str, int]
    """member of an operation table -> which of its page arguments others can reach"""
    fresh_arguments: dict[str, int]
    """the same of pages that the caller has just allocated"""
    observe: frozenset[str]
    observe_prefixes: tuple[str, ...]
    no_pointer_if_true: frozenset[str]
    mapping_of: frozenset[str]
    mapping_members: frozenset[str]
    mapping_lock: str
    slab_members: frozenset[str]
    counts: frozenset[str]
    bulk: dict[str, tuple[int, int]]
    page_copies: frozenset[str]
    insert: dict[str, tuple[int, int]]
    splice: dict[str, tuple[int, int]]
    remove: dict[str, int]
    empty: dict[str, int]
    page_head: frozenset[str]
    tails: frozenset[str]

    def takes_page(self, name: str) -> bool:
        """Whether a row says what becomes of a page that a function is given."""
        rows = (
            self.conditional, self.unfreeze, self.first_reference, self.take_reference, self.drop,
            self.free_owned, self.page_head, self.counts,
        )  # fmt: skip
        return any(name in row for row in rows)

    def settles(self, name: str) -> bool:
        """Whether a row says all of what a call comes to; of a body only the writes count."""
        rows = (
            self.locks, self.allocate, self.allocate_memory, self.drop, self.drop_all,
            self.free_owned, self.fill_mapped, self.publish, self.look_up, self.find_mapped,
        )  # fmt: skip
        # A first reference is one where the page has none yet, and a call like others elsewhere.
        return name not in self.first_reference and any(name in row for row in rows)

    def observes(self, name: str) -> bool:
        """Whether a function only looks at what it is given."""
        return name in self.observe or name.startswith(self.observe_prefixes)


def load_models(directory: Path) -> Models:
    """The tables in `directory`.

    Raises OSError or tomllib.TOMLDecodeError when they are unreadable, ValueError when one lacks
    what it should have.
    """
    try:
        return _models(directory)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{directory}: a table is not as it should be: {error!r}") from error


def _models(directory: Path) -> Models:
    bits = _read(directory / "bitops.toml")
    locks = _read(directory / "locks.toml")
    memory = _read(directory / "memory.toml")
    lists = _read(directory / "containers.toml")
    pages = _read(directory / "page-api.toml")
    callbacks = _read(directory / "callbacks.toml")
    conditional = {}
    for table, meaning in (
        ("last_reference_if_true", "zero"),
        ("freeze_if_true", "frozen"),
        ("reference_if_true", "reference"),
    ):
        for name, argument in _named(memory[table], "arg"):
            conditional[name] = (meaning, argument)
    return Models(
        bitops={
            row["name"]: Bitop(
                row.get("spelt", row["name"]),
                row["operation"],
                row["atomicity"],
                row["bit"],
                row["word"],
                row.get("mask", -1),
            )
            for row in bits["bitop"]
        },
        locks={
            name: LockRule(mode, row["lock"], row.get("named", ""))
            for mode in ("acquire", "try", "try_zero", "release", "claim")
            for row in locks[mode]
            for name in row["names"]
        },
        allocate=frozenset(memory["allocate"]),
        allocate_memory=frozenset(memory["allocate_memory"]),
        conditional=conditional,
        first_reference=dict(_named(memory["first_reference"], "arg")),
        set_count=dict(_named(memory["set_count"], "arg")),
        take_reference=dict(_named(memory["take_reference"], "arg")),
        unfreeze=dict(_named(memory["unfreeze"], "arg")),
        split=frozenset(memory["split"]),
        split_flags=frozenset(memory["split_flags"]),
        split_tail=frozenset(memory["split_tail"]),
        drop=dict(_named(memory["drop"], "arg")),
        drop_all=dict(_named(memory["drop_all"], "arg")),
        fill_mapped=dict(_named(memory["fill_mapped"], "arg")),
        free_owned=dict(_named(memory["free_owned"], "arg")),
        called_at_zero=dict(_named(memory["called_at_zero"], "arg")),
        called_unpublished=frozenset(
            name for row in memory["called_unpublished"] for name in row["names"]
        ),
        kept_alone=frozenset(("list_head", *memory["kept_alone"])),
        publish=frozenset(name for row in memory["publish"] for name in row["names"]),
        publish_if_zero=frozenset(memory["publish_if_zero"]),
        put_into=frozenset(memory["put_into"]),
        store_number=_pairs(memory["store_number"], "to", "value"),
        store_failed=frozenset(memory["store_failed"]),
        hand_over=_pairs(memory["hand_over"], "entry", "head"),
        find_mapped=frozenset(memory["find_mapped"]),
        handed_over=frozenset(memory["handed_over"]),
        look_up=frozenset(memory["look_up"])
        | {name for row in memory["gives_flags"] for name in row["names"]},
        gives_flags={
            name: tuple(row["flags"]) for row in memory["gives_flags"] for name in row["names"]
        },
        gives_mapped={
            name: (row["arg"], row["bits"])
            for row in memory["gives_mapped"]
            for name in row["names"]
        },
        carry=frozenset(memory["carry"]),
        carried_back=frozenset(memory["carried_back"]),
        entry_types=frozenset(memory["entry_types"]),
        free_lists={row["field"]: row["lock"] for row in memory["free_lists"]},
        reachable_lists=frozenset(memory["reachable_lists"]),
        inventories=frozenset(memory["inventories"]),
        free_types={row["name"]: row["lock"] for row in memory["free_types"]},
        published_arguments=_members(callbacks["published"]),
        fresh_arguments=_members(callbacks["fresh"]),
        observe=frozenset(name for name in memory["observe"] if not name.endswith("*")),
        observe_prefixes=tuple(
            name.removesuffix("*") for name in memory["observe"] if name.endswith("*")
        ),
        no_pointer_if_true=frozenset(memory["no_pointer_if_true"]),
        mapping_of=frozenset(memory["mapping_of"]),
        mapping_members=frozenset(memory["mapping_members"]),
        mapping_lock=memory["mapping_lock"],
        slab_members=frozenset(memory["slab_members"]),
        counts=frozenset(memory["counts"]),
        bulk=_pairs(memory["bulk"], "to", "from"),
        page_copies=frozenset(memory["page_copies"]),
        insert=_pairs(lists["insert"], "entry", "head"),
        splice=_pairs(lists["splice"], "source", "head"),
        remove=dict(_named(lists["remove"], "entry")),
        empty=dict(_named(lists["empty"], "head")),
        page_head=frozenset(pages["head_of"]),
        tails=frozenset(pages["tail_predicates"]),
    )


def _read(path: Path) -> dict[str, Any]:
    with path.open("rb") as stream:
        return tomllib.load(stream)


def _named(rows: list[dict[str, Any]], key: str) -> list[tuple[str, int]]:
    return [(name, row[key]) for row in rows for name in row["names"]]


def _members(rows: list[dict[str, Any]]) -> dict[str, int]:
    return {f"{row['record']}.{member}": row["page"] for row in rows for member in row["members"]}


def _pairs(rows: list[dict[str, Any]], first: str, second: str) -> dict[str, tuple[int, int]]:
    return {name: (row[first], row[second]) for row in rows for name in row["names"]}
