"""What is fuzzed: functions that take any bytes and must not fail but by a refusal of ours.

python -m tests.torture.targets NAME SECONDS CORPUS      coverage-guided, if atheris is there
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from flaglint.cards import CardError, load_cards
from flaglint.data import rules_dir
from flaglint.kbuild import command_options, subdir_includes, unbuilt_reason
from flaglint.kconfig import fit
from flaglint.losses import load_losses
from flaglint.models import load_models
from flaglint.pageflags import HeaderError, read_text
from flaglint.pageflags.knowledge import load_knowledge
from flaglint.settings import SettingsError, read
from flaglint.store import Store
from flaglint.tree import KernelTree, TreeError, read_autoconf, read_config

_HERE = Path(tempfile.mkdtemp(prefix="flaglint-fuzz-"))
_TREE = KernelTree(str(_HERE), ".", "6.12", "x86_64", (("CONFIG_A", "y"),))
_ENUM = "enum pageflags { PG_a, PG_b, PG_c = PG_a, __NR_PAGEFLAGS };\n"
# What a compiler option may begin with, of those that reach clang.
_ALLOWED = ("-I", "-isystem", "-iquote", "-include", "-idirafter", "-D", "-U", "-std=", "-f", "-m")


def header(data: bytes) -> None:
    """The header parser: a table or a HeaderError, and rows that make sense."""
    text = data.decode("utf-8", "replace")
    for whole in (text, _ENUM + text):
        try:
            table = read_text(whole, {"CONFIG_A": "y", "CONFIG_B": "m"})
        except HeaderError:
            continue
        lines = whole.count("\n") + whole.count("\r") + 1
        assert all(1 <= helper.line <= lines for helper in table.helpers)
        assert len({flag.name for flag in table.flags}) == len(table.flags)


def commands(data: bytes) -> None:
    """The argument filter: nothing but harmless options, and no path outside the tree."""
    path = _HERE / "compile_commands.json"
    path.write_bytes(data)
    tree = KernelTree(str(_HERE), ".", "6.12", "x86_64", (), commands=str(path))
    try:
        options = command_options(tree)
    except TreeError:
        return
    for words in options.values():
        for word in words:
            assert word.startswith((*_ALLOWED, str(_HERE))), word


def options(data: bytes) -> None:
    """The argument filter on a command line."""
    text = data.decode("utf-8", "replace")
    (_HERE / "mm").mkdir(exist_ok=True)
    (_HERE / "mm/a.c").touch()
    entry = {"directory": str(_HERE), "file": "mm/a.c", "command": f"cc {text}"}
    commands(json.dumps([entry]).encode())


def makefile(data: bytes) -> None:
    """Makefiles and Kconfig files: include paths stay in the tree, symbols only go."""
    for name in ("Makefile", "Kbuild", "mm/Makefile", "arch/x86/Kconfig"):
        (_HERE / name).parent.mkdir(parents=True, exist_ok=True)
        (_HERE / name).write_bytes(data)
    for folder in subdir_includes(_TREE, "mm/a.c"):
        assert Path(folder).is_relative_to(_HERE.resolve())
    unbuilt_reason(_TREE, "mm/a.c")
    config = (("CONFIG_A", "y"), ("CONFIG_B", "m"))
    assert set(fit(config, _HERE, "x86")) <= set(config)


def configuration(data: bytes) -> None:
    """.config files, autoconf.h and settings."""
    path = _HERE / "config"
    path.write_bytes(data)
    try:
        symbols = read_config(path)
        assert all(name.startswith("CONFIG_") and value != "n" for name, value in symbols)
    except TreeError:
        pass
    read_autoconf(path)
    settings = _HERE / "flaglint.toml"
    settings.write_bytes(data)
    with contextlib.suppress(SettingsError):
        read(settings)


def rules(data: bytes) -> None:
    """Tables of API facts and rules' cards: what they say, or a refusal of ours."""
    with tempfile.TemporaryDirectory(dir=_HERE) as name:
        folder = Path(name)
        shutil.copytree(rules_dir(), folder, dirs_exist_ok=True)
        for path in folder.glob("*.toml"):
            kept = path.read_bytes()
            path.write_bytes(data)
            for load in (load_knowledge, load_models, load_cards, load_losses):
                # msgspec's errors are ValueErrors, and so are TOML's.
                with contextlib.suppress(ValueError, CardError):
                    load(folder)
            path.write_bytes(kept)


def cache(data: bytes) -> None:
    """The store: a file of any content is a store, perhaps an empty one."""
    with tempfile.TemporaryDirectory(dir=_HERE) as name:
        folder = Path(name)
        folder.chmod(0o700)
        with Store(folder) as store:
            store.put("kind", b"key" * 8, b"value")
        for path in folder.iterdir():
            whole = path.read_bytes()
            start = data[0] * len(whole) // 256 if data else 0
            path.write_bytes(whole[:start] + data + whole[start + len(data) :])
        with Store(folder) as store:
            assert store.get("kind", b"key" * 8) in (None, b"value")
            store.put("kind", b"other" * 5, b"new")
            assert store.get("kind", b"other" * 5) in (None, b"new")


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (header, commands, options, makefile, configuration, rules, cache)
}


def seeds(name: str) -> list[bytes]:
    """Inputs to begin with."""
    root = Path(__file__).resolve().parents[2]
    mini = root / "testdata/mini-kernel"
    match name:
        case "header":
            found = [*(root / "testdata/headers").glob("*.h"), *mini.glob("**/page-flags.h")]
            return [path.read_bytes() for path in found]
        case "commands":
            return [b'[{"directory": "/", "file": "a.c", "command": "cc -Ix -DA=1 -c a.c"}]']
        case "options":
            return [b"-Iinclude -D A -include x.h -std=gnu11 -Xclang -load @x -o y a.c"]
        case "makefile":
            return [b"obj-$(CONFIG_A) += a.o\nccflags-y += -I $(src)/x -I../y\n", b"config A\n"]
        case "configuration":
            return [b"CONFIG_A=y\nCONFIG_B=m\n", b'select = ["FL001"]\n[[suppress]]\nrule = "x"\n']
        case "rules":
            return [path.read_bytes() for path in sorted(rules_dir().glob("*.toml"))]
        case _:
            return [b"\x00SQLite format 3\x00"]
