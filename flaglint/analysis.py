"""The whole job: a request to a report, stage by stage.

    tree -> flags -> scope -> parse and lower (in processes) -> engine -> race -> checks

This is the one place that knows the order of the stages. It prints nothing: `progress` is
told what is going on.
"""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from flaglint import checks, ir, scope
from flaglint.cards import load_cards
from flaglint.contexts import Contexts, seen
from flaglint.data import rules_dir
from flaglint.engine import Engine
from flaglint.executors import executor_at
from flaglint.finding import Finding, Report, Site, Unread, doubts_of
from flaglint.flagtable import HEADER, FlagTable
from flaglint.frontend import Prepared
from flaglint.gaps import doubted
from flaglint.gathering import Reader
from flaglint.identity import identity
from flaglint.kbuild import part_of, unbuilt_reason
from flaglint.layout import Layout
from flaglint.ledger import ledger
from flaglint.lexicon import Lexicon, make_lexicon
from flaglint.linking import Linking
from flaglint.losses import load_losses
from flaglint.models import load_models
from flaglint.pool import Limits
from flaglint.race import Judgement, judge
from flaglint.reading import Mapper, ReadingError, local, on_executor, prepare
from flaglint.request import Request, cache_directory
from flaglint.store import Store, digest
from flaglint.survey import Survey
from flaglint.textual import Written, written
from flaglint.tree import KernelTree, TreeError, open_tree
from flaglint.writers import writers

Progress = Callable[[str, int, int], None]
_ROUNDS = 3
"""How often callers of callers, and callees of callees, are looked for."""


class Program(msgspec.Struct, frozen=True):
    """The analysed program: what every report is made from.

    `headers` name a plain writer; their functions are in the engine as far as files call them.
    """

    tree: KernelTree
    table: FlagTable
    engine: Engine
    contexts: Contexts
    judgements: tuple[Judgement, ...]
    texts: dict[str, Written]
    files: tuple[str, ...]
    unread: tuple[Unread, ...]
    accidents: int


def analyse(
    request: Request,
    progress: Progress,
    store: Store | None = None,
    survey: Survey | None = None,
) -> Report:
    """The report. Raises TreeError, HeaderError, StoreError or ReadingError, in one line."""
    with uncollected():  # the program is gone before there is collecting again
        return _report(request, load(request, progress, store, survey))


def _report(request: Request, program: Program) -> Report:
    root = program.tree.root
    left_out = {entry.file for entry in program.unread if not entry.function}
    sites, coverage = ledger(
        root,
        program.texts,
        frozenset(scope.plain_names(program.table)),
        program.judgements,
        program.engine.functions,
        program.unread,
        frozenset(file for file in left_out if unbuilt_reason(program.tree, file)),
    )
    levels = {card.id: card.level for card in load_cards()}
    findings = checks.run(checks.Evidence(program.table, program.judgements, levels, load_losses()))
    wanted = _wanted(request, root)
    return Report(
        root=root,
        kernel=program.tree.version,
        coverage=coverage,
        findings=tuple(f for f in findings if _touches(f, wanted)),
        sites=tuple(s for s in sites if not wanted or s.file in wanted),
        files=tuple(file for file in program.files if file not in left_out),
        unread=program.unread,
        doubts=doubts_of(sites),
        writers=writers(program.contexts, program.engine.functions, program.table),
        table=program.table,
        accidents=program.accidents,
    )


def load(
    request: Request,
    progress: Progress,
    store: Store | None = None,
    survey: Survey | None = None,
) -> Program:
    """Everything up to the judgements.

    `store` and `survey` are the cache's and the tree's where the caller has them open already.
    """
    trees = [
        open_tree(
            Path(path),
            arch=request.arch,
            config=Path(request.config) if request.config else None,
            objtree=Path(request.objtree) if request.objtree else None,
            compile_commands=Path(request.commands) if request.commands else None,
            outside=request.outside,
        )
        for path in request.paths
    ]
    tree = trees[0]
    for other in trees:
        if other.root != tree.root:
            raise TreeError(f"{tree.root} and {other.root}: two trees; name files of one")
    with uncollected(), contextlib.ExitStack() as stack:
        if store is None:
            store = stack.enter_context(Store(cache_directory(request)))
        if survey is None:
            survey = Survey(tree.root, tree.srcarch, store)
        if request.executor:
            mapper = on_executor(stack.enter_context(executor_at(request.executor)))
        else:
            limits = Limits(request.seconds, request.megabytes << 20)
            mapper = local(_jobs(request), limits)
        return _program(request, trees, store, survey, mapper, progress)


