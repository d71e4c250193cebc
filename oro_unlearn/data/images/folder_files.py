"""Files and folders as they lie on a disk: what is hidden, what is a picture."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NoReturn

from PIL import Image

JUNK = ("__macosx", "__pycache__", "@eadir", "$recycle.bin", "system volume information")  # of operating systems and Python
JUNK_FILES = ("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r")
NO_PICTURES = ("BUFR", "EPS", "GRIB", "HDF5", "IPTC", "MPEG", "WMF")  # of Pillow's formats: drawings, films and stubs


def visible_folders(folder: Path) -> list[Path]:
    """Folders in a folder, sorted, without hidden ones, an operating system's, and those of our own runs."""
    found = [path for path in folder.iterdir() if not is_hidden(path) and path.is_dir() and not _is_of_runs(path)]
    return sorted(found)


def is_hidden(path: Path) -> bool:
    """Whether a file or folder is hidden, or an operating system's own."""
    return path.name.startswith(".") or path.name.lower() in (*JUNK, *JUNK_FILES)


def has_files(folder: Path) -> bool:
    """Whether a visible file lies in a folder itself."""
    return any(path.is_file() and not is_hidden(path) for path in folder.iterdir())


def holds_pictures(folder: Path) -> bool:
    """Whether a picture lies in a folder, at any depth."""
    suffixes = readable_suffixes()
    return any(path.suffix.lower() in suffixes for path, _ in walk(folder))


def walk(folder: Path, with_hidden: bool = False) -> Iterator[tuple[Path, bool]]:
    """Files at any depth, in torchvision's order, and whether each is visible.

    Args:
        folder: Links to folders are followed, once.
        with_hidden: Give hidden files too, but nothing in hidden folders.

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
    """Suffixes of the pictures that this Pillow reads, in lower case; with pillow-heif, HEIC too."""
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
    """A run's own folder, or the folder ``runs``."""
    run = (folder / "report.json").is_file() or all((folder / name).is_file() for name in ("config.yaml", "model.ckpt"))
    return run or (folder.name == "runs" and not has_files(folder))
