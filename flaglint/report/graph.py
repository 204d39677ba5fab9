"""The call chains of a site as a graph, in DOT or Mermaid: how each writer gets to the word.

    deferred_split_folio() -> __folio_set_partially_mapped() -> the second page's word
    memory_failure()       -> folio_set_has_hwpoisoned()     -> the second page's word

All contexts that the site was decided in are drawn, by what is known of the page there, and the
chains of the writers that can race with it. The context that decided is bold.

Limits: of several contexts with one chain the most suspicious is drawn, and of many chains the
most suspicious; the rest is counted in a note. A chain from an entry point down to a context is
the shortest one, not the only one.

The interface is `at`, `draw`, then `dot` or `mermaid`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from flaglint.finding import RacingAccess, Step
from flaglint.ownership import EXCLUSIVE, OPEN
from flaglint.race import Context, Judgement
from flaglint.report.layout import plural, printable

_CONTEXTS = 24


class Shade(StrEnum):
    """What is known of the page on this way, and whose way it is."""

    SHARED = "shared"
    DOUBT = "doubt"
    EXCLUSIVE = "exclusive"
    OTHER = "other"
    REST = "rest"


_COLOUR = {
    Shade.SHARED: "#b02020",
    Shade.DOUBT: "#9a6700",
    Shade.EXCLUSIVE: "#1a7f37",
    Shade.OTHER: "#0b57b0",
    Shade.REST: "#808080",
}
_RANK = list(Shade)
_WORDS = {
    "head": "the head page's word",
    "second": "the second page's word",
    "any": "any page's word",
}


class Node(msgspec.Struct, frozen=True, order=True):
    """`kind` is function, access, word or note; `lines` is its text."""

    key: str
    kind: str
    lines: tuple[str, ...]


class Edge(msgspec.Struct, frozen=True, order=True):
    """From the node `source` to the node `target`; `main` for the context that decided."""

    source: str
    target: str
    label: str
    shade: Shade
    main: bool


class Graph(msgspec.Struct, frozen=True):
    """Nodes and edges in the order in which they are written."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


class _Drawing:
    """Nodes and edges by key; of two equal edges the worse shade is kept."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.edges: dict[tuple[str, str, str, bool], Edge] = {}

    def node(self, kind: str, *lines: str) -> str:
        key = "\n".join((kind, *lines))
        self.nodes.setdefault(key, Node(key, kind, tuple(line for line in lines if line)))
        return key

    def edge(self, source: str, target: str, label: str, shade: Shade, main: bool) -> None:
        own = shade is Shade.OTHER
        key = (source, target, label, own)
        known = self.edges.get(key)
        if known is not None:
            shade = min(shade, known.shade, key=_RANK.index)
            main = main or known.main
        self.edges[key] = Edge(source, target, label, shade, main)

    def chain(self, steps: Sequence[Step], access: str, shade: Shade, main: bool) -> None:
        """The steps' functions one under the other, then the access."""
        keys = [self.node("function", f"{step.function}()", step.file) for step in steps]
        for number, step in enumerate(steps):
            target = keys[number + 1] if number + 1 < len(keys) else access
            self.edge(keys[number], target, f"line {step.line}", shade, main)


def at(judgements: Iterable[Judgement], site: str) -> tuple[Judgement, ...]:
    """Those at a site: FILE:LINE (the file also with folders before it), or in a function."""
    return tuple(
        judgement
        for judgement in judgements
        if site == _function(judgement) or f"/{site}".endswith(f"/{_where(judgement)}")
    )


def names(judgements: Iterable[Judgement], like: str) -> list[str]:
    """All sites, in the words in which `like` was asked for: places, or functions."""
    name = _where if ":" in like else _function
    return sorted({name(judgement) for judgement in judgements})


def _where(judgement: Judgement) -> str:
    where = judgement.place.where
    return f"{where.file}:{where.line}"


def _function(judgement: Judgement) -> str:
    return judgement.place.function.partition("@")[0]


def draw(judgements: Iterable[Judgement]) -> Graph:
    """The graph of some sites."""
    drawing = _Drawing()
    places = []
    for judgement in judgements:
        places.append(_where(judgement))
        _site(judgement, drawing)
    return Graph(
        f"{', '.join(places)}: who reaches the word",
        tuple(drawing.nodes.values()),
        tuple(drawing.edges.values()),
    )


def _site(judgement: Judgement, drawing: _Drawing) -> None:
    place = judgement.place
    verdict = f"{judgement.verdict}: {judgement.reason}"
    access = drawing.node(
        "access",
        place.helper,
        f"plain, writes {'|'.join(place.flags) or 'the word'}",
        f"{place.where.file}:{place.where.line}",
        verdict,
    )
    word = drawing.node("word", _WORDS[place.word])
    drawn = _drawn(judgement)
    for context in drawn:
        main = context is judgement.worst
        drawing.chain(context.chain, access, _shade(context), main)
    worst = judgement.worst
    held = locks(sorted(worst.access.locks)) if worst else ""
    drawing.edge(access, word, held, _shade(worst) if worst else Shade.DOUBT, True)
    left = len(judgement.contexts) - len(drawn)
    if left > 0:
        note = drawing.node("note", f"and {plural(left, 'context')} more")
        drawing.edge(note, access, "", Shade.REST, False)
    for other in judgement.racing:
        _other(other, place.word, word, drawing)


