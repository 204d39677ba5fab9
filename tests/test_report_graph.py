"""The graph of a site's call chains: who is drawn, in what shade, and what cannot break out."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flaglint.access import Access, Place
from flaglint.analysis import Request, judged
from flaglint.cli import CLEAN, FAILED, main
from flaglint.finding import Step, Verdict
from flaglint.location import Location
from flaglint.ownership import Kind, Owner
from flaglint.race import Context, Judgement
from flaglint.report import graph
from flaglint.report.graph import Shade
from tests.expectations import MINI_KERNEL
from tests.reports import RACING

PLACE = Place(Location("mm/a.c", 9, 2), "leaf", "__set_x", ("PG_x",), "second", "plain")


def context(kind: Kind, *names: str, locks: tuple[str, ...] = (), doubt: str = "") -> Context:
    steps = tuple(Step(name, "mm/a.c", len(name)) for name in names)
    doubts = (doubt,) if doubt else ()
    return Context(Access(PLACE, Owner(kind), frozenset(locks)), steps, doubts)


def judgement(*contexts: Context) -> Judgement:
    return Judgement(PLACE, Verdict.RACY, "it is shared", False, contexts[-1], contexts, (RACING,))


def edges(drawn: graph.Graph) -> dict[tuple[str, str], graph.Edge]:
    first = {node.key: node.lines[0] for node in drawn.nodes}
    return {(first[e.source], first[e.target]): e for e in drawn.edges}


SITE = judgement(
    context(Kind.FRESH, "alloc", "mid", "leaf"),
    context(Kind.ENTRY, "odd", "leaf"),
    context(Kind.SHARED, "maybe", "leaf", doubt="an unknown callee"),
    context(Kind.SHARED, "look_up", "mid", "leaf", locks=("b", "a")),
)


def test_both_writers_end_in_the_word() -> None:
    found = edges(graph.draw((SITE,)))
    word = "the second page's word"
    assert found["__set_x", word].label == "locks {a, b}"
    assert found["folio_set_has_hwpoisoned", word].label == "locks {mf_mutex}"
    assert found["memory_failure()", "folio_set_has_hwpoisoned"].shade is Shade.OTHER


def test_a_way_has_the_shade_of_the_worst_context_that_goes_it() -> None:
    found = edges(graph.draw((SITE,)))
    assert found["alloc()", "mid()"].shade is Shade.EXCLUSIVE
    assert found["look_up()", "mid()"].shade is Shade.SHARED
    assert found["mid()", "leaf()"].shade is Shade.SHARED
    assert found["odd()", "leaf()"].shade is Shade.DOUBT
    assert found["maybe()", "leaf()"].shade is Shade.DOUBT
    assert {pair for pair, edge in found.items() if edge.main} == {
        ("look_up()", "mid()"),
        ("mid()", "leaf()"),
        ("leaf()", "__set_x"),
        ("__set_x", "the second page's word"),
    }


def test_of_many_contexts_the_rest_is_counted() -> None:
    many = [context(Kind.FRESH, f"f{number}", "leaf") for number in range(40)]
    drawn = graph.draw((judgement(*many, context(Kind.SHARED, "g", "leaf")),))
    assert ("and 17 contexts more",) in [node.lines for node in drawn.nodes]
    assert ("g()", "mm/a.c") in [node.lines for node in drawn.nodes]
    assert sum(node.lines[0].startswith("f") for node in drawn.nodes) == 24


def test_of_contexts_with_one_chain_the_worst_is_drawn() -> None:
    drawn = graph.draw(
        (
            judgement(
                context(Kind.FRESH, "f", "leaf"),
                context(Kind.SHARED, "f", "leaf"),
                context(Kind.SHARED, "f", "leaf", doubt="somewhere"),
                context(Kind.RELEASED, "g", "leaf"),
            ),
        )
    )
    assert edges(drawn)["f()", "leaf()"].shade is Shade.SHARED
    assert edges(drawn)["and 2 contexts more", "__set_x"].shade is Shade.REST


def test_two_functions_of_one_name_are_two() -> None:
    one = Context(Access(PLACE, Owner(Kind.SHARED), frozenset()), (Step("f", "mm/a.c", 1),))
    two = Context(Access(PLACE, Owner(Kind.SHARED), frozenset()), (Step("f", "mm/b.c", 1),))
    drawn = graph.draw((judgement(one, two),))
    assert [node.lines for node in drawn.nodes if node.lines[0] == "f()"] == [
        ("f()", "mm/b.c"),
        ("f()", "mm/a.c"),
    ]


def test_recursion_is_drawn_as_it_is() -> None:
    found = edges(graph.draw((judgement(context(Kind.SHARED, "f", "f")),)))
    assert ("f()", "f()") in found


def hostile(text: str) -> graph.Graph:
    node = graph.Node("a", "function", (text, text))
    other = graph.Node("b", "access", (text,))
    edge = graph.Edge("a", "b", text, Shade.SHARED, True)
    return graph.Graph(text, (node, other), (edge,))


STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


@given(st.text())
def test_no_name_leaves_its_string_in_dot(text: str) -> None:
    shape = STRING.sub('""', graph.dot(hostile(text)))
    plain = STRING.sub('""', graph.dot(hostile("x")))
    assert shape.replace('label="", ', "") == plain.replace('label="", ', "")


@given(st.text())
def test_no_name_leaves_its_string_in_mermaid(text: str) -> None:
    lines = graph.mermaid(hostile(text)).split("\n")
    assert len(lines) == len(graph.mermaid(hostile("x")).split("\n"))
    for line in lines[2:]:
        assert line.count('"') in (0, 2)
        inside = line.partition('"')[2].rpartition('"')[0].replace("<br>", "")
        assert re.fullmatch(r"(?:[\w .,:/-]|#\d+;)*", inside)


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
@pytest.mark.parametrize("text", ["f()", 'a"b\\', "\\", "<b>", "{|}", "ü\n\x1b[1m\u202e"])
def test_graphviz_reads_it_back(text: str) -> None:
    done = subprocess.run(
        ["dot", "-Tjson"],
        input=graph.dot(hostile(text)),
        capture_output=True,
        text=True,
        check=True,
    )
    read = json.loads(done.stdout)
    assert len(read["objects"]) == 2
    assert len(read["edges"]) == 1
    assert done.stderr == ""


def test_the_mini_kernels_race(capsys: pytest.CaptureFixture[str]) -> None:
    tree = str(MINI_KERNEL)
    assert main(["graph", tree, "deferred_split_folio", "-j1"]) == CLEAN
    drawn = capsys.readouterr().out
    assert drawn.startswith("digraph flaglint {\n")
    for name in ("memory_failure()", "folio_set_has_hwpoisoned", "deferred_split_folio()"):
        assert f'"{name}\\n' in drawn
    judgements = judged(Request((tree,), jobs=1), lambda *_: None)
    (site,) = graph.at(judgements, "deferred_split_folio")
    assert graph.dot(graph.draw((site,))) == drawn
    where = f"{site.place.where.file}:{site.place.where.line}"
    assert main(["graph", tree, where, "-j1", "--format", "mermaid"]) == CLEAN
    assert capsys.readouterr().out == graph.mermaid(graph.draw((site,)))


@pytest.mark.parametrize(
    ("site", "answer"),
    [
        ("no_such_function", "; `flaglint sites` lists them"),
        ("defered_split_folio", "; did you mean 'deferred_split_folio'?"),
        ("mm/huge_memory.c:56", "; did you mean 'mm/huge_memory.c:55'?"),
    ],
)
def test_a_place_without_a_plain_write_is_an_error(
    site: str, answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["graph", str(MINI_KERNEL), site, "-j1"]) == FAILED
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"flaglint: no plain write at {site}{answer}\n"


def test_a_site_is_a_place_or_a_function() -> None:
    assert graph.at((SITE,), "mm/a.c:9") == graph.at((SITE,), "leaf") == (SITE,)
    assert graph.at((SITE,), "/home/me/linux/mm/a.c:9") == (SITE,)
    for wrong in ("a.c:9", "mm/a.c:90", "xmm/a.c:9", "lea", ""):
        assert graph.at((SITE,), wrong) == ()
    other = msgspec.structs.replace(SITE, place=PLACE._replace(function="leaf@mm/a.c"))
    assert graph.at((other,), "leaf") == (other,)
