"""Settings files: which one counts, what may stand in it, and what it can never do."""

from __future__ import annotations

from pathlib import Path

import pytest

from flaglint.settings import NAME, PROJECT, Settings, SettingsError, discover, read


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_without_a_file_nothing_is_set(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert discover(tmp_path) == Settings()


def test_the_nearest_file_upwards_counts(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    write(tmp_path / NAME, 'select = ["FL010"]')
    near = write(tmp_path / "linux/mm" / NAME, 'select = ["FL001"]')
    (tmp_path / "linux/fs").mkdir()
    source = write(tmp_path / "linux/mm/a.c", "")
    assert discover(source) == Settings(path=str(near), select=("FL001",))
    assert discover(tmp_path / "linux/mm/not-there.c").select == ("FL001",)
    assert discover(tmp_path / "linux/fs").select == ("FL010",)


def test_the_repository_is_where_the_search_ends(tmp_path: Path) -> None:
    write(tmp_path / NAME, 'select = ["FL010"]')
    (tmp_path / "linux/.git").mkdir(parents=True)
    assert discover(tmp_path / "linux") == Settings()


def test_a_pyproject_counts_if_it_has_our_table(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    write(tmp_path / PROJECT, '[tool.flaglint]\narch = "arm64"')
    write(tmp_path / "linux" / PROJECT, "[tool.ruff]\nline-length = 80")
    write(tmp_path / "linux/mm" / PROJECT, "this is [no TOML")
    assert discover(tmp_path / "linux/mm").arch == ("arm64",)
    write(tmp_path / NAME, 'arch = "x86_64"')
    assert discover(tmp_path / "linux/mm").arch == ("x86_64",), "flaglint.toml wins"


def test_every_key(tmp_path: Path) -> None:
    path = write(
        tmp_path / NAME,
        'select = ["ALL"]\nignore = ["FL010"]\npedantic = true\nformat = "concise"\n'
        'arch = "arm64"\nconfig = "my.config"\njobs = 2\ncategory = "mm"\nbaseline = "b.json"\n'
        '[[suppress]]\nrule = "FL001"\nreason = "looked at"\n',
    )
    found = read(path)
    assert found == Settings(
        path=str(path),
        select=("ALL",),
        ignore=("FL010",),
        pedantic=True,
        format="concise",
        arch=("arm64",),
        config=(str(tmp_path / "my.config"),),
        jobs=2,
        category="mm",
        baseline=str(tmp_path / "b.json"),
        suppress=({"rule": "FL001", "reason": "looked at"},),
    )


def test_several_configurations(tmp_path: Path) -> None:
    path = write(tmp_path / NAME, 'config = ["shipped", "slab", "a.config"]\n')
    found = read(path)
    assert found is not None
    assert found.config == ("shipped", "slab", str(tmp_path / "a.config"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("selct = []", "unknown key 'selct'; did you mean 'select'?"),
        ("zzzzzz = 1", "unknown key 'zzzzzz'; known are select, "),
        ('path = "x"', "unknown key 'path'"),
        ('output = "/etc/passwd"', "unknown key 'output'"),
        ('cache-dir = "/tmp"', "unknown key 'cache-dir'"),
        ('select = "FL001"', "got `str` - at `$.select`"),
        ('pedantic = "yes"', "got `str` - at `$.pedantic`"),
        ("select = [", "no TOML"),
    ],
)
def test_what_is_wrong_is_one_line_with_the_file(tmp_path: Path, text: str, told: str) -> None:
    path = write(tmp_path / NAME, text)
    with pytest.raises(SettingsError) as error:
        discover(tmp_path)
    assert told in str(error.value)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_a_named_file_has_to_be_there_and_ours(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        read(tmp_path / NAME)
    with pytest.raises(SettingsError, match=r"has no \[tool.flaglint\]"):
        read(write(tmp_path / PROJECT, "[tool.ruff]"))
    with pytest.raises(SettingsError, match="flaglint is no table"):
        read(write(tmp_path / PROJECT, "[tool]\nflaglint = 3"))
    with pytest.raises(SettingsError, match="too large"):
        read(write(tmp_path / NAME, "#" * (1 << 21)))