def _drawn(judgement: Judgement) -> list[Context]:
    """The deciding context, then the most suspicious of the others, each chain once."""
    ordered = [judgement.worst] if judgement.worst else []
    ordered += sorted(
        (context for context in judgement.contexts if context is not judgement.worst),
        key=lambda context: (
            -int(context.access.kind), len(_doubts(context)), len(context.chain), context.chain
        ),
    )  # fmt: skip
    by_chain: dict[tuple[Step, ...], Context] = {}
    for context in ordered:
        by_chain.setdefault(context.chain, context)
    return list(by_chain.values())[:_CONTEXTS]


def _doubts(context: Context) -> tuple[str, ...]:
    return (*context.doubts, *context.access.owner.doubts)


def _shade(context: Context) -> Shade:
    kind = context.access.kind
    if _doubts(context):
        return Shade.DOUBT
    if kind in OPEN:
        return Shade.SHARED
    return Shade.EXCLUSIVE if kind in EXCLUSIVE else Shade.DOUBT


def _other(other: RacingAccess, name: str, word: str, drawing: _Drawing) -> None:
    access = drawing.node(
        "access",
        other.helper,
        f"{other.atomicity}, writes {other.flag or 'the word'}",
        f"{other.file}:{other.line}",
    )
    drawing.chain(other.chain, access, Shade.OTHER, False)
    drawing.edge(access, word, locks(other.locks), Shade.OTHER, False)


def locks(names: Sequence[str]) -> str:
    """`locks {a, b}`, or `no locks`."""
    return f"locks {{{', '.join(names)}}}" if names else "no locks"


# DOT, as Graphviz reads it

_SHAPES = {
    "function": "shape=box, style=rounded",
    "access": "shape=box",
    "word": "shape=box3d",
    "note": "shape=plaintext",
}


def dot(graph: Graph) -> str:
    """The graph in Graphviz's language; ends with a newline."""
    names = {node.key: f"n{number}" for number, node in enumerate(graph.nodes)}
    lines = [
        "digraph flaglint {",
        f"  label={_quoted(graph.title, _LEGEND)};",
        '  node [fontname="monospace", fontsize=11]; edge [fontname="monospace", fontsize=9];',
    ]
    lines += [
        f"  {names[node.key]} [{_SHAPES[node.kind]}, label={_quoted(*node.lines)}];"
        for node in graph.nodes
    ]
    for edge in graph.edges:
        width = ", penwidth=2.5" if edge.main else ""
        label = f"label={_quoted(edge.label)}, " if edge.label else ""
        lines.append(
            f"  {names[edge.source]} -> {names[edge.target]} "
            f'[{label}color="{_COLOUR[edge.shade]}"{width}];'
        )
    return "\n".join([*lines, "}"]) + "\n"


_LEGEND = (
    "red: the page is shared; green: exclusive; amber: in doubt; blue: another writer; "
    "bold: the context that decided"
)


def _quoted(*lines: str) -> str:
    escaped = (printable(line).replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\n".join(escaped) + '"'


# Mermaid, as code hosts render it

_BRACKETS = {
    "function": ("(", ")"),
    "access": ("[", "]"),
    "word": ("[[", "]]"),
    "note": (">", "]"),
}


def mermaid(graph: Graph) -> str:
    """The graph as a Mermaid flowchart; ends with a newline."""
    names = {node.key: f"n{number}" for number, node in enumerate(graph.nodes)}
    lines = [f"%% {printable(graph.title)}", f"%% {_LEGEND}", "flowchart TD"]
    for node in graph.nodes:
        opened, closed = _BRACKETS[node.kind]
        lines.append(f'  {names[node.key]}{opened}"{_entities(node.lines)}"{closed}')
    for number, edge in enumerate(graph.edges):
        label = f'|"{_entities((edge.label,))}"|' if edge.label else ""
        lines.append(f"  {names[edge.source]} -->{label} {names[edge.target]}")
        width = ",stroke-width:3px" if edge.main else ""
        lines.append(f"  linkStyle {number} stroke:{_COLOUR[edge.shade]}{width}")
    return "\n".join(lines) + "\n"


def _entities(lines: Sequence[str]) -> str:
    # Every character that Mermaid or HTML gives a meaning is written by its number.
    return "<br>".join(
        "".join(char if _harmless(char) else f"#{ord(char)};" for char in printable(line))
        for line in lines
    )


def _harmless(char: str) -> bool:
    return char.isalnum() or char in " _.,:/-"
