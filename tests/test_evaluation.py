"""The evaluation's own parts: seeds, edits, scratch copies, scores. The kernels are not needed."""

from __future__ import annotations

import textwrap
from collections import Counter
from pathlib import Path

import pytest

from evaluation.edit import Edited, apply
from evaluation.scoring import Outcome, score
from evaluation.scratch import Scratch, mirror
from evaluation.seed import BUG_KINDS, TWIN_KINDS, Edit, Is, Seed, SeedError, read_seeds
from evaluation.source import blank, body_of, statements, within
from flaglint.finding import Coverage, Finding, Level, Report

SOURCE = textwrap.dedent("""\
    #define WRAP(x) use(x)
    /* use(1) in a comment */
    static int other(void);

    static int first(struct folio *folio, int n)
    {
    \tif (n)
    \t\tuse(folio);
    \telse if (take(folio))
    \t\treturn 1;
    \tfor_each(folio) {
    \t\tuse("use(2)");
    \t}
    again:
    \tuse(folio);
    #ifdef CONFIG_X
    \tuse(n);
    #endif
    \treturn 0;
    }

    static void second(void)
    {
    \tuse(0);
    }
    """)


def edited(**given: object) -> Edited:
    return apply(SOURCE, [Edit(**{"file": "x.c", "function": "first", **given})])  # type: ignore[arg-type]


def changed(result: Edited) -> list[str]:
    """The lines of the edited text that the original has not, stripped."""
    lines = result.text.split("\n")
    return [lines[number - 1].strip() for number in sorted(result.touched)]


def without_blanks(text: str) -> str:
    return "".join(text.split())


def test_blank_keeps_every_offset() -> None:
    seen = blank(SOURCE)
    assert len(seen) == len(SOURCE)
    assert seen.count("\n") == SOURCE.count("\n")
    assert "comment" not in seen
    assert "use(2)" not in seen
    assert "WRAP" not in seen
    assert "CONFIG_X" not in seen


def test_body_of_finds_the_definition_only() -> None:
    seen = blank(SOURCE)
    start, opening, end = body_of(seen, "second")
    assert SOURCE[start:].startswith("static void second")
    assert SOURCE[opening:end] == "{\n\tuse(0);\n}"
    with pytest.raises(SeedError, match="0 times"):
        body_of(seen, "other")


def test_statements_nest() -> None:
    seen = blank(SOURCE)
    _, opening, end = body_of(seen, "first")
    kinds = [one.kind for one in statements(seen, opening, end)]
    assert kinds == ["if", "loop", "label", "plain", "plain", "plain"]
    conditional = statements(seen, opening, end)[0]
    assert [one.kind for one in within(conditional)] == ["if", "plain", "if", "plain"]


def test_an_unreadable_function_is_an_error_of_the_seed() -> None:
    text = "void f(void)\n{\n\tif (a) {\n#ifdef X\n\t} else {\n#else\n\t} else {\n#endif\n"
    text += "\tg();\n\t}\n}\n"
    edit = Edit("x.c", "f", call="g", before="h();")
    with pytest.raises(SeedError, match="else"):
        apply(text, [edit])


def test_rename_one_call() -> None:
    result = edited(call="use", nth=3, rename="__use")
    assert "again:\n\t__use(folio);" in result.text
    assert result.text.replace("__use", "use") == SOURCE
    assert changed(result) == ["__use(folio);"]


def test_statements_go_around_a_call() -> None:
    assert "again:\n\t mark(1); use(folio);" in edited(call="use", nth=3, before="mark(1);").text
    assert "again:\n\tuse(folio); mark(1); \n" in edited(call="use", nth=3, after="mark(1);").text


def test_a_branch_without_braces_gets_some() -> None:
    result = edited(call="use", after="mark(1);")
    assert "if(n){use(folio);mark(1);}elseif" in without_blanks(result.text)
    assert changed(result) == ["{ use(folio); mark(1); }"]


def test_branches_of_a_condition() -> None:
    taken = edited(call="take", then="mark(1);")
    assert "elseif(take(folio)){mark(1);return1;}for_each" in without_blanks(taken.text)
    not_taken = edited(call="take", otherwise="mark(1);")
    assert "return1;else{mark(1);}for_each" in without_blanks(not_taken.text)


def test_a_statement_is_replaced() -> None:
    result = edited(call="use", nth=2, instead="mark(folio);")
    assert 'use("use(2)")' not in result.text
    assert changed(result) == ["mark(folio);"]


