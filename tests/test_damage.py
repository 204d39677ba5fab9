"""What damage costs: a function or a file, named; never a wrong verdict, never the run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from flaglint.analysis import Request, analyse
from flaglint.finding import Report, Verdict
from flaglint.reading import ReadingError
from flaglint.tree import TreeError

MINI = Path(__file__).resolve().parent.parent / "testdata" / "mini-kernel"
RACY = "mm/huge_memory.c"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MINI, tmp_path / "linux"))


def report(tree: Path) -> Report:
    request = Request((str(tree),), jobs=1, cache_dir=str(tree.parent / "cache"))
    return analyse(request, lambda what, done, total: None)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def verdicts(found: Report, file: str = RACY) -> set[str]:
    return {site.verdict.value for site in found.sites if site.file == file}


def test_a_syntax_error_costs_its_function(tree: Path) -> None:
    edit(tree / RACY, "__folio_set_partially_mapped(folio);", "__folio_set_partially_mapped(folio")
    found = report(tree)
    (site,) = [s for s in found.sites if s.helper == "__folio_set_partially_mapped"]
    assert site.verdict is Verdict.UNKNOWN
    assert "expected" in site.reason
    assert site.doubts == ("the function was not analysed",)
    assert found.coverage.unparsed == 1
    assert verdicts(found) == {"unknown", "exclusive"}
    assert found.coverage.textual == len(found.sites)


def test_a_brace_too_many_costs_the_rest_of_its_file(tree: Path) -> None:
    text = (tree / RACY).read_text()
    (tree / RACY).write_text(text.replace("{\n", "{ {\n", 1))
    found = report(tree)
    assert verdicts(found) == {"unknown"}
    assert any(entry.file == RACY for entry in found.unread)


def test_code_under_an_if_is_inactive_and_nothing_else_is(tree: Path) -> None:
    with (tree / RACY).open("a") as stream:
        stream.write(
            "#ifdef CONFIG_NOBODY_HAS\n"
            "void fixture_off(struct page *page) { __SetPageLocked(page); }\n"
            "#endif\n"
        )
    found = report(tree)
    (row,) = [site for site in found.sites if site.verdict is Verdict.INACTIVE]
    assert row.helper == "__SetPageLocked"
    (why,) = row.evidence
    assert (why.file, why.line) == (RACY, row.line - 1)
    assert why.message == "stands under #ifdef CONFIG_NOBODY_HAS"
    assert found.coverage.inactive == 1
    assert found.coverage.textual == len(found.sites)


def test_every_condition_that_code_stands_under_is_named(tree: Path) -> None:
    with (tree / RACY).open("a") as stream:
        stream.write(
            "#if defined(CONFIG_A) && \\\n"
            "\tdefined(CONFIG_B) /* both */\n"
            "#elif 1\n"
            "#ifndef CONFIG_C\n"
            "#else\n"
            "#ifndef SET_ONCE\n"
            "#define SET_ONCE\n"
            "#endif\n"
            "void fixture_off(struct page *page) { __SetPageLocked(page); }\n"
            "#endif\n"
            "#endif\n"
        )
    (row,) = [site for site in report(tree).sites if site.verdict is Verdict.INACTIVE]
    assert [(why.line - row.line, why.message) for why in row.evidence] == [
        (-6, "stands under #elif 1 of #if defined(CONFIG_A) && defined(CONFIG_B)"),
        (-4, "stands under #else of #ifndef CONFIG_C"),
    ]


@pytest.mark.parametrize("crash", ["crash", "llvm_fatal_error"])
def test_a_file_that_crashes_clang_is_named(tree: Path, crash: str) -> None:
    with (tree / RACY).open("a") as stream:
        stream.write(f"#pragma clang __debug {crash}\n")
    found = report(tree)
    assert [entry.file for entry in found.unread] == [RACY]
    assert verdicts(found) == {"unknown"}
    assert verdicts(found, "mm/slub.c") == {"exclusive"}


def test_a_lock_proves_nothing_against_a_writer_that_was_not_read(tree: Path) -> None:
    """The racing writer's file is lost: that nobody else writes the word is not known."""
    with (tree / "mm/memory-failure.c").open("a") as stream:
        stream.write("#pragma clang __debug crash\n")
    (site,) = [s for s in report(tree).sites if s.helper == "__folio_set_partially_mapped"]
    assert site.verdict is Verdict.UNKNOWN
    assert any("mm/memory-failure.c was not read" in doubt for doubt in site.doubts)


def test_callers_prove_nothing_for_a_caller_that_was_not_read(tree: Path) -> None:
    """Whoever calls put a page that is frozen; one more caller cannot be read."""
    found = report(tree)
    (site,) = [s for s in found.sites if s.function == "folio_add_new_anon_rmap"]
    assert site.verdict is Verdict.EXCLUSIVE
    with (tree / "mm/swap.c").open("a") as stream:
        stream.write(
            "void odd(struct folio *folio)\n{\n\tnothing_like_it x;\n"
            "\tfolio_add_new_anon_rmap(folio, x, x);\n}\n"
        )
    found = report(tree)
    (site,) = [s for s in found.sites if s.function == "folio_add_new_anon_rmap"]
    assert site.verdict is Verdict.UNKNOWN
    assert "odd() of mm/swap.c was not read, and calls folio_add_new_anon_rmap()" in site.doubts


