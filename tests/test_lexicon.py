"""The lexicon finds every file that calls a name, by the files' present content."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flaglint import lexicon as lexicons
from flaglint import survey as surveys
from flaglint.lexicon import Lexicon, Writes, called, make_lexicon, stored, writes_of
from flaglint.store import Store
from flaglint.survey import Survey
from tests.small_tree import small_tree

TEXT = st.lists(
    st.sampled_from(["foo", "bar_2", "Foo", "(", ")", " ", "\t", "\n", ";", "->", "é", "9", "/*"]),
    max_size=40,
).map("".join)


@given(TEXT)
def test_no_call_is_missed(text: str) -> None:
    data = text.encode()
    pattern = rb"(?<![A-Za-z0-9_])([A-Za-z0-9_]+)\s*\("
    assert set(re.findall(pattern, data)) <= called(data)


@given(TEXT)
def test_only_names_before_a_parenthesis_are_calls(text: str) -> None:
    data = text.encode()
    assert called(data) <= set(re.findall(rb"[A-Za-z0-9_]+", data))
    assert called(data.replace(b"(", b"")) == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("struct o x = {\n\t.read_folio\t= a_read,\n\t.dirty = b\n};", {b"a_read", b"b"}),
        ("struct o x = { .one = &two, .three = four };", {b"two", b"four"}),
        ("x.read = a_read; p->x = b; if (q.x == c) { }", set()),
        ('struct o x = { .name = "one", .size = sizeof(two), .made = MADE(three), };', set()),
        ("struct o x = { .nested = { .in = five } };", {b"five"}),
    ],
)
def test_what_initialisers_store(text: str, expected: set[bytes]) -> None:
    assert stored(text.encode()) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("struct page *p; void f(void) { p->flags |= 1; }", Writes(("page",))),
        ("struct page *p; struct slab *s; s[1].__page_flags = 0;", Writes(("slab",))),
        ("void f(struct folio *folio) { folio->flags.f &= ~2UL; }", Writes(("folio",))),
        ("struct folio f; struct page *q; f.page.flags <<= 1;", Writes(("folio",))),
        ("struct page *p; if (p->flags == 3) vma->flags = 1;", Writes()),
        ("struct page *p; memset(p, 0, sizeof(struct page));", Writes((), True)),
        ("struct pages *p; p->flags = 1;", Writes(("pages",))),
        ("struct page *p; page_folio(p)->flags |= BIT(PG_dirty);", Writes(("page",))),
        ("struct page *p; bvec->bv_page->flags &= ~1UL;", Writes(("page",))),
        ("struct page *p; __set_bit(PG_dirty, &p->flags);", Writes(("page",))),
        ("struct folio *f; word = &f->_flags_1;", Writes(("folio",))),
        ("struct folio *f; WRITE_ONCE(f->flags, f->flags | 1);", Writes(("folio",))),
        ("struct page *p; __clear_bit(0, &compound_head(p)->flags);", Writes(("page",))),
        ("struct folio *f; __clear_bit(0, &f->flags.f);", Writes(("folio",))),
        ("struct folio *f; __set_bit(0, folio_flags(f, 0));", Writes(("folio",))),
        ("struct page *p; spin_lock_irqsave(&lock, flags);", Writes()),
        ("struct page *p; to_private(p)->flags |= 1; x->pages->flags = 2;", Writes()),
        ("struct vma *p; p->flags = 1;", Writes()),
        ("f(struct vm_fault *vmf) { vmf->page->flags |= 1; }", Writes(("page",))),
        ("struct page *p; info->pages[info->used - 1]->flags.f |= 1;", Writes(("page",))),
        ("struct page **p = x->pages; (*p++)->flags |= 1;", Writes(("page",))),
        ("struct folio *f; (n ? f : g)->flags &= ~1UL;", Writes(("folio",))),
        ("struct page *p; (*q++)->flags |= 1;", Writes()),
        ("f(struct vm_fault *vmf) { WRITE_ONCE(vmf->page->flags, 1); }", Writes(("page",))),
    ],
)
def test_writes_of_flags_words_are_told(text: str, expected: Writes) -> None:
    assert writes_of(text.encode()) == expected


@pytest.fixture(autouse=True)
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files count as settled at once, and a chunk holds few of them."""
    monkeypatch.setattr(surveys, "_SETTLED", -(10**15))
    monkeypatch.setattr(lexicons, "_CHUNK", 16)


def tree(tmp_path: Path, count: int = 40) -> Path:
    files = {f"mm/file{n}.c": f"void f{n}(void) {{ all(); one_{n} (2); }}\n" for n in range(count)}
    return small_tree(tmp_path / "linux", files)


def made(root: Path, store: Store | None) -> Lexicon:
    survey = Survey(str(root), "x86", store)
    lexicon = make_lexicon(survey, store, 2)
    survey.save()
    return lexicon