def _program(
    request: Request,
    trees: Sequence[KernelTree],
    store: Store,
    survey: Survey,
    mapper: Mapper,
    progress: Progress,
) -> Program:
    tree = trees[0]
    progress("reading page-flags.h", 0, 1)
    table = _table(tree, store, survey)
    records = scope.overlays(survey, store)
    progress("looking for writers", 0, 1)
    prepared, lexicon = _begun(tree, request, survey, store)
    models = load_models(rules_dir())
    bitops = frozenset(name for name, op in models.bitops.items() if op.atomicity == "plain")
    names = (scope.changing_names if request.scope == "all" else scope.plain_names)(table)
    writing = scope.writing_files(survey, lexicon, names, records, bitops)
    named = (t.path for t in trees if t.path.endswith(".c"))
    files = sorted({*scope.mm_files(survey), *writing, *named})
    reader = Reader(prepared, survey, store, mapper)
    units = reader.units(files, lambda done, total: progress("reading files", done, total))
    if files and not units:
        first = reader.unread[0]
        told = f"none of the {len(files)} files could be read; {first.file}: {first.reason}"
        if not prepared.pch:
            told += "; nor could clang read the headers that most of them include"
        raise ReadingError(told)
    size, flags = reader.layout()
    units.append(reader.headers(units))
    confined = _locals(units) | models.kept_alone
    layout = Layout(records, size, flags, confined, models.kept_alone)
    salt = digest(identity(), msgspec.msgpack.encode(table, order="deterministic"))
    engine = Engine(table, models, layout, _jobs(request), store, salt)
    linking = Linking(tree)
    engine.add(linking.fitting(units))
    for _ in range(_ROUNDS):
        more = _missed(engine, lexicon, survey, files, progress)
        if not more:
            break
        files += more
        units = reader.units(more, lambda done, total: progress("reading files", done, total))
        units.append(reader.headers(units))
        engine.add(linking.fitting(units))
    engine.follow(lambda done, total: progress("following calls", done, total))
    engine.finish()
    survey.save()
    unread = [Unread(file, reason) for file, reason in survey.odd]
    unread += [Unread(file, "cannot be read") for file in lexicon.unreadable]
    unread += reader.unread + linking.left_out
    contexts = seen(
        engine.decided(),
        engine.pending(),
        engine.graph,
        engine.functions,
        engine.entry_locks(),
        engine.know.models,
        engine.know.layout.private,
    )
    lost = [
        *(
            entry
            for entry in unread
            if not unbuilt_reason(tree, entry.file)
            and (entry.function or not part_of(tree, entry.file))
        ),
        *(
            Unread(engine.functions[key].where.file, why, engine.functions[key].name)
            for key, why in engine.failed.items()
        ),
    ]
    judgements = doubted(
        judge(contexts, engine.graph, engine.functions),
        contexts,
        engine.functions,
        table,
        tree.root,
        lost,
    )
    gaps = dict.fromkeys(engine.incomplete, "too many paths to follow") | engine.failed
    unread += [
        Unread(engine.functions[key].where.file, reason, name)
        for key, reason in sorted(gaps.items())
        if (name := engine.functions[key].name)
    ]
    plain = frozenset(scope.plain_names(table))
    judged_in = (judgement.place.where.file for judgement in judgements)
    return Program(
        tree,
        table,
        engine,
        contexts,
        judgements,
        written(survey, store, plain, (*files, *scope.naming_headers(lexicon, plain), *judged_in)),
        tuple(sorted(files)),
        tuple(sorted(unread)),
        reader.accidents + len(engine.failed),
    )


def _begun(
    tree: KernelTree, request: Request, survey: Survey, store: Store
) -> tuple[Prepared, Lexicon]:
    """What files are read with, and who calls what: the first is two seconds for one process."""
    made: list[Lexicon] = []

    def index() -> None:
        made.append(make_lexicon(survey, store, _jobs(request)))

    return prepare(tree, cache_directory(request), index), made[0]


def _missed(
    engine: Engine, lexicon: Lexicon, survey: Survey, files: Sequence[str], progress: Progress
) -> list[str]:
    """The files that a plain write hangs on and that are not among `files`; sorted.

    Nothing else is followed until there are none: it would be followed again with them.
    """

    def told(done: int, total: int) -> None:
        progress("following plain writes", done, total)

    engine.search(told)
    more = _deciding(engine, lexicon, survey) - set(files)
    if not more:
        engine.follow(lambda done, total: progress("following calls", done, total))
        more = _deciding(engine, lexicon, survey) - set(files)
    return sorted(more)


