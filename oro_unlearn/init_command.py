"""``oro-unlearn init``: look at what there is, and write a YAML to start from."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from oro_unlearn.data.caption_files import STEMS
from oro_unlearn.data.caption_tables import SUFFIXES
from oro_unlearn.starting_config import picture_start
from oro_unlearn.starting_graph import caption_start


def main(words: Sequence[str]) -> None:
    """Write the files and print what was seen and what to run next.

    Args:
        words: After ``init``.

    Raises:
        FileExistsError: If a file is in the place of what would be written.
        FileNotFoundError: If folder, table or checkpoint is missing.
        ValueError: If they cannot be read.
    """
    parser = argparse.ArgumentParser(prog="oro-unlearn init", description=(__doc__ or "").partition(": ")[2], allow_abbrev=False)
    parser.add_argument("--data", type=Path, required=True, help="folder of class folders; or a table of captions, or its folder")
    parser.add_argument("--model", default="", help="checkpoint of the trained model; its network is found by its tensors")
    parser.add_argument("--output", type=Path, default=Path("start.yaml"), help="file to write; default: start.yaml")
    options = parser.parse_args(words)
    if not options.data.exists():
        raise FileNotFoundError(f"{options.data} not found: name a folder or a table of captions with --data")
    start = (caption_start if _has_captions(options.data) else picture_start)(options.data, options.model, options.output)
    for path in start.files:
        if path.exists():
            raise FileExistsError(f"{path} is there already: name another file with --output")
    for path, text in start.files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    written = " and ".join(map(str, start.files))
    print(*start.notes, f"written to {written}; look through it, then run", *(f"  {line}" for line in start.commands), sep="\n")


def _has_captions(place: Path) -> bool:
    """Whether it is a table of captions, or a folder that has one."""
    if place.is_file():
        return place.suffix.lower() in SUFFIXES
    names = {f"{stem}{suffix}" for stem in STEMS for suffix in SUFFIXES}
    return any(path.name.casefold() in names for path in [*place.glob("*"), *place.glob("*/*")] if path.is_file())
