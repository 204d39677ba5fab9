"""Which files are read: found in the text, through headers too."""

from __future__ import annotations

from pathlib import Path

import pytest

from flaglint.lexicon import make_lexicon
from flaglint.scope import defining_files, writing_files
from flaglint.survey import Survey
from tests.small_tree import small_tree

RECORDS = frozenset(("page", "folio"))
BITOPS = frozenset(("__set_bit",))


def writing(tmp_path: Path, header: str, source: str) -> tuple[str, ...]:
    root = small_tree(tmp_path, {"fs/x/x.h": header, "fs/x/x.c": source})
    survey = Survey(str(root), "x86", None)
    lexicon = make_lexicon(survey, None, 1)
    return writing_files(survey, lexicon, ["__SetPageX"], RECORDS, BITOPS)


@pytest.mark.parametrize(
    "header",
    [
        "static inline void note(struct page *page)\n{\n\t__SetPageX(page);\n}\n",
        "static inline void\nnote(struct page *page)\n{\n\t__SetPageX(page);\n}\n",
        " static inline void note(struct page *page) { __SetPageX(page); }\n",
        "static inline int f(int x) { return x; } static inline void note(struct page *p)"
        " { __SetPageX(p); }\n",
        "#define note(p) __SetPageX(p) /* of a page */\n",
        "#define note(p)\tdo { \\\n\t__SetPageX(p); /* of a page */ } while (0)\n",
        "static inline void note(struct page *p) { p->flags |= 1; }\n",
        "static inline void note(struct folio *f) { __set_bit(1, &f->flags); }\n",
        "static inline void in(struct page *p) { __SetPageX(p); }\n"
        "static inline void note(struct page *p) { in(p); }\n",
    ],
)
def test_who_calls_what_a_header_writes_is_read(tmp_path: Path, header: str) -> None:
    assert writing(tmp_path, header, "void f(void) { note(0); }\n") == ("fs/x/x.c",)


@pytest.mark.parametrize(
    "header",
    [
        "static inline int note(struct page *page) { return PageX(page); }\n",
        "static inline int note(struct folio *f) { return test_bit(1, &f->flags); }\n",
        "#define note(p) PageX(p)\n#define other(p) __SetPageX(p)\n",
        "static inline void note(struct vma *v, struct page *p) { v->flags |= 1; }\n",
    ],
)
def test_who_calls_what_writes_nothing_is_not(tmp_path: Path, header: str) -> None:
    assert writing(tmp_path, header, "void f(void) { note(0); }\n") == ()


@pytest.mark.parametrize(
    ("text", "defines"),
    [
        ("struct page *get(int x)\n{\n}\n", True),
        ("static struct page *\nget(int x,\n    int y)\n{\n}\n", True),
        ("struct page *get(int x) __must_hold(lock)\n{\n}\n", True),
        ("struct page *get(int x);\nint f(void)\n{\n\treturn !get(1);\n}\n", False),
        ("int f(void)\n{\n\tif (get(1)) {\n\t}\n}\n", False),
        ("struct page *forget(int x)\n{\n\tget(1);\n}\n", False),
    ],
)
def test_who_defines_a_function(tmp_path: Path, text: str, defines: bool) -> None:
    survey = Survey(str(small_tree(tmp_path, {"lib/a.c": text})), "x86", None)
    lexicon = make_lexicon(survey, None, 1)
    assert defining_files(survey, lexicon, ["get"]) == (("lib/a.c",) if defines else ())
