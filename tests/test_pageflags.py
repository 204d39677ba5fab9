"""What is read off the headers in testdata/headers, and the parts that read it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from flaglint.accesses import word_of
from flaglint.data import rules_dir
from flaglint.flagtable import Atomicity, FlagTable, Operation, Word
from flaglint.models import load_models
from flaglint.ownership import Kind, Owner
from flaglint.pageflags import HeaderError, read_flags, read_text
from flaglint.pageflags.knowledge import load_knowledge

HEADERS = Path(__file__).resolve().parent.parent / "testdata" / "headers"
NOTE = re.compile(r"/\*\s*(CONFIG|FLAG|EXPECT|OFF|INACTIVE|DOUBT):\s*(.*?)\s*\*/")
FOLIO_SET = "static inline void f(struct folio *folio) { set_bit(PG_a, &folio->flags); }\n"


def notes(text: str, kind: str) -> list[str]:
    return [body for tag, body in NOTE.findall(text) if tag == kind]


def read(name: str) -> tuple[str, FlagTable]:
    text = (HEADERS / name).read_text(encoding="utf-8")
    config = dict(item.split("=") for note in notes(text, "CONFIG") for item in note.split())
    return text, read_text(text, config, name)


def rows(table: FlagTable, *, active: bool) -> list[str]:
    return sorted(
        f"{h.name} {h.flag or '-'} {h.operation.value} {h.atomicity.value} {h.word.value}"
        for h in table.helpers
        if (h.active and h.name not in table.inactive) is active
    )


def small(body: str, config: Iterable[tuple[str, str]] = ()) -> FlagTable:
    """The table of `body` behind a two-flag enum."""
    enum = "enum pageflags { PG_a, PG_b, __NR_PAGEFLAGS };\n"
    return read_text(enum + body, dict(config))


@pytest.mark.parametrize("name", sorted(p.name for p in HEADERS.glob("*.h")))
class TestHeaders:
    def test_helpers_are_exactly_those_expected(self, name: str) -> None:
        text, table = read(name)
        assert rows(table, active=True) == sorted(notes(text, "EXPECT"))

    def test_other_configurations_helpers_are_exactly_those_expected(self, name: str) -> None:
        text, table = read(name)
        assert rows(table, active=False) == sorted(notes(text, "OFF"))

    def test_inactive_names(self, name: str) -> None:
        text, table = read(name)
        assert sorted(table.inactive) == sorted(notes(text, "INACTIVE"))

    def test_doubts(self, name: str) -> None:
        text, table = read(name)
        doubted = {h.name for h in table.helpers if h.doubts}
        assert doubted == set(notes(text, "DOUBT"))

    def test_flags(self, name: str) -> None:
        text, table = read(name)
        expected = [note.split() for note in notes(text, "FLAG")]
        flags = {flag.name: flag for flag in (*table.flags, *table.absent)}
        for flag, bit, *alias in expected:
            assert flags[flag].bit == (-1 if bit == "-" else int(bit)), flag
            assert flags[flag].alias_of == (alias[0] if alias else None), flag

    def test_lines_point_at_the_use(self, name: str) -> None:
        text, table = read(name)
        lines = text.splitlines()
        for helper in table.helpers:
            here = lines[helper.line - 1]
            assert helper.name in here or re.match(r"\s*(__)?[A-Z_]+\(.*", here), helper


def test_the_words_of_notes_are_spelled_right() -> None:
    for path in HEADERS.glob("*.h"):
        for tag in re.findall(r"/\* *([A-Z-]+):", path.read_text(encoding="utf-8")):
            assert tag in ("CONFIG", "FLAG", "EXPECT", "OFF", "INACTIVE", "DOUBT"), path


class TestConditions:
    @pytest.mark.parametrize(
        ("condition", "config", "holds"),
        [
            ("defined(CONFIG_A) && !defined CONFIG_B", {"CONFIG_A": "y"}, True),
            ("defined(CONFIG_A)", {"CONFIG_A": "m"}, False),
            ("IS_ENABLED(CONFIG_A)", {"CONFIG_A": "m"}, True),
            ("IS_BUILTIN(CONFIG_A)", {"CONFIG_A": "m"}, False),
            ("IS_MODULE(CONFIG_A)", {"CONFIG_A": "m"}, True),
            ("CONFIG_N > 2 && CONFIG_N < 0x10", {"CONFIG_N": "5"}, True),
            ("CONFIG_N", {"CONFIG_N": "n"}, False),
            ("(1 << 2 | 1) == 5 ? 0 : 1", {}, False),
            ("BITS_PER_LONG == 64", {"CONFIG_64BIT": "y"}, True),
            ("BITS_PER_LONG == 64", {}, False),
            ("1 - 1 - 1 < 0 && 7 / 2 == 3 && ~0 == -1", {}, True),
            ("defined(CONFIG_A) || (defined(CONFIG_B))", {"CONFIG_B": "y"}, True),
        ],
    )
    def test_evaluation(self, condition: str, config: dict[str, str], holds: bool) -> None:
        table = small(f"#if {condition}\n{FOLIO_SET}#endif\n", config.items())
        assert ("f" in table.active()) is holds
        assert table.helpers[0].condition == condition
        assert table.doubts == ()

    def test_text_of_nested_and_else_branches(self) -> None:
        table = small(
            "#ifdef CONFIG_A\n#else\n#if defined(CONFIG_B) || CONFIG_C\n"
            + FOLIO_SET
            + "#elif CONFIG_D\n"
            + FOLIO_SET.replace("f(", "g(", 1)
            + "#else\n"
            + FOLIO_SET.replace("f(", "h(", 1)
            + "#endif\n#endif\n"
        )
        assert {h.name: h.condition for h in table.helpers} == {
            "f": "!defined(CONFIG_A) && (defined(CONFIG_B) || CONFIG_C)",
            "g": "!defined(CONFIG_A) && !(defined(CONFIG_B) || CONFIG_C) && CONFIG_D",
            "h": "!defined(CONFIG_A) && !(defined(CONFIG_B) || CONFIG_C) && !(CONFIG_D)",
        }
        assert set(table.active()) == {"h"}

    def test_the_include_guard_and_the_bounds_generator_are_no_conditions(self) -> None:
        text = "#ifndef G_H\n#define G_H\nenum pageflags { PG_a };\n#ifndef __GENERATING_BOUNDS_H\n"
        table = read_text(text + FOLIO_SET + "#endif\n#endif\n", {})
        assert [(h.name, h.condition) for h in table.helpers] == [("f", "")]

    def test_a_name_of_another_header_is_a_doubt(self) -> None:
        table = small("#if LAST_CPUPID_SHIFT > 3\n" + FOLIO_SET + "#endif\n")
        assert any("LAST_CPUPID_SHIFT" in doubt for doubt in table.doubts)
        assert table.inactive == {"f"}

    @pytest.mark.parametrize("broken", ["(", "1 +", "defined", "1 2", "f(", "'x'"])
    def test_a_broken_condition_is_a_doubt_not_a_crash(self, broken: str) -> None:
        table = small(f"#if {broken}\n{FOLIO_SET}#endif\n")
        assert len(table.doubts) == 1
        assert table.active() == {}


class TestMacros:
    def test_a_definition_in_a_branch_not_taken_stays_there(self) -> None:
        table = small(
            "#define WORD flags\n#ifdef CONFIG_A\n#undef WORD\n#define WORD page_type\n"
            "static inline void g(struct folio *f) { set_bit(PG_b, &f->WORD); }\n#endif\n"
            "static inline void h(struct folio *f) { set_bit(PG_a, &f->WORD); }\n"
        )
        found = {h.name: (h.word, bool(h.doubts), h.active) for h in table.helpers}
        assert found == {"g": (Word.ANY, True, False), "h": (Word.HEAD, False, True)}

    def test_strings_variadics_and_empty_arguments(self) -> None:
        table = small(
            "#define NOTE(text, ...) say(#text, __VA_ARGS__)\n"
            "#define MAKE(pre, n) static inline void pre##put_##n(struct folio *f) \\\n"
            '{ NOTE(it\'s "x", 1, 2); set_bit(PG_##n, &f->flags); }\n'
            "MAKE(, a) MAKE(__, b)\n"
        )
        assert sorted(table.active()) == ["__put_b", "put_a"]

    def test_a_macro_is_not_expanded_in_itself(self) -> None:
        table = small("#define set_it(x) set_it(x)\n#define f f\n" + FOLIO_SET)
        assert set(table.active()) == {"f"}

    def test_an_unknown_macro_with_a_flag_in_it_is_a_doubt(self) -> None:
        table = small("FROM_ELSEWHERE(A, a, PF_HEAD)\n" + FOLIO_SET + "OTHER(x);\n")
        assert set(table.active()) == {"f"}
        assert [d for d in table.doubts if "FROM_ELSEWHERE" in d]
        assert not [d for d in table.doubts if "OTHER" in d]

    def test_an_expansion_bomb_ends_in_a_doubt(self) -> None:
        lines = ["#define X0 set_bit(PG_a, w); set_bit(PG_b, w);"]
        lines += [f"#define X{n} X{n - 1} X{n - 1}" for n in range(1, 40)]
        lines.append("static inline void f(struct folio *folio) { X39 }\n")
        table = small("\n".join(lines))
        assert any("too large" in doubt for doubt in table.doubts)


class TestRobustness:
    @pytest.mark.parametrize(
        "name", ["folios.h", "no-policy.h", "pages-only.h", "page-types.h", "wrapped-word.h"]
    )
    def test_a_header_that_is_cut_short_is_refused(self, name: str) -> None:
        lines = (HEADERS / name).read_text(encoding="utf-8").splitlines(keepends=True)
        enum = next(n for n, line in enumerate(lines) if line.startswith("enum pageflags"))
        for end in range(enum + 20, len(lines) - 1, 7):
            with pytest.raises(HeaderError, match=r"no enum|cut short"):
                read_text("".join(lines[:end]), {}, name)

    def test_a_flag_that_is_enumerated_twice_is_doubted(self) -> None:
        table = read_text("enum pageflags { PG_a, PG_b, PG_a };\n" + FOLIO_SET, {})
        assert [(flag.name, flag.bit) for flag in table.flags] == [("PG_a", 0), ("PG_b", 1)]
        assert "PG_a is enumerated twice" in table.doubts

    def test_a_merge_conflict_is_refused_and_placed(self) -> None:
        conflict = "<<<<<<< HEAD\n=======\n>>>>>>> theirs\n"
        with pytest.raises(HeaderError, match=r"page-flags\.h:2: a merge conflict"):
            read_text("enum pageflags { PG_a };\n" + conflict + FOLIO_SET, {})

    def test_an_endless_header_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "include/linux").mkdir(parents=True)
        with (tmp_path / "include/linux/page-flags.h").open("wb") as stream:
            stream.truncate(1 << 40)
        with pytest.raises(HeaderError, match="too large"):
            read_flags(tmp_path, config={})

    def test_no_header(self, tmp_path: Path) -> None:
        with pytest.raises(HeaderError, match=r"page-flags\.h"):
            read_flags(tmp_path, config={})

    @pytest.mark.parametrize(
        "text", ["", "\0\0\xff", "int x;", "enum pageflags", "/* never closed", "#if\n#if\n"]
    )
    def test_no_flags(self, text: str) -> None:
        with pytest.raises(HeaderError, match="no enum"):
            read_text(text, {})

    @pytest.mark.parametrize(
        "text",
        [
            "static inline void f(struct page *p) { ((((((((((" * 50,
            "static inline void f(struct page *p) { set_bit(PG_a, "
            + "(" * 5000
            + ")" * 5000
            + "); }",
            "#if " + "!" * 5000 + "1\n#endif\n",
            "#if " + "(" * 5000 + "1" + ")" * 5000 + "\n#endif\n",
            "}}}}\n" + FOLIO_SET,
            "#else\n#endif\n#elif\n" + FOLIO_SET,
            "#define f(\n" + FOLIO_SET,
            "#\n#define\n#undef\n#ifdef\n#endif\n" + FOLIO_SET,
        ],
    )
    def test_nonsense_is_survived(self, text: str) -> None:
        small(text)

    def test_a_function_cut_by_branches_is_dropped_with_a_doubt(self) -> None:
        table = small(
            "#ifdef CONFIG_A\nstatic inline void g(struct folio *f) {\n#else\n"
            "static inline void g(struct folio *f, int n) {\n#endif\n set_bit(PG_a, &f->flags); }\n"
            + FOLIO_SET
        )
        assert set(table.active()) == {"f"}
        assert any("cut by a preprocessor branch" in doubt for doubt in table.doubts)

    def test_the_tree_is_only_read(self, tmp_path: Path) -> None:
        header = tmp_path / "include/linux/page-flags.h"
        header.parent.mkdir(parents=True)
        header.write_text("enum pageflags { PG_a };\n" + FOLIO_SET, encoding="utf-8")
        before = sorted(tmp_path.rglob("*"))
        assert set(read_flags(tmp_path, config={}).active()) == {"f"}
        assert sorted(tmp_path.rglob("*")) == before


class TestTable:
    def test_active_gives_the_most_harmful_row(self) -> None:
        _, table = read("invented.h")
        assert table.active()["put_gamma"].atomicity is Atomicity.PLAIN

    def test_one_name_in_two_branches(self) -> None:
        plain = FOLIO_SET.replace("set_bit", "__set_bit")
        text = f"#ifdef CONFIG_A\n{FOLIO_SET}#else\n{plain}#endif\n"
        for config, atomicity in (({"CONFIG_A": "y"}, Atomicity.ATOMIC), ({}, Atomicity.PLAIN)):
            table = small(text, config.items())
            assert [h.active for h in table.helpers].count(True) == 1
            assert table.active()["f"].atomicity is atomicity
            assert table.inactive == frozenset()


class TestKnowledge:
    def test_an_underscore_makes_it_plain_unless_it_is_a_lock(self) -> None:
        bitops = load_knowledge().bitops
        for name, operation in bitops.items():
            if name.endswith("set_bit") and not name.startswith(("__", "arch__", "const__")):
                assert operation.atomicity in (Atomicity.ATOMIC, Atomicity.PLAIN)
        assert bitops["set_bit"].atomicity is Atomicity.ATOMIC
        assert bitops["__set_bit"].atomicity is Atomicity.PLAIN
        assert bitops["clear_bit_unlock"].atomicity is Atomicity.ATOMIC
        assert bitops["__clear_bit_unlock"].atomicity is Atomicity.PLAIN
        assert bitops["test_and_set_bit_lock"].operation is Operation.TEST_AND_SET

    def test_reads_and_only_tests_are_reads(self) -> None:
        for operation in load_knowledge().bitops.values():
            is_read = operation.atomicity is Atomicity.READ
            assert is_read is (operation.operation is Operation.TEST), operation.name


class TestAssertedWords:
    """PF_NO_TAIL goes to the head, PF_NO_COMPOUND only insists that it is there."""

    POLICIES = """
