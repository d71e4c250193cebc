"""``oro-unlearn init``: look at what there is, and write a YAML to start from."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from oro_unlearn.cli.plain_parser import PlainParser
from oro_unlearn.files import write_text
from oro_unlearn.user_error import UserError


def parser() -> argparse.ArgumentParser:
    """Options of ``init``."""
    about = "Look at pictures, a checkpoint or captions, write a YAML to start from, and say what to run next."
    result = PlainParser("init", description=about)
    result.add_argument(
        "--data", type=Path, required=True, help="folder of class folders; or a table of captions, or its folder"
    )
    result.add_argument("--model", default="", help="checkpoint of the trained model; its network is told by its tensors")
    result.add_argument(
        "--output", type=Path, default=Path("start.yaml"), help="file to write, if there is none; default: start.yaml"
    )
    return result


def main(words: Sequence[str]) -> None:
    """Write the files and print what was seen and what to run next.

    Args:
        words: After ``init``.

    Raises:
        UserError: If a file is in the place of what would be written; if folder, table or checkpoint is missing; if they cannot
            be read.
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
    print(*start.notes, f"written: {', '.join(map(str, start.files))}; look through, then run", sep="\n")
    print(*(f"  {line}" for line in start.commands), sep="\n")
