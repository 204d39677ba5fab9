"""The report as one self-contained web page: maps of the words, races as time, the ledger.

Nothing is loaded from anywhere: style and script stand in the page, and its content security
policy allows those two, by their hashes, and nothing else. What comes from the analysed tree
is text and stays text (`markup`). Without scripts everything is there but the filter.

Interface: `render`.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from flaglint import __version__
from flaglint.cards import Card
from flaglint.finding import Finding, Level, Report, Unread, Verdict
from flaglint.report.html import ledger, races, words
from flaglint.report.html.markup import Markup, join, raw, tag
from flaglint.report.html.pieces import anchor, badge
from flaglint.report.html.prose import lines, prose
from flaglint.report.layout import SourceLine, plural

_FEW = 3
_HERE = Path(__file__).parent
_ICON = (
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'><path d='M1 0v8' stroke='#777'/>"
    "<path d='M1 1h6L5 3l2 2H1z' fill='#c22'/></svg>"
)


def render(report: Report, cards: Sequence[Card], source: SourceLine) -> bytes:
    """The page, in UTF-8."""
    style = (_HERE / "page.css").read_text("utf-8")
    script = (_HERE / "page.js").read_text("utf-8")
    title = f"flaglint: Linux {report.kernel}"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="generator", content=f"flaglint {__version__}"),
        tag("title", title),
        tag("link", rel="icon", href="data:image/svg+xml," + quote(_ICON, safe="")),
        raw("style", style),
    )
    body = tag("body", *_body(report, cards, source), raw("script", script))
    page = tag("html", head, body, lang="en")
    return f"<!DOCTYPE html>\n{page}\n".encode("utf-8", "replace")


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _body(report: Report, cards: Sequence[Card], source: SourceLine) -> list[Markup]:
    levels = list(Level)
    findings = sorted(report.findings, key=lambda found: levels.index(found.level))  # worst first
    finding_ids = _finding_ids(findings)
    site_ids = [f"site-{number}" for number in range(1, len(report.sites) + 1)]
    named = list(zip(report.sites, site_ids, strict=True))
    order = list(Verdict)
    verdicts = {
        (site.file, site.line, site.column, site.helper): (site, name)
        for site, name in sorted(named, key=lambda n: order.index(n[0].verdict), reverse=True)
    }  # of several at one place the worst, which comes last
    maps = words.maps(report.writers, report.table, verdicts) if report.table else ()
    context = races.Context(
        operations={w.helper: w.operation for w in report.writers if w.operation},
        sites={key: name for key, (_, name) in verdicts.items()},
        bits={(row.word, flag): row.id for row in maps if row.writers for flag in row.names},
    )
    sections = [
        ("findings", "Findings", len(report.findings)),
        ("words", "Words", None),
        ("ledger", "Ledger", len(report.sites)),
        ("coverage", "Not analysed", len(report.unread)),
        ("rules", "Rules", None),
    ]
    mapped = words.render(maps, verdicts, report.configurations) if maps else join()
    return [
        anchor("Skip to the findings", "findings", class_="skip"),
        tag(
            "header",
            tag("h1", "flaglint ", tag("span", f"Linux {report.kernel}", class_="kernel")),
            _summary(report),
        ),
        tag(
            "nav",
            *(
                anchor(f"{text} {count}" if count is not None else text, name)
                for name, text, count in sections
                if name != "words" or mapped
            ),
            tag("button", "Theme", type="button", id="theme", class_="script-only",
                title="light, dark, or as the system has it"),
            aria_label="Sections",
        ),
        tag(
            "main",
            races.render(findings, report.suppressed, finding_ids, context, source),
            mapped,
            ledger.render(report.sites, site_ids, report.configurations, source),
            _coverage(report),
            _rules(report, cards),
        ),
        tag(
            "footer",
            tag("p", f"flaglint {__version__}. Keys: ", tag("kbd", "/"), " searches the ledger, ",
                tag("kbd", "j"), " and ", tag("kbd", "k"), " go to the next and the previous"
                " finding."),
        ),
    ]  # fmt: skip


def _finding_ids(findings: Sequence[Finding]) -> list[str]:
    seen: Counter[str] = Counter()
    ids = []
    for found in findings:
        seen[found.fingerprint] += 1
        again = f"-{seen[found.fingerprint]}" if seen[found.fingerprint] > 1 else ""
        ids.append(f"finding-{found.fingerprint}{again}")
    return ids


def _summary(report: Report) -> Markup:
    levels = Counter(found.level.value for found in report.findings)
    verdicts = Counter(site.verdict for site in report.sites)
    found = [
        badge(plural(levels[level], level), level)
        for level in ("error", "warning", "note")
        if levels[level]
    ]
    hidden = anchor(f"{len(report.suppressed)} suppressed", "suppressed")
    hidden = hidden if report.suppressed else join()
    under = ", ".join(report.configurations)
    shares = [badge(f"{verdicts[v]} {v.value}", v.value) for v in Verdict if verdicts[v]]
    return tag(
        "ul",
        tag("li", tag("b", plural(len(report.findings), "finding")), " ", *_spaced(found), hidden),
        tag("li", tag("b", plural(len(report.sites), "plain write")), " ", *_spaced(shares)),
        tag("li", tag("b", plural(len(report.files), "file")), " analysed"),
        tag("li", "under ", tag("b", under)) if under else None,
        class_="summary",
    )


def _spaced(badges: Sequence[Markup]) -> list[Markup]:
    return [join(item, " ") for item in badges]


def _coverage(report: Report) -> Markup:
    c = report.coverage
    unread = _unread(report.unread)
    doubts = [tag("li", f"{count} times: {name}") for name, count in report.doubts]
    return tag(
        "section",
        tag("h2", "Not analysed, and doubts"),
        tag(
            "p",
            f"{plural(c.textual, 'place')} in the text name a plain writer: {c.analysed} analysed,"
            f" {c.inactive} inactive, {c.unparsed} not parsed.",
        ),
        join(tag("h3", "Could not be analysed"), tag("ul", *unread)) if unread else None,
        join(tag("h3", "Doubts about plain writes"), tag("ul", *doubts)) if doubts else None,
        id="coverage",
    )


def _unread(items: Sequence[Unread]) -> list[Markup]:
    """A line for each file and reason; many functions fold away."""
    together: dict[tuple[str, str], list[str]] = {}
    for item in items:
        functions = together.setdefault((item.file, item.reason), [])
        functions += [f"{item.function}()"] if item.function else []
    lines = []
    for (file, reason), functions in together.items():
        named = ", ".join(functions)
        shown: Markup | str | None = f": {named}" if functions else None
        if len(functions) > _FEW:
            summary = tag("summary", plural(len(functions), "function"))
            shown = join(" ", tag("details", summary, tag("code", named)))
        lines.append(tag("li", tag("code", file), " ", reason, shown))
    return lines


def _rules(report: Report, cards: Sequence[Card]) -> Markup:
    used = {found.rule for found in report.findings}
    shown = [
        tag(
            "details",
            tag("summary", tag("b", card.id), f" {card.name}: {card.summary}"),
            prose(card.what),
            tag("h3", "Why"),
            prose(card.why),
            tag("h3", "Example"),
            tag("pre", tag("code", lines(card.example)), tabindex=0,
                role="group", aria_label=f"example of {card.id}"),
            tag("h3", "Fix"),
            prose(card.fix),
            class_="bit",
            id=f"rule-{card.id}",
        )
        for card in cards
        if card.id in used
    ]  # fmt: skip
    note = tag("p", "Every rule: ", tag("code", "flaglint explain"), ".")
    return tag("section", tag("h2", "Rules"), *shown, note, id="rules")


__all__ = ["render"]