def test_headers_that_crash_clang_are_refused(tree: Path) -> None:
    edit(tree / "include/linux/mm.h", "#include", "#pragma clang __debug crash\n#include")
    with pytest.raises(ReadingError, match="headers"):
        report(tree)


def test_headers_without_struct_page_are_refused(tree: Path) -> None:
    (tree / "include/linux/mm_types.h").unlink()
    with pytest.raises(ReadingError, match=r"no struct page.*mm_types\.h' file not found"):
        report(tree)


def test_a_part_of_another_file_is_read_with_that(tree: Path) -> None:
    """By itself the part has errors; its write is judged where it is included."""
    (tree / "mm/part.c").write_text(
        "static void odd(struct page *page) { if (OWN) __SetPageLocked(page); }\n"
    )
    with (tree / "mm/rmap.c").open("a") as stream:
        stream.write(
            '#define OWN 1\n#include "part.c"\n'
            "void odd_start(void) { struct page *page = alloc_page(0); odd(page); }\n"
        )
    found = report(tree)
    (site,) = [site for site in found.sites if site.file == "mm/part.c"]
    assert (site.verdict, site.function) == (Verdict.EXCLUSIVE, "odd")
    (entry,) = found.unread
    assert (entry.file, entry.reason) == ("mm/part.c", "read as a part of mm/rmap.c")


def test_a_page_that_only_a_frame_number_leads_to(tree: Path) -> None:
    """As arm64 spells pfn_to_page(): no variable, no cast, arithmetic on a constant."""
    with (tree / "mm/mm_init.c").open("a") as stream:
        stream.write(
            "#define ODD_MAP ((struct page *)0xfffffdffc0000000UL)\n"
            "void __init odd(unsigned long pfn) { __SetPageLocked(ODD_MAP - 9 + pfn); }\n"
        )
    (site,) = [site for site in report(tree).sites if "ODD_MAP" in site.expression]
    assert (site.verdict, site.reason) == (Verdict.EXCLUSIVE, "boot")


def test_files_of_two_trees_are_refused(tree: Path) -> None:
    other = shutil.copytree(tree, tree.parent / "other")
    request = Request((str(tree), str(other / "mm/rmap.c")), jobs=1)
    with pytest.raises(TreeError, match="two trees"):
        analyse(request, lambda what, done, total: None)


def test_what_cannot_be_opened_is_named(tree: Path) -> None:
    os.mkfifo(tree / "mm/pipe.c")
    (tree / "mm/loop.c").symlink_to("loop.c")
    (tree / "mm/away.c").symlink_to("/etc/hostname")
    (tree / "mm/zero.c").symlink_to("/dev/zero")
    (tree / "mm/\udcff.c").write_text("int x;\n")
    (tree / "mm/rmap.c").rename(tree / "mm/other.c")
    (tree / "mm/rmap.c").symlink_to("other.c")
    link = "a link to no file of the tree"
    assert {entry.file: entry.reason for entry in report(tree).unread} == {
        "mm/pipe.c": "no regular file",
        "mm/loop.c": link,
        "mm/away.c": link,
        "mm/zero.c": link,
        "mm/\\xff.c": "its name is not UTF-8",
    }


def test_a_tree_whose_path_is_no_text_is_refused(tree: Path) -> None:
    other = tree.rename(tree.parent / "\udcff")
    with pytest.raises(TreeError, match="not UTF-8"):
        report(other)


def test_a_damaged_function_raises_no_alarm(tree: Path) -> None:
    """What takes the page off its list is gone: the caller has one that was only looked at."""
    file = tree / "mm/page_alloc.c"
    edit(file, "del_page_from_free_list(page, zone, order);", "del_page_from_free_(page, zone;")
    found = report(tree)
    assert not [site for site in found.sites if site.verdict is Verdict.RACY and site.file != RACY]
    (lost,) = [entry for entry in found.unread if entry.file == "mm/page_alloc.c"]
    assert lost.function
    assert lost.reason.startswith("line ")


def test_a_header_function_that_is_damaged_is_named(tree: Path) -> None:
    header = tree / "include/linux/page_ref.h"
    edit(header, "{", "{ @")
    found = report(tree)
    assert [entry.file for entry in found.unread] == ["include/linux/page_ref.h"]
    assert found.unread[0].function
    again = report(tree)
    assert again.unread == found.unread


def test_a_header_that_writes_is_in_the_ledger_whoever_calls_it(tree: Path) -> None:
    before = {site.expression for site in report(tree).sites if site.file == "mm/internal.h"}
    with (tree / "mm/swap.c").open("a") as stream:
        stream.write("#pragma clang __debug crash\n")
    rows = [site for site in report(tree).sites if site.file == "mm/internal.h"]
    assert before == {site.expression for site in rows} != set()
    assert {site.verdict for site in rows} == {Verdict.UNKNOWN}
