"""Presets: the configuration files that are installed with the package."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import oro_unlearn
from oro_unlearn.cli.plain_parser import PlainParser
from oro_unlearn.files import write_text
from oro_unlearn.user_error import UserError

PRESETS = (
    Path(oro_unlearn.__file__).resolve().parents[1] / "lightning_configs"
)  # beside the package, both in a checkout and in site-packages
ABOUT = "List the presets that --config takes by name, each with its description; or copy one to edit it."


def parser() -> argparse.ArgumentParser:
    """Options of ``configs``."""
    result = PlainParser("configs", description=ABOUT)
    result.add_argument("word", nargs="?", default="", help="show only presets whose name or description has this word")
    result.add_argument("--copy", metavar="NAME", help="preset to copy, such as digits/rwft_o.yaml")
    result.add_argument(
        "--output", type=Path, metavar="FILE", help="file for the copy; default: the preset's file name, in this folder"
    )
    return result


def preset_names() -> list[str]:
    """Paths of all presets below ``lightning_configs``, such as ``digits/rwft_o.yaml``, sorted."""
    return sorted(path.relative_to(PRESETS).as_posix() for path in PRESETS.rglob("*.yaml"))


def config_path(value: str) -> str:
    """Replace the name of a preset by the path of its file.

    Args:
        value: A value of ``--config``: a path, or the name of a preset with or without its suffix. An existing file is
            preferred to a preset of the same name.

    Returns:
        The path of the preset. Any other value is returned unchanged.
    """
    if os.path.exists(value) or len(value) > 200 or "\0" in value:
        return value
    name = value if value.endswith(".yaml") else f"{value}.yaml"
    for wanted in (name, name.removeprefix("lightning_configs/")):
        if wanted in preset_names():
            return str(PRESETS / wanted)
    return value


def configs(words: Sequence[str]) -> str:
    """The output of ``oro-unlearn configs``.

    Args:
        words: The words after ``configs``.

    Raises:
        UserError: If no preset has the word or the name, or the file for the copy exists already.
    """
    options = parser().parse_args(words)
    if options.copy:
        return _copied(options.copy, options.output)
    first_lines = {name: _first_line(PRESETS / name) for name in preset_names()}
    word = options.word.lower()
    shown = {name: line for name, line in first_lines.items() if word in f"{name} {line}".lower()}
    if not shown:
        raise UserError(f"no preset has the word {options.word!r}: see all with oro-unlearn configs")
    width = max(map(len, shown)) + 2
    return "\n".join(f"{name:<{width}}{line}" for name, line in shown.items())


def _copied(name: str, output: Path | None) -> str:
    source = Path(config_path(name))
    if PRESETS not in source.parents:
        raise UserError(f"no preset {name!r}: see all with oro-unlearn configs")
    target = output or Path(source.name)
    if target.exists():
        raise UserError(f"{target} is there already: name another file with --output")
    write_text(source.read_text(encoding="utf-8"), target)
    return f"written: {target}; run it with oro-unlearn fit --config {target}"


def _first_line(path: Path) -> str:
    """The comment on the first line of a preset, without its ``#``."""
    with path.open(encoding="utf-8") as file:
        return file.readline().removeprefix("#").strip()
