"""Files and folders on a disk: which are hidden, and which are pictures."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NoReturn

from PIL import Image

JUNK = (
    "__macosx",
    "__pycache__",
    "@eadir",
    "$recycle.bin",
    "system volume information",
)  # folders of operating systems and Python
JUNK_FILES = ("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r")
NO_PICTURES = ("BUFR", "EPS", "GRIB", "HDF5", "IPTC", "MPEG", "WMF")  # Pillow formats that are drawings, films or stubs


def visible_folders(folder: Path) -> list[Path]:
    """Sorted subfolders, without hidden folders, folders of the operating system, and folders of runs."""
    folders = [path for path in folder.iterdir() if not is_hidden(path) and path.is_dir() and not _is_of_runs(path)]
    return sorted(folders)


def is_hidden(path: Path) -> bool:
    """Whether a file or folder is hidden, or belongs to an operating system."""
    return path.name.startswith(".") or path.name.lower() in (*JUNK, *JUNK_FILES)


def has_files(folder: Path) -> bool:
    """Whether a folder contains a visible file directly."""
    return any(path.is_file() and not is_hidden(path) for path in folder.iterdir())


def holds_pictures(folder: Path) -> bool:
    """Whether a folder contains a picture at any depth."""
    suffixes = readable_suffixes()
    return any(path.suffix.lower() in suffixes for path, _ in walk(folder))


def walk(folder: Path, with_hidden: bool = False) -> Iterator[tuple[Path, bool]]:
    """Files at any depth, in torchvision's order, and whether each is visible.

    Args:
        folder: Folder to walk. Links to folders are followed once.
        with_hidden: Yield hidden files too, but no files in hidden folders.

    Raises:
        OSError: If a folder cannot be read.
    """
    seen = set(map(str, folder.resolve().parents))  # a link that leads up is not followed
    places = []
    for place, inner, files in os.walk(folder, onerror=_raise, followlinks=True):
        seen.add(os.path.realpath(place))
        inner[:] = [
            name for name in inner if not is_hidden(Path(name)) and os.path.realpath(os.path.join(place, name)) not in seen
        ]
        places.append((place, sorted(files)))
    for place, files in sorted(places):
        for name in files:
            shown = not is_hidden(Path(name))
            if shown or with_hidden:
                yield Path(place, name), shown


@cache
def readable_suffixes() -> frozenset[str]:
    """Lower-case suffixes of the formats that the installed Pillow reads. With pillow-heif, this includes HEIC."""
    try:
        from pillow_heif import register_heif_opener

        register_heif_opener()
    except ImportError:
        pass
    Image.init()
    return frozenset(
        suffix for suffix, kind in Image.registered_extensions().items() if kind in Image.OPEN and kind not in NO_PICTURES
    )


def _raise(error: OSError) -> NoReturn:
    raise error


def _is_of_runs(folder: Path) -> bool:
    """Whether a folder is the folder of a run, or the folder ``runs``."""
    run = (folder / "report.json").is_file() or all((folder / name).is_file() for name in ("config.yaml", "model.ckpt"))
    return run or (folder.name == "runs" and not has_files(folder))