def test_code_of_ours_goes_in_front_of_a_function() -> None:
    result = edited(define="static void mine(void)\n{\n}")
    assert "\n static void mine(void) { } static int first(" in result.text


def test_a_macro_use_is_replaced_but_not_its_definition() -> None:
    text = "#define FLAG(a, b) FLAG(a, b)\nFLAG(one, X) FLAG(two, X)\n"
    result = apply(text, [Edit("x.h", macro="FLAG", argument="two", with_="PLAIN(two, X)")])
    assert result.text == "#define FLAG(a, b) FLAG(a, b)\nFLAG(one, X) PLAIN(two, X)\n"


@pytest.mark.parametrize(
    "given",
    [
        {"call": "use", "nth": 3, "before": "mark(1);\nmark(2);"},
        {"call": "use", "nth": 2, "instead": "mark(1);"},
        {"call": "take", "otherwise": "mark(1);"},
        {"define": "static void mine(void)\n{\n\tmark(1);\n}"},
    ],
)
def test_no_other_line_moves(given: dict[str, object]) -> None:
    result = edited(**given)
    old, new = SOURCE.split("\n"), result.text.split("\n")
    assert len(old) == len(new)
    for number, (before, after) in enumerate(zip(old, new, strict=True), 1):
        assert before == after or number in result.touched or without_blanks(after) == "}"
        assert result.origin[number - 1] in (number, 0)


def test_lines_are_taken_back() -> None:
    result = edited(call="use", nth=3, before="#if 0\nmark(1);\n#endif")
    old, new = SOURCE.split("\n"), result.text.split("\n")
    assert len(new) == len(old) + 4
    for number, line in enumerate(new, 1):
        origin = result.origin[number - 1]
        if origin:
            assert line.strip() == old[origin - 1].strip()
        else:
            assert not line.strip() or number in result.touched


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"call": "use", "nth": 9, "rename": "x"}, "only 4 found"),
        ({"call": "absent", "before": "x;"}, "only 0 found"),
        ({"call": "use", "nth": 3, "then": "x;"}, "no condition"),
        ({"function": "absent", "call": "use", "before": "x;"}, "0 times"),
    ],
)
def test_an_edit_that_does_not_fit(given: dict[str, object], problem: str) -> None:
    with pytest.raises(SeedError, match=problem):
        edited(**given)


def test_two_edits_of_one_place_are_refused() -> None:
    edits = [
        Edit("x.c", "second", call="use", instead=";"),
        Edit("x.c", "second", call="use", rename="x"),
    ]
    with pytest.raises(SeedError, match="overlap"):
        apply(SOURCE, edits)


# The seeds


def test_seeds_are_of_every_kind_and_place() -> None:
    seeds = [seed for seed in read_seeds() if "6.12" in seed.kernel]
    bugs = Counter(seed.kind for seed in seeds if seed.is_ is Is.BUG)
    twins = Counter(seed.kind for seed in seeds if seed.is_ is Is.TWIN)
    assert sum(bugs.values()) >= 60
    assert sum(twins.values()) >= 60
    everywhere = {(seed.kind, seed.is_) for seed in read_seeds()}
    assert set(BUG_KINDS) == {kind for kind, is_ in everywhere if is_ is Is.BUG}
    assert set(TWIN_KINDS) <= {kind for kind, is_ in everywhere if is_ is Is.TWIN}
    for top in ("mm/", "fs/", "drivers/"):
        mine = [seed for seed in seeds if any(file.startswith(top) for file in seed.files)]
        assert len([seed for seed in mine if seed.is_ is Is.BUG]) >= 10, top


def test_each_seed_says_why() -> None:
    for seed in read_seeds():
        assert len(seed.why.split()) >= 4, seed.id


