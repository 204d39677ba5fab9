"""Patches from mails and tools, applied to copies of what they name and to nothing else."""

from __future__ import annotations

import base64
import contextlib
import quopri
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flaglint.patches import PatchError, apply_patch, diff_of

OLD = b"".join(b"line %d\n" % n for n in range(20))
NEW = OLD.replace(b"line 9\n", b"line nine\n")
DIFF = b"""\
diff --git a/mm/a.c b/mm/a.c
index 1111111..2222222 100644
--- a/mm/a.c
+++ b/mm/a.c
@@ -7,7 +7,7 @@ line 5
 line 6
 line 7
 line 8
-line 9
+line nine
 line 10
 line 11
 line 12
"""
MAIL = (
    b"From 1234 Mon Sep 17 00:00:00 2001\nFrom: A <a@example.org>\nSubject: [PATCH] mm: x\n\n"
    b"Some words.\n---\n mm/a.c | 2 +-\n\n" + DIFF + b"-- \n2.39.2\n"
)


def reader(present: dict[str, bytes]) -> Callable[[str], bytes | None]:
    return present.get


files = reader({"mm/a.c": OLD})
nothing = reader({})


def test_a_diff_a_mail_and_a_mail_with_an_encoding() -> None:
    headers = (
        b"From: A <a@example.org>\nSubject: x\nMIME-Version: 1.0\n"
        b"Content-Type: text/plain; charset=utf-8\n"
    )
    body = b"Words\n---\n" + DIFF
    quoted = (
        headers + b"Content-Transfer-Encoding: quoted-printable\n\n" + quopri.encodestring(body)
    )
    based = headers + b"Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(body)
    plain = headers + b"Content-Transfer-Encoding: 8bit\n\n" + body
    for text in (DIFF, MAIL, quoted, based, plain, MAIL.replace(b"\n", b"\r\n")):
        assert apply_patch(diff_of(text), files) == {"mm/a.c": NEW}


def test_bytes_of_any_charset_stay_as_they_are() -> None:
    """Old kernel files hold Latin-1; mails claim charsets that do not exist."""
    odd = DIFF.replace(b"line nine", b"line n\xefn\xe9")
    headers = b"Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=x-none\n"
    mail = headers + b"Content-Transfer-Encoding: quoted-printable\n\n" + quopri.encodestring(odd)
    assert apply_patch(diff_of(mail), files) == {
        "mm/a.c": OLD.replace(b"line 9\n", b"line n\xefn\xe9\n")
    }


@given(st.binary(max_size=200), st.integers(0, len(MAIL)))
def test_no_text_is_an_internal_error(junk: bytes, at: int) -> None:
    head = b"Content-Transfer-Encoding: base64\n"
    for text in (junk, MAIL[:at] + junk + MAIL[at:], head + MAIL[at:] + junk):
        diff = diff_of(text)
        assert isinstance(diff, bytes)


@settings(max_examples=25)
@given(st.binary(max_size=60), st.integers(0, len(DIFF)))
def test_a_damaged_patch_applies_or_is_refused(junk: bytes, at: int) -> None:
    with contextlib.suppress(PatchError):
        made = apply_patch(DIFF[:at] + junk + DIFF[at:], files)
        assert all(not path.startswith(("/", "..")) for path in made)


def test_a_mail_without_a_diff() -> None:
    assert diff_of(b"From: A <a@example.org>\nSubject: [PATCH 0/3] words\n\n---\n 1 file\n") == b""
    assert diff_of(b"") == b""


def test_a_patch_is_taken_back() -> None:
    assert apply_patch(DIFF, reader({"mm/a.c": NEW}), reverse=True) == {"mm/a.c": OLD}


def test_lines_may_have_moved_but_not_changed() -> None:
    moved = b"more\n" * 30
    assert apply_patch(DIFF, reader({"mm/a.c": moved + OLD})) == {"mm/a.c": moved + NEW}
    with pytest.raises(PatchError, match="does not apply"):
        apply_patch(DIFF, reader({"mm/a.c": OLD.replace(b"line 8", b"line eight")}))
    with pytest.raises(PatchError, match="does not apply"):
        apply_patch(DIFF, nothing)


def test_new_removed_and_renamed_files() -> None:
    new = b"--- /dev/null\n+++ b/mm/new.c\n@@ -0,0 +1 @@\n+int x;\n"
    assert apply_patch(
        b"diff --git a/mm/new.c b/mm/new.c\nnew file mode 100644\n" + new, nothing
    ) == {"mm/new.c": b"int x;\n"}
    gone = (
        b"diff --git a/mm/b.c b/mm/b.c\ndeleted file mode 100644\n--- a/mm/b.c\n+++ /dev/null\n"
        b"@@ -1 +0,0 @@\n-int x;\n"
    )
    assert apply_patch(gone, reader({"mm/b.c": b"int x;\n"})) == {"mm/b.c": None}
    moved = (
        b"diff --git a/mm/a.c b/mm/z.c\nsimilarity index 100%\n"
        b"rename from mm/a.c\nrename to mm/z.c\n"
    )
    assert apply_patch(moved, files) == {"mm/a.c": None, "mm/z.c": OLD}


def test_two_patches_of_one_file_in_one_text() -> None:
    second = DIFF.replace(b"-line 9\n", b"-line nine\n").replace(b"+line nine\n", b"+line IX\n")
    assert apply_patch(diff_of(MAIL + b"\n" + second), files) == {
        "mm/a.c": OLD.replace(b"line 9\n", b"line IX\n")
    }


@pytest.mark.parametrize("name", [b"../outside.c", b"mm/../../outside.c", b"/tmp/outside.c"])
def test_a_path_outside_is_refused(name: bytes, tmp_path: Path) -> None:
    patch = b"--- /dev/null\n+++ b/" + name + b"\n@@ -0,0 +1 @@\n+int x;\n"
    with pytest.raises(PatchError):
        apply_patch(patch, nothing)


def test_a_link_that_a_patch_makes_is_no_file() -> None:
    link = (
        b"diff --git a/mm/l.c b/mm/l.c\nnew file mode 120000\n--- /dev/null\n+++ b/mm/l.c\n"
        b"@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n"
    )
    assert apply_patch(link, nothing) == {"mm/l.c": None}


def test_attributes_in_a_patch_bring_no_filter() -> None:
    attributes = (
        b"diff --git a/.gitattributes b/.gitattributes\nnew file mode 100644\n--- /dev/null\n"
        b"+++ b/.gitattributes\n@@ -0,0 +1 @@\n+* text eol=crlf filter=trap ident\n"
    )
    assert apply_patch(attributes + DIFF, files)["mm/a.c"] == NEW
