"""Select the listed files that can be read, and find the range of their values."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from oro_unlearn.data.contract import LabelledImages
from oro_unlearn.data.images.decoding import Depth, Facts, Range, Reading, range_of
from oro_unlearn.data.images.folder_listing import Listing
from oro_unlearn.data.images.image_files import FileImages, inspect_all
from oro_unlearn.data.images.subsets import first_of_each
from oro_unlearn.user_error import UserError


class Readable(NamedTuple):
    """Readable pictures of one folder that holds the class folders."""

    paths: list[str]
    labels: Tensor  # (N,) int64
    facts: list[Facts]
    skipped: dict[str, int]  # reason -> number of files


def readable(listing: Listing, class_names: Sequence[str], per_class: int, skip: Reading | None) -> Readable:
    """Keep the files that can be read as pictures. Files beyond ``per_class`` are not inspected.

    Args:
        listing: Listing of the folder.
        class_names: Names of all classes.
        per_class: Use only the first ``per_class`` files of each class; 0 for all.
        skip: Options for decoding, to find and leave out files that cannot be read. None: such files stop the run.

    Raises:
        UserError: If no picture is left, or if ``skip`` is None and a file cannot be read.
    """
    rows = {name: row for row, name in enumerate(class_names)}
    labels = torch.tensor([rows[name] for name in listing.names], dtype=torch.long)
    used = first_of_each(labels, per_class or len(labels)) if len(labels) else labels
    paths = [listing.paths[row] for row in used.tolist()]
    facts = inspect_all(paths, skip)
    problems = {path: why for why, unread in listing.unread.items() for path in unread}
    problems |= {path: fact.problem for path, fact in zip(paths, facts, strict=True) if fact.problem}
    if problems and skip is None:
        raise UserError(_not_read(problems))
    good = [row for row, fact in enumerate(facts) if not fact.problem]
    if not good:
        raise UserError(f"no images that can be read among {len(paths)} in class folders")
    skipped = {why: len(unread) for why, unread in sorted(listing.unread.items())}
    skipped |= {why: count for why, count in _other(listing, len(paths) - len(good)).items() if count}
    return Readable([paths[row] for row in good], labels[used][torch.tensor(good)], [facts[row] for row in good], skipped)


def _other(listing: Listing, unreadable: int) -> dict[str, int]:
    return {"unreadable": unreadable, "hidden": listing.hidden, "beside the class folders": listing.loose}


def _not_read(problems: Mapping[str, str]) -> str:
    path, why = next(iter(problems.items()))
    count = "1 file in a class folder is" if len(problems) == 1 else f"{len(problems)} files in class folders are"
    return (
        f"{count} not read, for instance {path} ({why}): repair, convert or remove it, or leave out what cannot be read with "
        "--data.skip_unread true"
    )


def ranges_of(parts: Sequence[Readable], given: Sequence[float]) -> dict[Depth, Range]:
    """Values of black and white in files with more than eight bits, by kind of value.

    Args:
        parts: Training and test files.
        given: Values of black and white that the user chose. Empty: the lowest and the highest value in the files.
    """
    deep: dict[Depth, list[str]] = {}
    for part in parts:
        for path, fact in zip(part.paths, part.facts, strict=True):
            if fact.depth:
                deep.setdefault(fact.depth, []).append(path)
    return {depth: (given[0], given[1]) if given else range_of(paths) for depth, paths in sorted(deep.items())}


def decoded(part: Readable, size: int, channels: int, reading: Reading, memory_limit: float) -> LabelledImages:
    """The pictures, in memory if they fit.

    Args:
        part: Pictures of one folder.
        size: Side in pixels.
        channels: 1 or 3.
        reading: Options for decoding.
        memory_limit: Largest decoded size that is kept in memory, in GiB.

    Raises:
        UserError: If a file is damaged behind its header.
    """
    files = FileImages(part.paths, part.labels, size, channels, reading=reading)
    if files.gibibytes > memory_limit:
        return files
    try:
        return files.in_memory()
    except ValueError:
        facts = inspect_all(part.paths, reading)  # inspect all files, to count those that are damaged
        raise UserError(_not_read({p: f.problem for p, f in zip(part.paths, facts, strict=True) if f.problem})) from None


def counts(parts: Sequence[Readable], reading: Reading) -> list[str]:
    """Lines of text that say how pictures were changed when they were read."""
    facts = [fact for part in parts for fact in part.facts]
    turned, transparent = sum(fact.turned for fact in facts), sum(fact.transparent for fact in facts)
    lines = []
    if turned:
        how = "turned as their EXIF says" if reading.exif_orientation else "left as stored, not turned as their EXIF says"
        lines.append(f"{turned} pictures {how}")
    if transparent:
        lines.append(f"{transparent} pictures with transparency on a background of {list(reading.background)}")
    for depth, (low, high) in reading.ranges.items():
        count = sum(fact.depth == depth for fact in facts)
        lines.append(f"{count} pictures of more than 8 bits ({depth}): {low:g} is black and {high:g} white")
    return lines
