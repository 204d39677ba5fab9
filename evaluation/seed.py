"""What a seed says: a small edit of a kernel that makes a bug, or that only looks like one.

A seed names where it goes (a file, a function, the nth call of a name) and brings statements of
our own; no line of the kernel stands in it. seeds/*.toml hold them:

    [[seed]]
    id = "filemap-uptodate-swapped"
    kernel = ["6.12"]
    kind = "swapped"
    is = "bug"
    why = "who else can write the word then"
    [[seed.edit]]
    file = "mm/filemap.c"
    function = "some_function"
    call = "folio_mark_uptodate"
    rename = "__folio_mark_uptodate"

The interface is `read_seeds`, which raises SeedError with one line.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

import msgspec

SEEDS = Path(__file__).parent / "seeds"

BUG_KINDS = (
    "swapped",
    "published/page-cache",
    "published/page-table",
    "published/lru",
    "published/swap-cache",
    "published/xarray",
    "published/list",
    "published/rcu",
    "hidden/new-helper",
    "hidden/two-deep",
    "hidden/other-file",
    "hidden/header-inline",
    "through/alias",
    "through/second-page",
    "through/word-pointer",
    "written/or-assign",
    "written/and-assign",
    "written/write-once",
    "written/memset",
    "written/clear-bit",
    "written/clear-bit-unlock",
    "lock/lru",
    "lock/page-table",
    "lock/folio",
    "lock/i-pages",
    "lock/split-queue",
    "lock/other",
    "callback/rmap-walk",
    "callback/mm-walk",
    "callback/shrinker",
    "callback/get-new-folio",
    "callback/work",
    "callback/timer",
    "callback/rcu",
    "callback/end-io",
    "callback/writepage",
    "callback/notifier",
    "count/freeze-failed",
    "count/unfrozen",
    "count/after-put",
    "count/one",
    "branch/fresh-or-found",
    "header/folio-flag",
    "header/page-flag",
    "header/by-hand",
)
"""How a seed goes wrong. A twin may be of any of these too: the same shape, but harmless."""

TWIN_KINDS = (
    "harmless/unpublished",
    "harmless/frozen",
    "harmless/testzero",
    "harmless/removed",
    "harmless/error-path",
    "harmless/stack-copy",
    "harmless/page-type",
    "harmless/other-flags",
    "harmless/if-0",
    "harmless/comment",
    "harmless/string",
    "harmless/cmpxchg",
    "harmless/init",
    "harmless/lookalike",
)
"""Ways of looking like a bug that only a twin has."""


class SeedError(Exception):
    """A seed that is wrong in itself, or does not fit its kernel; the message is one line."""


class Is(StrEnum):
    """Whether the edited kernel has one more race than before."""

    BUG = "bug"
    TWIN = "twin"


class Edit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One change of one file: an anchor, and exactly one thing done there.

    The anchor is the `nth` `call` of a name inside `function`, or its nth use as a `word`
    (`return`, a variable), or for headers the nth use of `macro` with `argument` in it. Done is
    one of: `rename` the word; `before`, `after`: our statements in front of and behind the
    anchor's statement; `then`, `otherwise`: first in the branch taken when the condition that
    holds the anchor is true, false; `instead`: for the statement; `with_`: for the macro's use;
    `define`: our code in front of the function; `entry`: first in the function.
    """

    file: str
    function: str = ""
    call: str = ""
    word: str = ""
    macro: str = ""
    argument: str = ""
    nth: int = 1
    rename: str | None = None
    before: str | None = None
    after: str | None = None
    then: str | None = None
    otherwise: str | None = None
    instead: str | None = None
    with_: str | None = msgspec.field(default=None, name="with")
    define: str | None = None
    entry: str | None = None

    @property
    def action(self) -> str:
        """The one thing done; SeedError where the edit says none or several."""
        given = [name for name in _ACTIONS if getattr(self, name) is not None]
        if len(given) != 1:
            raise SeedError(f"{self.file}: an edit does exactly one thing, not {given or 'none'}")
        return given[0]


_ACTIONS = (
    "rename",
    "before",
    "after",
    "then",
    "otherwise",
    "instead",
    "with_",
    "define",
    "entry",
)


class Seed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bug or a twin. `sites` are functions in which it is found too, beside the edited lines.

    `why` is the sentence that makes it a bug (who else writes the word at that moment) or
    harmless. `kernel` are the versions it fits.
    """

    id: str
    kernel: tuple[str, ...]
    kind: str
    is_: Is = msgspec.field(name="is")
    why: str
    edit: tuple[Edit, ...]
    sites: tuple[str, ...] = ()
    known: str = ""
    """Why flaglint gets it wrong, where that is known and accepted; "" for most."""

    @property
    def files(self) -> tuple[str, ...]:
        """The edited files, in order, each once."""
        return tuple(dict.fromkeys(edit.file for edit in self.edit))


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    seed: tuple[Seed, ...] = ()


def read_seeds(directory: Path = SEEDS) -> tuple[Seed, ...]:
    """All seeds of a directory, in the order of its files."""
    seeds: list[Seed] = []
    for path in sorted(directory.glob("*.toml")):
        try:
            document = msgspec.convert(tomllib.loads(path.read_text("utf-8")), _Document)
        except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise SeedError(f"{path.name}: {error}") from error
        seeds += document.seed
    _check(seeds)
    return tuple(seeds)


def _check(seeds: Iterable[Seed]) -> None:
    known: set[str] = set()
    for seed in seeds:
        if seed.id in known:
            raise SeedError(f"{seed.id}: there are two of that name")
        known.add(seed.id)
        kinds = BUG_KINDS if seed.is_ is Is.BUG else BUG_KINDS + TWIN_KINDS
        if seed.kind not in kinds:
            raise SeedError(f"{seed.id}: no kind {seed.kind}")
        if not seed.edit or not seed.kernel or not seed.why.strip():
            raise SeedError(f"{seed.id}: edits, kernels and a reason are what a seed is made of")
        for edit in seed.edit:
            try:
                edit.action  # noqa: B018 - raises for an edit that does nothing
            except SeedError as error:
                raise SeedError(f"{seed.id}: {error}") from error
