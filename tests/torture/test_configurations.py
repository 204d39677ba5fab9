"""Configurations: architectures, .config files, builds in and outside the tree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.torture.conftest import Judge, Tally
from tests.torture.sandbox import Box, Outcome

USE = """
#ifdef CONFIG_ODD
void odd(struct page *page)
{
	__SetPageLocked(page);
}
#endif
"""


def odd_verdict(outcome: Outcome) -> str:
    """The verdict of the one site that only CONFIG_ODD has."""
    sites = outcome.document["sites"]
    (site,) = [s for s in sites if s["file"] == "mm/swap.c" and s["helper"] == "__SetPageLocked"]
    return str(site["verdict"])


@pytest.fixture
def odd(box: Box) -> Box:
    path = box.path("mm/swap.c")
    path.write_text(path.read_text() + USE)
    return box


@pytest.mark.parametrize("arch", ["x86_64", "arm64"])
def test_architectures(arch: str, box: Box, judged: Judge) -> None:
    assert judged("configurations", "--arch", arch, faults=0).status == 0


def test_a_config_file(odd: Box, judged: Judge) -> None:
    assert odd_verdict(judged("configurations", faults=0)) == "inactive"
    for name, text in (("on", "CONFIG_ODD=y\n"), ("off", "# CONFIG_ODD is not set\nCONFIG_A=y\n")):
        config = odd.home / name
        config.write_text(text + "CONFIG_64BIT=y\nCONFIG_MMU=y\n")
        outcome = odd.run("sites", "--format", "json", "-j", "1", "--config", config)
        assert outcome.wrongs == ()
        assert odd_verdict(outcome) == ("unknown" if name == "on" else "inactive")


def build(folder: Path) -> Path:
    """What `make prepare` leaves behind, as far as it is looked at."""
    (folder / "include/generated").mkdir(parents=True)
    (folder / "arch/x86/include/generated/asm").mkdir(parents=True)
    (folder / "include/generated/bounds.h").write_text("")
    (folder / "include/generated/autoconf.h").write_text(
        "#define CONFIG_ODD 1\n#define CONFIG_64BIT 1\n#define CONFIG_MMU 1\n"
    )
    return folder


def test_a_build_beside_the_tree(odd: Box, judged: Judge) -> None:
    output = build(odd.home / "build")
    outcome = judged("configurations", "--objtree", str(output), faults=0)
    assert odd_verdict(outcome) == "unknown"


def test_a_build_in_the_tree(odd: Box, judged: Judge) -> None:
    build(odd.tree)
    assert odd_verdict(judged("configurations", faults=0)) == "unknown"


@pytest.mark.parametrize("missing", ["include/generated/bounds.h", "arch/x86/include/generated"])
def test_half_a_build_is_refused(missing: str, box: Box, judged: Judge) -> None:
    output = build(box.home / "build")
    gone = output / missing
    gone.rename(output / "gone")
    outcome = judged("configurations", "--objtree", str(output))
    assert outcome.status == 2
    assert "make prepare" in outcome.err


def test_several_configurations_are_one_ledger(odd: Box, tally: Tally) -> None:
    config = odd.home / "odd.config"
    config.write_text("CONFIG_ODD=y\nCONFIG_64BIT=y\nCONFIG_MMU=y\n")
    words = ("sites", "--format", "json", "-j", "1", "--config")
    alone = odd.run(*words, "shipped").document["sites"]
    both = odd.run(*words, "shipped", "--config", config)
    tally.add("configurations", inputs=2)
    assert both.wrongs == ()
    assert odd_verdict(both) == "unknown"
    places = {(s["file"], s["line"], s["helper"]): s for s in both.document["sites"]}
    assert len(places) == len(both.document["sites"])
    assert places.keys() == {(s["file"], s["line"], s["helper"]) for s in alone}
    seen = {names for s in places.values() if (names := tuple(s["configurations"]))}
    assert seen >= {("x86_64", "odd.config"), ("odd.config",)}
    for site in alone:
        place = places[site["file"], site["line"], site["helper"]]
        if "odd.config" not in place["configurations"]:
            assert (place["verdict"], place["reason"]) == (site["verdict"], site["reason"])


def test_several_architectures_are_one_report(box: Box, tally: Tally) -> None:
    box.path("arch/arm64/mm/odd.c").write_text(
        "#include <linux/mm.h>\nvoid odd(struct page *page) { __SetPageLocked(page); }\n"
    )
    words = ("check", "--format", "json", "-j", "1", "--arch", "x86_64", "--arch", "arm64")
    outcome = box.run(*words)
    tally.add("configurations", inputs=1)
    assert outcome.wrongs == ()
    assert outcome.status == 1
    (found,) = outcome.document["findings"]
    assert found["configurations"] == ["x86_64", "arm64"]
    ledger = box.run("sites", *words[1:]).document["sites"]
    (site,) = [site for site in ledger if site["file"] == "arch/arm64/mm/odd.c"]
    assert site["configurations"] == ["arm64"]


def test_configurations_that_do_not_go_together(box: Box, tally: Tally) -> None:
    config = box.home / "my.config"
    config.write_text("CONFIG_MMU=y\n")
    for words in (
        ("check", "--arch", "x86_64", "--arch", "arm64", "--config", config),
        ("flags", "--arch", "x86_64", "--arch", "arm64"),
    ):
        outcome = box.run(*words)
        tally.add("configurations", inputs=1, refusals=1)
        assert (outcome.status, outcome.wrongs) == (2, ())
        assert len(outcome.err.splitlines()) == 1


def test_a_compilation_database_outside_the_tree(odd: Box, judged: Judge) -> None:
    commands = odd.home / "compile_commands.json"
    entry = {
        "directory": str(odd.home),
        "file": str(odd.tree / "mm/swap.c"),
        "command": "cc -DCONFIG_ODD=1 -c swap.c",
    }
    commands.write_text(json.dumps([entry]))
    outcome = judged("configurations", "--compile-commands", str(commands), faults=0)
    assert odd_verdict(outcome) == "unknown"


@pytest.mark.parametrize("option", ["--config", "--objtree", "--compile-commands"])
def test_what_is_not_there_is_refused(option: str, box: Box, judged: Judge) -> None:
    outcome = judged("configurations", option, str(box.home / "gone"))
    assert outcome.status == 2
    assert "gone" in outcome.err


@pytest.mark.parametrize("data", [b"", b"\0" * 1000, b"\xff\xfe", b"CONFIG_A=y\n" * 200_000])
def test_odd_config_files(data: bytes, box: Box, tally: Tally) -> None:
    (box.home / "config").write_bytes(data)
    outcome = box.run("flags", "--config", box.home / "config")
    tally.add("configurations", inputs=1, faults=1, refusals=int(outcome.status == 2))
    assert outcome.wrongs == ()
    assert outcome.status == (0 if data.startswith(b"CONFIG") else 2)
