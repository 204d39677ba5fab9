"""The ledger: every plain write with its verdict, to be filtered and searched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from flaglint.finding import Site, Verdict
from flaglint.report.html.markup import Markup, join, tag
from flaglint.report.html.pieces import badge, breakable, call, facts, frame, place
from flaglint.report.layout import SourceLine, flags, plural

_MEANING = {
    Verdict.RACY: "another writer can run at the same time",
    Verdict.UNKNOWN: "a doubt stands in the way of a decision",
    Verdict.EXCLUSIVE: "nobody else has the page",
    Verdict.LOCKED: "every other writer holds a lock that is held here",
    Verdict.INACTIVE: "not compiled under this configuration",
}


def render(
    sites: Sequence[Site], ids: Sequence[str], configurations: Sequence[str], source: SourceLine
) -> Markup:
    """The section; `ids` names each row's element. A row says if only some configurations have it.

    `configurations` are the names of all that were asked for, none where it was one.
    """
    return tag(
        "section",
        tag("h2", "The ledger"),
        tag(
            "p",
            "Every place in the text that writes a flags word plainly, none left out. Open a row"
            " for the evidence.",
        ),
        _form(sites),
        tag(
            "ol",
            *(
                _row(site, name, configurations, source)
                for site, name in zip(sites, ids, strict=True)
            ),
            class_="rows",
            id="rows",
        ),
        tag("p", "No site matches. ", tag("button", "Show all", type="button", id="show-all"),
            id="no-match", hidden=True),
        id="ledger",
    )  # fmt: skip


def _form(sites: Sequence[Site]) -> Markup:
    verdicts = Counter(site.verdict for site in sites)
    words = Counter(site.word for site in sites)
    boxes = [
        tag(
            "label",
            tag("input", type="checkbox", name="verdict", value=verdict.value, checked=True),
            " ",
            badge(f"{verdict.value} {verdicts[verdict]}", verdict.value),
            title=_MEANING[verdict],
        )
        for verdict in Verdict
        if verdicts[verdict]
    ]
    options = [tag("option", "every word", value="")]
    options += [
        tag("option", f"{word} ({words[word]})", value=word)
        for word in ("head", "second", "any")
        if words[word]
    ]
    return tag(
        "form",
        tag("label", tag("span", "Search ", tag("kbd", "/")),
            tag("input", type="search", id="search", autocomplete="off", spellcheck="false",
                placeholder="file, function, flag, reason...")),
        tag("fieldset", tag("legend", "Verdict"), *boxes),
        tag("label", tag("span", "Word"), tag("select", *options, id="word")),
        tag("output", plural(len(sites), "site"), id="shown"),
        id="filter",
        class_="script-only",
        role="search",
        aria_label="Filter the ledger",
    )  # fmt: skip


def _row(site: Site, name: str, configurations: Sequence[str], source: SourceLine) -> Markup:
    window = badge("poison window", "window") if site.but_for_walkers else None
    some = site.configurations if len(site.configurations) < len(configurations) else ()
    only = tag("span", f"only {', '.join(some)}", class_="dim") if some else None
    return tag(
        "li",
        tag(
            "details",
            tag(
                "summary",
                badge(site.verdict.value, site.verdict.value),
                " ",
                tag("span", place(site.file, site.line), class_="cell-place"),
                " ",
                tag(
                    "code",
                    breakable(f"{site.function}()") if site.function else "",
                    class_="cell-function",
                ),
                " ",
                tag(
                    "span",
                    tag("code", breakable(call(site.helper))),
                    " ",
                    flags(site.flag),
                    class_="cell-write",
                ),
                " ",
                tag("span", f"{site.word} word", class_="dim"),
                " ",
                tag("span", site.reason, class_="cell-reason"),
                " ",
                tag("span", window, " " if window and only else None, only),
            ),
            tag("div", _inside(site, source), class_="inside"),
            id=name,
        ),
        data_verdict=site.verdict.value,
        data_word=site.word,
    )


def _inside(site: Site, source: SourceLine) -> Markup:
    shown = frame(source, site.file, site.line, site.column, site.helper, kind="site", around=2)
    see = [
        tag("li", place(item.file, item.line), " ", item.message)
        for item in sorted(set(site.evidence), key=site.evidence.index)
    ]
    doubts = [tag("li", doubt) for doubt in site.doubts]
    return join(
        shown or tag("pre", tag("code", " ".join(site.expression.split()))),
        facts(
            [
                ("verdict", f"{site.verdict.value}: {_MEANING[site.verdict]}"),
                ("flags", breakable(site.flag, "|") if flags(site.flag) != site.flag else None),
                ("reason", site.reason),
                ("evidence", tag("ul", *see) if see else None),
                ("doubts", tag("ul", *doubts) if doubts else None),
                ("built under", ", ".join(site.configurations)),
            ]
        ),
    )