@pytest.mark.parametrize("kernel", ["6.12"], indirect=True)
def test_each_seed_fits_its_kernel(kernel: Path) -> None:
    mine = [seed for seed in read_seeds() if kernel.name in seed.kernel]
    assert mine
    for seed in mine:
        for file in seed.files:
            text = (kernel / file).read_text("utf-8", errors="surrogateescape")
            assert apply(text, [edit for edit in seed.edit if edit.file == file]).touched, seed.id


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[seed]]\nid = 1\n", "id"),
        ("[[seed]\n", "Expected"),
        (
            '[[seed]]\nid="a"\nkernel=["6.12"]\nkind="odd"\nis="bug"\nwhy="x"\n'
            '[[seed.edit]]\nfile="a.c"\nfunction="f"\ncall="g"\nrename="h"\n',
            "no kind odd",
        ),
        (
            '[[seed]]\nid="a"\nkernel=["6.12"]\nkind="swapped"\nis="bug"\nwhy="x"\n'
            '[[seed.edit]]\nfile="a.c"\nfunction="f"\ncall="g"\n',
            "exactly one thing",
        ),
    ],
)
def test_a_wrong_seed_file_is_told(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(SeedError, match=problem):
        read_seeds(tmp_path)


# The scratch copy


def test_scratch_leaves_the_kernel_alone(tmp_path: Path) -> None:
    kernel = tmp_path / "kernel"
    (kernel / "mm").mkdir(parents=True)
    (kernel / "mm/a.c").write_text("old\n")
    (kernel / "mm/b.c").write_text("other\n")
    (kernel / "link").symlink_to("mm/a.c")
    scratch = Scratch(kernel, tmp_path / "copy")
    with scratch.edited({"mm/a.c": "new\n"}) as root:
        assert (root / "mm/a.c").read_text() == "new\n"
        assert (kernel / "mm/a.c").read_text() == "old\n"
        assert (root / "mm/b.c").samefile(kernel / "mm/b.c")
        assert (root / "link").is_symlink()
    assert (tmp_path / "copy/mm/a.c").samefile(kernel / "mm/a.c")


def test_scratch_mends_what_a_killed_run_left(tmp_path: Path) -> None:
    kernel, copy = tmp_path / "kernel", tmp_path / "copy"
    (kernel / "mm").mkdir(parents=True)
    (kernel / "mm/a.c").write_text("old\n")
    mirror(kernel, copy)
    (copy / "mm/a.c").unlink()
    (copy / "mm/a.c").write_text("left over\n")
    (copy / "mm/extra.c").write_text("left over\n")
    (copy / "more").mkdir()
    mirror(kernel, copy)
    assert (copy / "mm/a.c").read_text() == "old\n"
    assert sorted(path.name for path in copy.rglob("*")) == ["a.c", "mm"]


def test_scratch_inside_the_kernel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="inside"):
        Scratch(tmp_path, tmp_path / "mm/copy")


# Scores


def finding(line: int, function: str = "first", helper: str = "__use") -> Finding:
    return Finding("FL001", Level.ERROR, "x.c", line, 1, function, "", "", helper=helper)


def report(*findings: Finding) -> Report:
    return Report("/", "6.12", Coverage(0, 0, 0, 0), findings, ())


def outcome(is_: Is, before: Report, after: Report, sites: tuple[str, ...] = ()) -> Outcome:
    edit = Edit("x.c", "first", call="use", nth=3, before="__use(folio);")
    seed = Seed("a", ("6.12",), "swapped", is_, "why", (edit,), sites)
    return score(seed, "6.12", before, after, {"x.c": apply(SOURCE, [edit])}).outcome


NEW = SOURCE.split("\n").index("\tuse(folio);") + 1


def test_a_finding_on_the_seeded_line_is_found() -> None:
    assert outcome(Is.BUG, report(), report(finding(NEW))) is Outcome.FOUND
    assert outcome(Is.BUG, report(), report(finding(7))) is Outcome.MISSED
    assert outcome(Is.BUG, report(), report(finding(7)), ("first",)) is Outcome.FOUND


def test_a_finding_that_only_moved_is_neither_new_nor_lost() -> None:
    edit = Edit("x.c", "first", call="use", nth=3, before="#if 0\n__use(folio);\n#endif")
    moved = {"x.c": apply(SOURCE, [edit])}
    last = len(SOURCE.split("\n")) - 2
    now = next(n for n, origin in enumerate(moved["x.c"].origin, 1) if origin == last)
    assert now == last + 4
    before, after = report(finding(last, "second")), report(finding(now, "second"))
    twin = Seed("a", ("6.12",), "harmless/if-0", Is.TWIN, "why", (edit,))
    assert score(twin, "6.12", before, after, moved).outcome is Outcome.SILENT
    assert score(twin, "6.12", before, before, moved).outcome is Outcome.FALSE_ALARM


def test_a_twin_must_change_nothing() -> None:
    assert outcome(Is.TWIN, report(), report()) is Outcome.SILENT
    assert outcome(Is.TWIN, report(), report(finding(NEW))) is Outcome.FALSE_ALARM
    assert outcome(Is.TWIN, report(finding(7)), report()) is Outcome.FALSE_ALARM
