"""``oro-unlearn init``: look at the user's data and checkpoint, and write a first configuration (YAML)."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from oro_unlearn.cli.plain_parser import PlainParser
from oro_unlearn.files import write_text
from oro_unlearn.user_error import UserError


def parser() -> argparse.ArgumentParser:
    """Options of ``init``."""
    about = "Look at pictures, a checkpoint or captions, write a first configuration (YAML), and print what to run next."
    result = PlainParser("init", description=about)
    result.add_argument(
        "--data", type=Path, required=True, help="folder of class folders; or a table of captions, or its folder"
    )
    result.add_argument("--model", default="", help="checkpoint of the trained model; the network is recognised by its tensors")
    result.add_argument(
        "--output", type=Path, default=Path("start.yaml"), help="file to write; it must not exist; default: start.yaml"
    )
    return result


def main(words: Sequence[str]) -> None:
    """Write the files, and print what was found and what to run next.

    Args:
        words: The words after ``init``.

    Raises:
        UserError: If an output file exists already, or if folder, table or checkpoint is missing or cannot be read.
    """
    from oro_unlearn.cli.starting_config import picture_start
    from oro_unlearn.cli.starting_graph import caption_start, has_captions

    options = parser().parse_args(words)
    if not options.data.exists():
        raise UserError(f"{options.data} not found: name a folder or a table of captions with --data")
    start = (caption_start if has_captions(options.data) else picture_start)(options.data, options.model, options.output)
    for path in start.files:
        if path.exists():
            raise UserError(f"{path} is there already: name another file with --output")
    for path, text in start.files.items():
        write_text(text, path)
    print(*start.notes, f"written: {', '.join(map(str, start.files))}; check them, then run", sep="\n")
    print(*(f"  {line}" for line in start.commands), sep="\n")