static inline int PageTail(const struct page *page) { return page->compound_head & 1; }
#define WENT(page, enforce) ({ VM_BUG_ON(enforce && PageTail(page)); compound_head(page); })
#define INSISTS(page, enforce) ({ VM_BUG_ON(enforce && PageTail(page)); page; })
#define BOTH(page, enforce) ({ page = compound_head(page); VM_BUG_ON(PageTail(page)); page; })
"""

    @pytest.mark.parametrize(
        ("body", "asserted"),
        [
            ("{ __set_bit(PG_a, &WENT(page, 1)->flags); }", False),
            ("{ __set_bit(PG_a, &INSISTS(page, 1)->flags); }", True),
            ("{ __set_bit(PG_a, &BOTH(page, 1)->flags); }", False),
            ("{ VM_BUG_ON(PageTail(page)); page->flags |= 1 << PG_a; }", True),
            ("{ if (PageTail(page)) return; __set_bit(PG_a, &page->flags); }", False),
            (
                "{ if (x) page = compound_head(page); else VM_BUG_ON(PageTail(page)); "
                "__set_bit(PG_a, &page->flags); }",
                True,
            ),
        ],
    )
    def test_how_the_word_is_known(self, body: str, asserted: bool) -> None:
        declared = "static inline void f(struct page *page, bool x) "
        helper = small(self.POLICIES + declared + body).active()["f"]
        assert (helper.word, helper.asserted) == (Word.HEAD, asserted)
        assert helper.doubts == ()

    def test_a_page_that_may_be_a_tail_is_written_where_it_is(self) -> None:
        """As word_of() has it: the head is where the one goes, and what the other is told."""
        text = self.POLICIES + "".join(
            f"static inline void {name.lower()}(struct page *page) "
            f"{{ __set_bit(PG_a, &{name}(page, 1)->flags); }}\n"
            for name in ("WENT", "INSISTS")
        )
        found = small(text).active()
        walked = Owner(Kind.PFN)
        models = load_models(rules_dir())
        for name, word in (("went", "head"), ("insists", "any")):
            assert word_of(found[name], "b", walked, models) == word
            assert word_of(found[name], "?", None, models) == word
            assert word_of(found[name], "b", None, models, set_up=True) == word
            assert word_of(found[name], "b", Owner(Kind.SHARED), models) == "head"
