"""The web page: nothing gets in or out, every link leads somewhere, and it says what it must."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flaglint.cards import load_cards
from flaglint.finding import Report, Suppressed, Unread
from flaglint.report import html
from flaglint.report.html import words
from flaglint.report.html.markup import escape, join, raw, tag
from flaglint.report.html.pieces import frame as source_frame
from flaglint.report.html.prose import prose
from tests.reports import ALIAS, EMPTY, RACE, RACING, SITES, quoted
from tests.web import ATOMIC, HEADER, TABLE, WEB, WHOLE, Page, hostile

HOSTILE = '</script></style><img src=x onerror=alert(1)>"\' onfocus="alert(1)\n&lt;\u202e\x00'


def page(report: Report) -> Page:
    return Page(html.render(report, load_cards(), quoted))


def test_every_link_leads_to_an_element_of_the_page() -> None:
    shown = page(WEB)
    ids = [e.attributes["id"] for e in shown.elements if "id" in e.attributes]
    assert [name for name, count in Counter(ids).items() if count > 1] == []
    links = [e.attributes["href"] for e in shown.named("a")]
    assert len(links) > 10
    assert [link for link in links if link[0] != "#" or link[1:] not in ids] == []


def test_labels_name_elements_that_are_there() -> None:
    shown = page(WEB)
    ids = {e.attributes.get("id") for e in shown.elements}
    labels = [e.attributes["aria-labelledby"] for e in shown.elements
              if "aria-labelledby" in e.attributes]  # fmt: skip
    assert len(labels) == len(WEB.findings)
    assert set(labels) <= ids


def test_the_policy_allows_this_style_and_script_and_nothing_else() -> None:
    shown = page(WEB)
    (meta,) = [e for e in shown.named("meta") if "http-equiv" in e.attributes]
    policy = meta.attributes["content"]
    for name in ("style", "script"):
        (element,) = shown.named(name)
        digest = base64.b64encode(hashlib.sha256("".join(element.text).encode()).digest())
        assert f"{name}-src 'sha256-{digest.decode()}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy


def test_nothing_is_loaded_and_nothing_is_inline() -> None:
    shown = page(WEB)
    for element in shown.elements:
        assert "src" not in element.attributes
        assert "style" not in element.attributes
        assert not [name for name in element.attributes if name.startswith("on")]
        if element.name == "link":
            assert element.attributes["href"].startswith("data:")
    body = html.render(WEB, load_cards(), quoted).decode()
    assert re.findall(r"(?:https?:)?//\w[\w.]*\.\w+", body) == []
    assert "@import" not in body
    assert "url(" not in body


@pytest.mark.parametrize("text", [HOSTILE, "<!--", "]]>", "<script>", "&#60;b&#62;", "'\"`"])
def test_what_the_tree_says_stays_text(text: str) -> None:
    kinds = {(e.name, *sorted(e.attributes)) for e in page(WEB).elements}
    kinds |= {(e.name, *sorted(e.attributes)) for e in page(hostile(WEB, "plain")).elements}
    body = html.render(hostile(WEB, text), load_cards(), lambda _file, _line: text)
    shown = Page(body)
    added = {(e.name, *sorted(e.attributes)) for e in shown.elements} - kinds
    # Frames that the hand-made source does not have are the only new kinds of elements.
    assert {kind[0] for kind in added} <= {"mark", "span", "figure", "pre"}
    assert len(shown.named("script")) == len(shown.named("style")) == 1
    assert shown.named("img") == []
    assert "\u202e" not in body.decode()
    assert "\0" not in body.decode()


@given(st.text())
def test_escaped_text_comes_back_as_it_was_printable(text: str) -> None:
    body = join("<", text, ">", tag("b", text, title=text, class_=None, hidden=False))
    parsed = Page(body.encode("utf-8", "replace"))
    (bold,) = parsed.elements
    assert list(bold.attributes) == ["title"]
    assert bold.attributes["title"] == "".join(bold.text)
    assert escape(escape(text)) == escape(text)


def test_a_script_that_would_end_early_is_refused() -> None:
    with pytest.raises(AssertionError):
        raw("script", "'</SCRIPT>'")


def test_a_race_is_shown_as_time() -> None:
    shown = page(WEB)
    (story,) = shown.of("story")
    assert story.says().count("CPU 0") == story.says().count("CPU 1") == 1
    memory = [cell.says() for cell in shown.of("memory")][1:]  # under the heading
    mine, theirs = "PG_partially_mapped", "PG_has_hwpoisoned"
    assert memory == [
        f"{mine} 0{theirs} 0",
        f"{mine} 0{theirs} 0",
        f"{mine} 0{theirs} 1",
        f"{mine} 1{theirs} 0 lost",
    ]
    (lost,) = shown.of("lost")
    assert lost.says() == f"Lost: {RACE.steps[3]}."


def test_a_flag_that_is_cleared_comes_back() -> None:
    writers = tuple(msgspec.structs.replace(w, operation="clear") for w in WEB.writers)
    last = page(msgspec.structs.replace(WEB, writers=writers)).of("memory")[-1].says()
    assert last == "PG_partially_mapped 0PG_has_hwpoisoned 1 lost"


def test_what_a_write_does_may_be_unknown() -> None:
    report = msgspec.structs.replace(WEB, writers=())
    last = page(report).of("memory")[-1].says()
    assert last == "PG_partially_mapped newPG_has_hwpoisoned old lost"


def test_a_finding_says_what_the_text_report_says() -> None:
    said = page(WEB).id(f"finding-{RACE.fingerprint}").says()
    for text in (
        RACE.message, RACE.why, RACE.fix, *RACE.doubts, *RACE.locks, RACE.steps[0],
        RACE.evidence[0].message, RACE.racing[1].helper, "soft_offline_page()", RACE.fingerprint,
        "split_queue_lock taken in deferred_split_folio() mm/huge_memory.c:3655",
    ):  # fmt: skip
        assert text in said


def test_the_place_is_marked_in_its_source() -> None:
    marks = page(WEB).named("mark")
    # The finding's two places, then the ledger's.
    assert [mark.says() for mark in marks] == [RACE.helper, RACING.helper, RACE.helper]
    frame = next(line for line in page(WEB).of("here"))
    assert frame.says() == f"{RACE.helper}(folio);"
    assert frame.attributes["data-n"] == str(RACE.line)


def test_a_frame_has_no_indentation_in_common() -> None:
    """A narrow screen would show nothing else."""
    lines = {8: "\t\tif (x) {", 9: "\t\t\tfor (;;)", 10: "\t\t\t\tset(folio);", 11: "", 12: "\t\t}"}
    shown = str(source_frame(lambda file, line: lines.get(line, ""), "mm/a.c", 10, 5, "set"))
    assert re.findall(r'<span class="line[^>]*>(.*?)</span>', shown)[1:] == [
        "if (x) {",
        "        for (;;)",
        '                <mark class="error">set</mark>(folio);',
        " ",
        "}",
    ]
    blank = source_frame(lambda file, line: "\t" if line == 3 else "", "mm/a.c", 3, 1, "set")
    assert "a.c:3" in str(blank)


def test_two_findings_with_one_fingerprint_have_their_own_places() -> None:
    report = msgspec.structs.replace(WEB, findings=(RACE, RACE, ALIAS))
    names = [e.attributes["id"] for e in page(report).named("article")]
    assert names == [f"finding-{RACE.fingerprint}", f"finding-{RACE.fingerprint}-2",
                     f"finding-{ALIAS.fingerprint}"]  # fmt: skip


def test_what_is_suppressed_is_said_with_its_reason() -> None:
    hidden = Suppressed(RACE, "reviewed <in> March", "flaglint.toml")
    shown = page(msgspec.structs.replace(EMPTY, suppressed=(hidden,)))
    said = shown.id("suppressed").says()
    assert said.startswith("1 finding suppressed")
    assert f"{RACE.message} reviewed <in> March (flaglint.toml)" in said
    assert "1 suppressed" in shown.of("summary")[0].says()
    assert not [e for e in page(EMPTY).elements if e.attributes.get("id") == "suppressed"]


def test_an_empty_report_says_that_nothing_was_found() -> None:
    shown = page(EMPTY)
    assert "Nothing was found" in shown.id("findings").says()
    assert not [e for e in shown.elements if e.attributes.get("id") == "words"]


def test_a_bit_is_called_what_its_word_calls_it() -> None:
    second = words.rows("second", WEB.writers, TABLE, {})
    assert {row.number: row.names for row in second} == {
        0: (),
        1: ("PG_partially_mapped", "PG_isolated"),  # the word's own comes first
        2: ("PG_has_hwpoisoned",),
        3: ("PG_anon_exclusive",),
        -1: (),
    }
    head = words.rows("head", WEB.writers, TABLE, {})
    assert [row.names for row in head][:3] == [
        ("PG_locked",),
        ("PG_reclaim", "PG_isolated"),
        ("PG_active",),
    ]


def test_a_bit_is_as_bad_as_its_worst_plain_writer() -> None:
    site = SITES[1]
    verdicts = {(site.file, site.line, site.column, site.helper): (site, "x")}
    rows = {row.number: row for row in words.rows("second", WEB.writers, TABLE, verdicts)}
    assert rows[1].state == "racy"
    assert rows[2].state == rows[3].state == "atomic"
    assert rows[0].state == "unwritten"
    assert rows[-1].state == "unknown"  # a plain writer that the ledger does not have
    assert rows[-1].writers == (WHOLE,)


def test_writers_of_any_page_stand_in_every_word() -> None:
    for word in ("head", "second", "any"):
        rows = {row.number: row for row in words.rows(word, WEB.writers, TABLE, {})}
        assert [w.helper for w in rows[3].writers] == ["SetPageAnonExclusive"]
    assert [row.writers for row in words.rows("head", WEB.writers, TABLE, {})][2] == ()


def test_a_mask_of_many_flags_is_one_row() -> None:
    many = msgspec.structs.replace(
        ATOMIC, flags=tuple(flag.name for flag in TABLE.flags), word="head"
    )
    rows = words.rows("head", (many,), TABLE, {})
    assert [row.number for row in rows if row.writers] == [-1]


def test_locks_are_counted_over_who_can_race() -> None:
    shown = page(WEB)
    second = shown.id("word-second")
    assert "No lock is held by all 3 of them" in second.says()  # not WHOLE, which is exclusive
    totals = [row.says() for row in shown.named("tr") if row.has("total")]
    assert totals[0] == "all writers31 of 31 of 3"  # 3 writers; mf_mutex, split_queue_lock: 1 of 3


def test_a_lock_that_covers_the_word_is_said_to() -> None:
    locked = tuple(msgspec.structs.replace(w, locks=("the_lock",)) for w in WEB.writers)
    report = msgspec.structs.replace(WEB, writers=locked)
    assert "Held by every one of them: the_lock." in page(report).id("word-second").says()


def test_the_ledger_has_every_site_with_its_evidence() -> None:
    shown = page(WEB)
    rows = [e for e in shown.named("li") if "data-verdict" in e.attributes]
    assert [(r.attributes["data-verdict"], r.attributes["data-word"]) for r in rows] == [
        (site.verdict.value, site.word) for site in SITES
    ]
    for row, site in zip(rows, SITES, strict=True):
        for text in (site.function, site.helper, site.flag, site.reason, *site.doubts):
            assert text in row.says()
        assert all(item.message in row.says() for item in site.evidence)


def test_what_was_not_analysed_is_said() -> None:
    said = page(WEB).id("coverage").says()
    assert "mm/broken.c 'asm/nowhere.h' file not found: broken()" in said
    assert "12 times: unknown callee" in said


def test_functions_of_one_file_that_fail_alike_are_one_line() -> None:
    unread = tuple(Unread("mm/a.c", "too many paths", f"f{number}") for number in range(7))
    report = msgspec.structs.replace(WEB, unread=(*unread, Unread("mm/b.c", "CONFIG_B is off")))
    coverage = page(report).id("coverage").says()
    assert "mm/a.c too many paths 7 functions" in coverage
    assert "f6()" in coverage
    assert "mm/b.c CONFIG_B is off" in coverage


def test_the_cards_of_the_rules_found_are_there() -> None:
    shown = page(WEB)
    cards = {card.id: card for card in load_cards()}
    for rule in ("FL001", "FL010"):
        assert cards[rule].summary in shown.id(f"rule-{rule}").says()
    assert cards["FL001"].example.split("\n")[1].strip() in shown.id("rule-FL001").says()


def test_prose_reads_as_written() -> None:
    text = "A *b* `b <c>` and **d `e`**, 2*3*4.\n\n- one\n  two\n- three\n\n1. first\n2. second"
    assert prose(text) == (
        "<p>A <em>b</em> <code>b &lt;c&gt;</code> and <strong>d <code>e</code></strong>, 2*3*4.</p>"
        "<ul><li>one two</li><li>three</li></ul><ol><li>first</li><li>second</li></ol>"
    )


def test_the_same_report_is_the_same_page() -> None:
    assert html.render(WEB, load_cards(), quoted) == html.render(WEB, load_cards(), quoted)
    assert HEADER not in html.render(EMPTY, load_cards(), quoted).decode()


def test_a_finding_leads_to_the_ledger_and_to_its_bit() -> None:
    shown = page(WEB)
    said = shown.id(f"finding-{RACE.fingerprint}").says()
    assert f"flaglint graph TREE {RACE.file}:{RACE.line}" in said
    links = {"".join(e.text): e.attributes["href"] for e in shown.named("a")}
    assert links["this write in the ledger"] == "#site-2"
    assert links["its bit in the map of the word"] == "#bit-second-1"
    assert "PG_partially_mapped" in shown.id("bit-second-1").says()


def test_what_several_configurations_see_says_which() -> None:
    race = msgspec.structs.replace(RACE, configurations=("x86_64", "my.config"))
    both = msgspec.structs.replace(SITES[0], configurations=("x86_64", "my.config"))
    one = msgspec.structs.replace(SITES[1], configurations=("my.config",))
    report = msgspec.structs.replace(
        WEB, findings=(race,), sites=(both, one), configurations=("x86_64", "my.config")
    )
    shown = page(report)
    assert "under x86_64, my.config" in shown.of("summary")[0].says()
    assert "numbered as under x86_64" in shown.id("words").says()
    assert "built under x86_64, my.config" in _facts(shown, f"finding-{race.fingerprint}")
    rows = [e for e in shown.named("summary") if any(s.function in e.says() for s in (both, one))]
    ledger = [row.says() for row in rows if " word " in row.says()]
    assert ["only" in said for said in ledger] == [False, True]
    assert ledger[1].endswith("only my.config")
    assert "built under x86_64, my.config" in _facts(shown, "site-1")
    alone = page(WEB)
    assert "under" not in alone.of("summary")[0].says()
    assert "built under" not in _facts(alone, "ledger")


def _facts(shown: Page, name: str) -> str:
    """The text of an element with a space after each fact's name."""
    return " ".join(" ".join(shown.id(name).text).split())


def test_the_worst_findings_come_first_and_many_flags_are_counted() -> None:
    every = "|".join(flag.name for flag in TABLE.flags)
    report = msgspec.structs.replace(
        WEB,
        findings=(ALIAS, RACE),
        sites=(msgspec.structs.replace(SITES[0], flag=every),),
    )
    shown = page(report)
    names = [e.attributes["id"] for e in shown.named("article")]
    assert names == [f"finding-{RACE.fingerprint}", f"finding-{ALIAS.fingerprint}"]
    (row,) = [e for e in shown.named("summary") if SITES[0].function in e.says()]
    assert "7 flags (PG_locked and others)" in row.says()
    assert every in shown.id("site-1").says()
