"""Presets by name, in a checkout and in an installed wheel."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from oro_unlearn.cli import build
from oro_unlearn.cli.command_words import tidied
from oro_unlearn.cli.presets import PRESETS, config_path, configs, preset_names
from oro_unlearn.user_error import UserError

ORIGINAL = str(PRESETS / "digits" / "original.yaml")


@pytest.mark.parametrize("name", ["digits/original.yaml", "digits/original", "lightning_configs/digits/original.yaml"])
def test_a_preset_is_found_by_its_name_from_anywhere(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert config_path(name) == ORIGINAL
    assert tidied(["--config", name, "fit"]) == ["fit", "--config", ORIGINAL]
    assert tidied(["fit", f"--config={name}"]) == ["fit", f"--config={ORIGINAL}"]
    assert type(build(["--config", name]).model).__name__ == "Training", "for scripts too"


def test_a_file_of_the_users_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("digits").mkdir()
    Path("digits/original.yaml").write_text("model: Training\n")
    assert config_path("digits/original.yaml") == "digits/original.yaml"


@pytest.mark.parametrize("value", ["digits/nope.yaml", "", "{model: RWFT}", "a\0b", "x" * 5000])
def test_any_other_value_stays(value):
    assert config_path(value) == value


def test_every_preset_is_listed_with_what_it_is():
    lines = configs([]).splitlines()
    assert [line.split()[0] for line in lines] == preset_names()
    assert all(len(line.split()) > 3 for line in lines)
    assert all("salun" in line.lower() for line in configs(["SalUn"]).splitlines())


def test_a_preset_is_copied_and_nothing_is_replaced(tmp_path):
    target = tmp_path / "new" / "mine.yaml"
    assert str(target) in configs(["--copy", "digits/original", "--output", str(target)])
    assert target.read_text() == Path(ORIGINAL).read_text()
    with pytest.raises(UserError, match="is there already"):
        configs(["--copy", "digits/original", "--output", str(target)])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["zzz"], "no preset has the word 'zzz'"),
        (["--copy", "nope"], "no preset 'nope'"),
        (["--copy", "/etc/passwd"], "no preset '/etc/passwd'"),
        (["--cpy", "x"], "unrecognized arguments"),
    ],
)
def test_what_is_no_preset_is_one_line(words, message, tmp_path, monkeypatch, run):
    monkeypatch.chdir(tmp_path)
    code, error = run("configs", *words)
    assert (code, error.count("\n")) == (2, 1)
    assert message in error
    with pytest.raises(UserError, match=message) as error:
        configs(words)
    assert "\n" not in str(error.value)
    assert not os.listdir()


def test_a_wheel_holds_all_that_a_run_needs(tmp_path):
    """Built, unpacked, and run in an empty folder. It has every file of the package, so what else runs here runs there."""
    source, root = tmp_path / "source", PRESETS.parent
    for folder in ("oro_unlearn", "lightning_configs"):  # a build writes beside what it reads
        shutil.copytree(root / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, source / name)
    build = ("-m", "pip", "wheel", str(source), "--no-deps", "--no-build-isolation", "--quiet", "-w", str(tmp_path))
    subprocess.run([sys.executable, *build], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    site, empty = tmp_path / "site", tmp_path / "empty"
    zipfile.ZipFile(wheel).extractall(site)
    empty.mkdir()
    listed = {path.relative_to(site) for path in site.rglob("*") if path.is_file()}
    ours = {path.relative_to(source) for folder in ("oro_unlearn", "lightning_configs") for path in files_in(source / folder)}
    assert {path for path in listed if not path.parts[0].endswith(".dist-info")} == ours
    step = ("--trainer.max_epochs", "1", "--data.per_class", "20", "--data.test_per_class", "8")
    fit = ("fit", "--config", "digits/original.yaml", "--trainer.accelerator", "cpu", "--audit.level", "outputs", *step)
    audit = ("audit", "--config", "digits/original.yaml", "--data.forget", "[8]", "--edited", "run/model.safetensors")
    commands = [
        ("configs", "digits"),
        (*fit, "--trainer.default_root_dir", "run"),
        (*audit, "--force", "--level", "outputs", *step[2:]),
        ("compare", "--help"),
    ]
    script = f"import sys\nfrom oro_unlearn.cli.command import main\nfor sys.argv[1:] in {commands}:\n    main()\n"
    (tmp_path / "all.py").write_text(script)
    environment = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, str(tmp_path / "all.py")]
    done = subprocess.run(command, check=False, cwd=empty, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for report in ("run/report.json", "runs/audit/audit.json"):
        assert (empty / report).is_file()


def files_in(folder: Path) -> list[Path]:
    """Files that git keeps, of a folder."""
    return [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
