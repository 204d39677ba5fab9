"""The JSON contract: every promised key, relative paths, one document."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flaglint.report.json import encode, render_check, render_sites
from tests.reports import EMPTY, REPORT, SITES

FINDING_KEYS = set(
    "rule level file line column function message fingerprint word flag helper locks chain "
    "racing doubts".split()
)
RACING_KEYS = set("file line function helper flag locks chain".split())
SITE_KEYS = set(
    "file line column function expression helper flag word verdict reason poison_window "
    "evidence doubts".split()
)


def load(body: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(body)
    return document


def test_check_has_the_promised_keys() -> None:
    document = load(render_check(REPORT))
    assert document["schema"] == 1
    assert document["kernel"] == "6.12.0"
    assert document["coverage"] == {"textual": 5, "analysed": 3, "inactive": 1, "unparsed": 1}
    for finding in document["findings"]:
        assert set(finding) >= FINDING_KEYS
    race = document["findings"][0]
    assert set(race["racing"][0]) >= RACING_KEYS
    assert race["chain"][0] == {"function": "unmap_page_range", "file": "mm/memory.c", "line": 1700}
    assert (race["rule"], race["level"], race["word"]) == ("FL001", "error", "second")
    assert race["locks"] == ["split_queue_lock"]


def test_sites_have_the_promised_keys() -> None:
    document = load(render_sites(REPORT))
    assert document["schema"] == 1
    assert set(document["coverage"]) == {"textual", "analysed", "inactive", "unparsed"}
    assert [set(site) >= SITE_KEYS for site in document["sites"]] == [True] * len(SITES)
    assert document["sites"][0]["evidence"] == [
        {"file": "mm/filemap.c", "line": 990, "message": "the folio comes from folio_alloc()"},
        {"file": "mm/filemap.c", "line": 2400, "message": "filemap_read() calls on"},
        {"file": "mm/filemap.c", "line": 1200, "message": "filemap_read_folio() calls on"},
    ]
    assert document["sites"][0]["poison_window"] is True


def test_what_was_not_analysed_and_the_doubts_are_told() -> None:
    for render in (render_check, render_sites):
        document = load(render(REPORT))
        assert document["doubts"]["unknown callee"] == 12
        assert document["unread"][0]["file"] == "mm/broken.c"


def test_the_trees_own_place_is_never_written() -> None:
    assert REPORT.root.encode() not in render_check(REPORT) + render_sites(REPORT)


@pytest.mark.parametrize(("render", "key"), [(render_check, "findings"), (render_sites, "sites")])
def test_nothing_found_is_an_empty_list(render: Any, key: str) -> None:
    body = render(EMPTY)
    assert load(body)[key] == []
    assert body.endswith(b"}\n")


def test_odd_characters_survive() -> None:
    assert load(encode({"name": "größe\x1b\u202e"})) == {"name": "größe\x1b\u202e"}
