"""What the ledger says of each plain write of testdata/verdicts: the verdict, and what it rests on.

A fixture is silent where a page is known to be its writer's own, and where nothing is known of
it. Here the two are told apart. The end of a line says what is said of the write on it: verdict,
the word where it is not the head's, the flag where the
helper's name does not tell, and the reason; the evidence but for callers in brackets; and the
doubts behind a dash,

    __folio_set_referenced(folio);  /* exclusive: allocation (allocated by folio_alloc()) */

Each file becomes one of mm/ of the mini-kernel, all of them in one tree.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from flaglint import analysis
from flaglint.finding import Report, Site
from tests.expectations import MINI_KERNEL, TESTDATA

PATHS = sorted((TESTDATA / "verdicts").glob("*.c"))
_SAID = re.compile(r"/\* ((?:racy|unknown|locked|exclusive|inactive)\b.*?) \*/$")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = tmp_path_factory.mktemp("verdicts")
    shutil.copytree(MINI_KERNEL, folder / "tree")
    for path in PATHS:
        shutil.copy(path, folder / "tree/mm")
    request = analysis.Request((str(folder / "tree"),), jobs=1, cache_dir=str(folder / "cache"))
    return analysis.analyse(request, lambda *_: None)


def said(site: Site) -> str:
    """A site's row as an annotation has it."""
    why = f": {site.reason}" if site.reason != site.verdict else ""
    told = "; ".join(each.message for each in site.evidence if not each.caller)
    doubts = "; ".join(site.doubts)
    word = f", {site.word} word" if site.word != "head" else ""
    if not site.helper.endswith(site.flag.removeprefix("PG_").lower()):
        word += f", {site.flag}"
    return str(site.verdict) + word + why + (told and f" ({told})") + (doubts and f" -- {doubts}")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_each_plain_write_is_judged_as_its_line_says(path: Path, report: Report) -> None:
    lines = enumerate(path.read_text().splitlines(), 1)
    expected = {number: match[1] for number, line in lines if (match := _SAID.search(line))}
    found = {site.line: said(site) for site in report.sites if site.file == f"mm/{path.name}"}
    assert found == expected