def test_tables_are_no_callers(tmp_path: Path) -> None:
    files = {"fs/a.c": "struct o x = { .read = kept, };\n", "fs/b.c": "int f(void) { kept(); }\n"}
    lexicon = made(small_tree(tmp_path / "linux", files), None)
    assert lexicon.storing(["kept", "f"]) == {"kept": ("fs/a.c",)}
    assert lexicon.calling(["kept"]) == {"kept": ("fs/b.c",)}


def test_headers_are_asked_for_apart(tmp_path: Path) -> None:
    files = {
        "fs/a.h": "static inline void f(struct page *p) { named(p); }\n",
        "fs/b.c": "int g(void) { named(); }\n",
        "fs/registers.h": "#define X named(1)\n",
    }
    lexicon = made(small_tree(tmp_path / "linux", files), None)
    assert lexicon.calling(["named"]) == {"named": ("fs/b.c",)}
    assert lexicon.headers_calling(["named"]) == ("fs/a.h",), "the other speaks of no page"


def test_long_headers_are_not_read_and_long_files_are(tmp_path: Path) -> None:
    text = "static inline void f(struct page *p) { named(p); }\n"
    long = text + "#define REGISTER 1\n" * 60_000
    files = {"fs/a.h": text, "fs/registers.h": long, "fs/b.c": long}
    lexicon = made(small_tree(tmp_path / "linux", files), None)
    assert lexicon.headers_calling(["named"]) == ("fs/a.h",)
    assert lexicon.calling(["named"]) == {"named": ("fs/b.c",)}


def test_callers_are_found_in_all_chunks(tmp_path: Path) -> None:
    lexicon = made(tree(tmp_path), None)
    found = lexicon.calling(["all", "one_3", "one_39", "none"])
    assert len(found["all"]) == 40
    assert found["one_3"] == ("mm/file3.c",)
    assert found["one_39"] == ("mm/file39.c",)
    assert "none" not in found


def test_a_second_run_reads_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree(tmp_path)
    with Store(tmp_path / "cache") as store:
        before = made(root, store).calling(["all", "one_7"])
        read: list[tuple[str, ...]] = []
        index = lexicons.index_files

        def listening(where: str, files: tuple[str, ...]) -> object:
            read.append(tuple(files))
            return index(where, files)

        monkeypatch.setattr(lexicons, "index_files", listening)
        assert made(root, store).calling(["all", "one_7"]) == before
        assert read == [()]
        (root / "mm/file7.c").write_text("void f7(void) { other(); }\n")
        after = made(root, store)
        assert read[1:] == [("mm/file7.c",)]
        assert after.calling(["one_7"]) == {}
        assert after.calling(["other"]) == {"other": ("mm/file7.c",)}


def test_what_was_asked_before_needs_no_words_and_words_that_are_gone_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree(tmp_path)
    with Store(tmp_path / "cache") as store:
        before = made(root, store).calling(["all", "one_7"])
        get = store.get
        asked: list[bytes] = []

        def listening(kind: str, key: bytes) -> bytes | None:
            asked.extend([key] if kind == "words" else [])
            return get(kind, key)

        def forgetful(kind: str, key: bytes) -> bytes | None:
            return None if kind == "words" else get(kind, key)

        monkeypatch.setattr(store, "get", listening)
        assert made(root, store).calling(["one_7", "all"]) == before
        assert len(asked) == 1, "the answer, and nothing to make it from"
        monkeypatch.setattr(store, "get", forgetful)
        assert made(root, store).calling(["all", "one_7"]) == before


@pytest.mark.parametrize("changes", [1, 5, 40])
def test_an_index_of_before_answers_as_a_new_one(tmp_path: Path, changes: int) -> None:
    root = tree(tmp_path)
    names = ["all", "fresh", *(f"one_{n}" for n in range(60))]
    with Store(tmp_path / "cache") as store:
        made(root, store)
        for n in range(changes):
            path = root / f"mm/file{n * 7 % 40}.c"
            match n % 3:
                case 0:
                    path.write_text(f"void g(void) {{ fresh(); one_{n + 20}(); }}\n")
                case 1:
                    path.unlink()
                case _:
                    path.rename(root / f"mm/renamed{n}.c")
        (root / "mm/added.c").write_text("struct page *p; void h(void) { p->flags = fresh(); }\n")
        for _ in range(2):
            old, new = made(root, store), made(root, None)
            assert old.calling(names) == new.calling(names)
            assert old.writing(["page"]) == new.writing(["page"]) == ("mm/added.c",)
            assert "mm/added.c" in old.calling(["fresh"])["fresh"]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    root = tree(tmp_path, 3)
    if os.geteuid() == 0:
        (root / "mm/file1.c").unlink()
        (root / "mm/file1.c").symlink_to("file2.c")
        survey = Survey(str(root), "x86")
        (root / "mm/file2.c").unlink()  # between the walk and the reading
        lexicon = make_lexicon(survey, None, 1)
        assert lexicon.unreadable == ("mm/file1.c", "mm/file2.c")
    else:
        (root / "mm/file1.c").chmod(0)
        assert made(root, None).unreadable == ("mm/file1.c",)
