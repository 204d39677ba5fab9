"""A patch as it arrives by mail or from a tool, and the files it makes.

    Subject: [PATCH 2/3] mm: ...        what stands around the diffs is passed over
    ---
    diff --git a/mm/rmap.c b/mm/rmap.c

The patch is a stranger's: it is applied by `git apply` in an empty directory of its own, to
copies of just the files that it names, outside any repository (so that no attributes, filters or
hooks apply), and only regular files that come out are taken.

Invariants: nothing is applied by halves; a patch that names a path outside the tree is refused.

Limits: file names that git would put in quotes are not understood.

Interface: `diff_of`, `apply_patch`.
"""

from __future__ import annotations

import email
import os
import re
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from flaglint.git import GitError, run_git

_NAMED = re.compile(
    rb"^(?:--- (?:a/)?|\+\+\+ (?:b/)?|(?:rename|copy) (?:from|to) )([^\t\r\n]+)", re.M
)
_GIT_NAMES = re.compile(rb"^diff --git a/(\S+) b/(\S+)\r?$", re.M)
_QUOTED = re.compile(rb'^(?:--- |\+\+\+ |diff --git |(?:rename|copy) (?:from|to) )"', re.M)
_HUNKS = re.compile(rb"^--- \S.*\n\+\+\+ \S", re.M)
_MAIL = re.compile(rb"\A(?:From |[A-Za-z][\w-]*: )")


class PatchError(Exception):
    """The patch cannot be read or applied; the message is one line."""


def diff_of(text: bytes) -> bytes:
    """The diffs in what was given: a diff, or a mail (whose encoding is undone); b"" if none."""
    if _MAIL.match(text) and re.search(rb"^content-transfer-encoding:", text, re.M | re.I):
        # Bytes as they are: a charset is not the patch's business, and may be an invented one.
        parts = email.message_from_bytes(text).walk()
        bodies = (p.get_payload(decode=True) for p in parts if p.get_content_type() == "text/plain")
        text = b"\n".join(body for body in bodies if isinstance(body, bytes))
    text = text.replace(b"\r\n", b"\n")
    return text if _HUNKS.search(text) or _GIT_NAMES.search(text) else b""


def apply_patch(
    diff: bytes, read: Callable[[str], bytes | None], *, reverse: bool = False
) -> dict[str, bytes | None]:
    """The contents, after the patch, of the files it touches; None for one that it removes.

    `read` gives a file's present content, None where there is no such file. Raises PatchError.
    """
    names = _names(diff)
    with tempfile.TemporaryDirectory(prefix="flaglint-patch-") as name:
        folder = Path(name).resolve()
        for path in sorted(names):
            body = read(path)
            if body is not None:
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(body)
        words = ["apply", "-p1", "--whitespace=nowarn", *(["--reverse"] if reverse else []), "-"]
        try:
            run_git(words, folder, diff, ceiling=folder)
        except GitError as error:
            raise PatchError(f"the patch does not apply: {error}") from None
        return {path: _regular(folder / path) for path in sorted(names)}


def _names(diff: bytes) -> frozenset[str]:
    if _QUOTED.search(diff):
        raise PatchError("the patch names a file in quotes, which is not understood")
    found = set()
    for match in _NAMED.finditer(diff):
        found.add(
            re.sub(rb"\A[ab]/", b"", match[1]) if match[0][:3] in (b"---", b"+++") else match[1]
        )
    for match in _GIT_NAMES.finditer(diff):
        found |= {match[1], match[2]}
    names = frozenset(os.fsdecode(name.rstrip()) for name in found) - {"/dev/null"}
    for path in names:
        if path.startswith("/") or ".." in path.split("/") or "\0" in path:
            raise PatchError(f"the patch names {path!r}, outside the tree")
    return names


def _regular(path: Path) -> bytes | None:
    try:
        if stat.S_ISREG(path.lstat().st_mode):
            return path.read_bytes()
    except OSError:
        pass
    return None
