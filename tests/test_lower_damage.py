"""Which functions an error costs, from a file's text, clang's errors and its functions."""

from __future__ import annotations

import pytest

from flaglint.lower.damage import Cost, Span, costs

TEXT = b"""\
#include <linux/mm.h>
static int a(struct page *page)
{
	return 1;
}
/* } */
struct odd { int x; };
int
b(void)
{
}
void c(void)
	__must_hold(lock)
{
}
"""
A, B, C = Span("a", 2, 5), Span("b", 8, 11), Span("c", 12, 15)


def names(errors: list[tuple[int, str]], *spans: Span, text: bytes = TEXT) -> list[str]:
    return [cost.name for cost in costs(text, errors, spans)]


def test_an_error_costs_the_function_it_stands_in() -> None:
    assert costs(TEXT, [(10, "second"), (9, "first")], [A, B, C]) == (Cost("b", 9, "first"),)


@pytest.mark.parametrize("line", [1, 6, 7])
def test_an_error_between_functions_costs_none(line: int) -> None:
    assert names([(line, "unknown type name")], A, B, C) == []


def test_a_function_that_clang_did_not_tell_is_told_by_its_head() -> None:
    assert names([(9, "expected ')'")], A, C) == ["b"]


def test_two_functions_that_became_one() -> None:
    assert names([(9, "function definition is not allowed here")], Span("a", 2, 15)) == [
        "a",
        "b",
        "c",
    ]


def test_a_brace_too_many_ends_the_function_before() -> None:
    text = TEXT.replace(b"return 1;", b"} return 1;")
    ended = Span("a", 2, 4)
    assert names([(5, "extraneous closing brace")], ended, B, C, text=text) == ["a"]


def test_what_never_ends_costs_all_that_follows() -> None:
    assert names([(4, "unterminated conditional directive")], A, B, C) == ["a", "b", "c"]
    assert names([(6, "unterminated /* comment")], A) == ["b", "c"]


def test_a_body_without_a_head_is_not_forgotten() -> None:
    text = TEXT.replace(b"int\nb(void)", b"int\n*void)")
    assert names([(9, "expected identifier")], A, C, text=text) == [""]


@pytest.mark.parametrize("text", [b"", b"\n", b"{", b"}\n}", b"x(\n{"])
def test_any_text(text: bytes) -> None:
    assert len(costs(text, [(1, "x"), (2, "unterminated y"), (99, "z")], [])) <= 1
