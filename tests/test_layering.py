"""The house's plan, held by a test: imports run downwards, and who may touch what."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "flaglint"

# From the ground up; a module may import from lower rows only, never from its own or above.
# A package (lower/, report/...) is one name, and free inside.
ROWS = (
    {"__init__", "data", "location", "folders", "flagtable", "finding", "shipped"},
    {"cards", "output", "fingerprint", "git", "linehash", "losses", "settings"},
    {"baseline", "comparing", "contents", "merging", "patches", "suppressions"},
    {"worker"},
    {"pool"},
    {"store"},
    {"makecheck", "snapshot"},
    {"selection"},
    {"policy"},
    {"kconfig"},
    {"identity", "request"},
    {"tree"},
    {"survey"},
    {"lexicon"},
    {"textual"},
    {"kbuild"},
    {"synth_arm64"},
    {"synth"},
    {"pageflags"},
    {"scope"},
    {"frontend"},
    {"ir"},
    {"facts"},
    {"values", "numbers", "opaque"},
    {"models"},
    {"lower", "linking"},
    {"reading", "executors"},
    {"gathering"},
    {"callgraph"},
    {"dataflow"},
    {"lockset", "ownership", "loops", "known"},
    {"state"},
    {"layout"},
    {"overwriting", "records"},
    {"objects"},
    {"publishing"},
    {"memory"},
    {"pointers"},
    {"access"},
    {"summary"},
    {"knowledge", "guards", "asked"},
    {"accesses"},
    {"actuals"},
    {"applying"},
    {"containers"},
    {"primitives"},
    {"calls"},
    {"branches", "outcomes"},
    {"interpret"},
    {"fixpoint"},
    {"packing", "crew"},
    {"summing"},
    {"rounds", "relevance"},
    {"engine"},
    {"handover"},
    {"contexts"},
    {"race"},
    {"gaps"},
    {"ledger", "writers"},
    {"checks"},
    {"report"},
    {"quote"},
    {"revisions"},
    {"formats", "hook"},
    {"analysis"},
    {"recall"},
    {"arguments", "completion"},
    {"settling"},
    {"patchview"},
    {"cli"},
    {"__main__"},
)
# Rows whose members may import each other.
MUTUAL = ROWS[0]

# An outside package, and the only modules that may see it.
ONLY = {
    "clang": {"frontend", "lower"},
    "pycparser": {"pageflags"},
    "distributed": {"executors"},
    "sarif_om": {f"report.sarif{part}" for part in ("", ".model", ".results", ".rules")},
    "argparse": {"arguments", "completion", "settling", "cli"},
}


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py"))


def dotted(path: Path) -> str:
    """`report.sarif` for flaglint/report/sarif.py; a package's own file has its name."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def imports(tree: ast.Module) -> Iterator[str]:
    """Every module named by an import, wherever in the file it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            module = node.module or ""
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def own_layer(name: str) -> str | None:
    """The layer an import names: `tree` for flaglint.tree.TreeError; None if not ours."""
    if name.partition(".")[0] != "flaglint":
        return None
    first = name.split(".")[1:2]
    return first[0] if first and any(first[0] in row for row in ROWS) else None


def row_of(layer: str) -> int | None:
    return next((number for number, row in enumerate(ROWS) if layer in row), None)


@pytest.fixture(params=modules(), ids=dotted)
def module(request: pytest.FixtureRequest) -> tuple[str, ast.Module]:
    path: Path = request.param
    return dotted(path), ast.parse(path.read_text("utf-8"))


def test_every_module_has_its_row(module: tuple[str, ast.Module]) -> None:
    layer = module[0].split(".")[0]
    assert row_of(layer) is not None, f"say in ROWS where {layer} belongs"


def test_imports_run_downwards(module: tuple[str, ast.Module]) -> None:
    name, tree = module
    layer = name.split(".")[0]
    mine = row_of(layer)
    assert mine is not None
    for imported in imports(tree):
        other = own_layer(imported)
        if other is None or other == layer or (layer in MUTUAL and other in MUTUAL):
            continue
        theirs = row_of(other)
        assert theirs is not None
        assert theirs < mine, f"{name} imports {imported}, which is not below it"


def test_outside_packages_are_seen_by_few(module: tuple[str, ast.Module]) -> None:
    name, tree = module
    for imported in imports(tree):
        allowed = ONLY.get(imported.split(".")[0])
        if allowed is not None:
            assert name in allowed or name.split(".")[0] in allowed, f"{name} imports {imported}"


def test_only_the_command_line_prints(module: tuple[str, ast.Module]) -> None:
    name, tree = module
    if name == "cli":
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("print", "input"), f"{name}:{node.lineno} prints"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            stream = node.value.id == "sys" and node.attr in ("stdout", "stderr", "stdin")
            assert not stream, f"{name}:{node.lineno} uses sys.{node.attr}"


def test_no_module_rebinds_a_global(module: tuple[str, ast.Module]) -> None:
    name, tree = module
    for node in ast.walk(tree):
        assert not isinstance(node, ast.Global), f"{name}:{node.lineno}"


def test_every_module_says_what_it_is(module: tuple[str, ast.Module]) -> None:
    assert ast.get_docstring(module[1]), f"{module[0]} has no docstring"


def test_no_module_outgrows_a_reading(module: tuple[str, ast.Module]) -> None:
    lines = max((node.end_lineno or 0 for node in module[1].body), default=0)
    assert lines <= 500, f"{module[0]} has {lines} lines: split it"


def test_the_rows_are_of_use() -> None:
    """An upward import, an outsider and an unknown module would be seen."""
    assert own_layer("flaglint.tree.TreeError") == "tree"
    assert own_layer("flaglint.nowhere") is None
    assert own_layer("clang.cindex") is None
    assert row_of("race") > row_of("summary") > row_of("tree")  # type: ignore[operator]
    assert list(imports(ast.parse("def f():\n    from clang import cindex"))) == [
        "clang",
        "clang.cindex",
    ]
