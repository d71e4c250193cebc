"""Caption benchmarks: pictures with captions that state what they show, and with captions that differ a little."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from oro_unlearn.data.relations.benchmarks.benchmark_items import CaptionBenchmark, Item, picture_places
from oro_unlearn.data.relations.benchmarks.formats import aro, sugarcrepe, vsr, winoground
from oro_unlearn.graph.wording import closest
from oro_unlearn.user_error import UserError

FORMATS: dict[str, Callable[[Path], tuple[list[Path], Iterator[Item]]]] = {
    "sugarcrepe": sugarcrepe,
    "aro": aro,
    "vsr": vsr,
    "winoground": winoground,
}

__all__ = ["FORMATS", "CaptionBenchmark", "Item", "read_benchmarks"]


def read_benchmarks(named: Sequence[str], images: str = "") -> list[CaptionBenchmark]:
    """Read caption benchmarks from folders.

    Args:
        named: Benchmarks as ``NAME:FOLDER``; NAME is one of :data:`FORMATS`.
        images: Folder in which pictures are looked up by their names, at any depth. Empty: the folder of each benchmark.

    Raises:
        UserError: If a name or a folder is wrong, or a file is missing or has another format.
    """
    found = []
    for text in named:
        name, sign, folder = text.partition(":")
        if name not in FORMATS:
            raise UserError(f"--data.benchmarks: unknown benchmark {name!r}: {closest(name, FORMATS)}")
        if not sign or not Path(folder).is_dir():
            raise UserError(f"--data.benchmarks: {text!r} does not name a folder: write {name}:FOLDER")
        files, items = FORMATS[name](Path(folder))
        places = picture_places(Path(images or folder))
        found.append(CaptionBenchmark(name, files, list(items), places))
        if not found[-1].items:
            raise UserError(f"--data.benchmarks: {folder} has no items of {name}")
    return found