def _deciding(engine: Engine, lexicon: Lexicon, survey: Survey) -> set[str]:
    """The files that have the callers, and the callees, on which a plain write hangs.

    Of the tables that a function is kept in, one is enough: it tells the member of which record,
    and so the calls through that.
    """
    hanging = engine.hanging()
    calling = lexicon.calling(hanging.values()).values()
    kept = engine.graph.taken | engine.graph.callers.keys()
    storing = lexicon.storing(name for key, name in hanging.items() if key not in kept).values()
    return {
        *(file for files in calling for file in files),
        *(files[0] for files in storing),
        *scope.defining_files(survey, lexicon, engine.opaque()),
    }


def _table(tree: KernelTree, store: Store, survey: Survey) -> FlagTable:
    """What the header says; raises HeaderError."""
    config = msgspec.msgpack.encode(tree.config)
    key = digest(identity(), survey.digest(HEADER), tree.arch, config)
    if (found := store.get("flags", key)) is not None:
        return msgspec.msgpack.decode(found, type=FlagTable)
    from flaglint.pageflags import read_flags  # noqa: PLC0415 (a parser of C; once in a while)

    table = read_flags(tree.root, arch=tree.arch, config=tree.symbols)
    if survey.steady(HEADER):
        store.put("flags", key, msgspec.msgpack.encode(table, order="deterministic"))
    return table


def _jobs(request: Request) -> int:
    return request.jobs or os.cpu_count() or 1


def judged(request: Request, progress: Progress) -> tuple[Judgement, ...]:
    """What was decided of each plain write, in the tree's order."""
    return load(request, progress).judgements


def dump(request: Request, stage: str, names: tuple[str, ...]) -> str:
    """A stage's values as text, for debugging; `names` choose functions."""
    program = load(request, lambda what, done, total: None)
    engine = program.engine
    keys = [
        key
        for key, function in sorted(engine.functions.items())
        if not names or function.name in names
    ]
    match stage:
        case "ir":
            return "\n".join(ir.dump(engine.functions[key]) for key in keys)
        case "callgraph":
            return "".join(
                f"{key} <- {edge.caller} at {edge.where}"
                f"{' via ' + edge.slot if edge.slot else ''}\n"
                for key in keys
                for edge in engine.graph.into(key)
            )
        case _:
            return "\n".join(_summary(engine, key) for key in keys)


def _summary(engine: Engine, key: str) -> str:
    summary = engine.summary(key)
    if summary is None:
        return f"{key}: no page passes through it\n"
    lines = [f"{key}({', '.join(summary.params)})"]
    for outcome in summary.outcomes:
        lines.append(f"  returns {outcome.value}")
        lines += [f"    {root}: {owner.kind.name} {owner.why}" for root, owner in outcome.changed]
        lines += [f"    new {name}: {owner.kind.name}" for name, owner in outcome.new]
        lines += [f"    stores {cell} = {value}" for cell, value in outcome.stores]
        lines += [f"    guard {guard}" for guard in sorted(outcome.guards, key=str)]
        if outcome.taken or outcome.dropped:
            lines.append(f"    locks +{sorted(outcome.taken)} -{sorted(outcome.dropped)}")
    for label, accesses in (("pending", summary.pending), ("decided", engine.accesses(key))):
        for access in accesses:
            place = access.place
            owner = access.owner
            lines.append(
                f"  {label} {place.helper} {place.where} {place.word} {owner.kind.name}"
                f" root={owner.root} locks={sorted(access.locks)} doubts={sorted(owner.doubts)}"
                f" why={owner.why!r} guards={sorted(map(str, access.guards))}"
            )
    return "\n".join(lines) + "\n"


def _wanted(request: Request, root: str) -> frozenset[str]:
    files = set()
    for path in request.paths:
        full = Path(path).resolve()
        if full.is_file():
            files.add(os.path.relpath(full, root))
    return frozenset(files)


def _touches(finding: Finding, wanted: frozenset[str]) -> bool:
    if not wanted:
        return True
    places = {finding.file, *(step.file for step in finding.chain)}
    places |= {other.file for other in finding.racing}
    return bool(places & wanted)


def _locals(units: Sequence[ir.Unit]) -> frozenset[str]:
    """The records that functions have as local variables."""
    found = set()
    for unit in units:
        for function in unit.functions:
            for name, kind in function.types.items():
                record = kind.removeprefix("struct ")
                if name not in function.params and record != kind and " " not in record:
                    found.add(record)
    return frozenset(found)


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Run without the garbage collector."""
    # Millions of frozen values without a cycle among them: the collector would go through them
    # again and again, for seven eighths of the time that reading a unit takes, and find nothing.
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


__all__ = ["Finding", "Program", "Request", "Site", "analyse", "dump", "judged", "load"]
