"""List the pictures in class folders, and the files there that are not pictures."""

from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

from oro_unlearn.data.images.folder_files import is_hidden, readable_suffixes, visible_folders, walk
from oro_unlearn.user_error import UserError

PHONES = (".heic", ".heif")


class Listing(NamedTuple):
    """Contents of one folder that holds the class folders."""

    classes: list[str]  # in NFC, sorted as text
    paths: list[str]
    names: list[str]  # class of each path
    unread: dict[str, list[str]]  # reason -> paths of files that are not read
    hidden: int  # number of hidden files
    loose: int  # number of files beside the class folders


def list_folder(folder: Path) -> Listing:
    """List the pictures of every class, in the order of class, folder and file.

    Args:
        folder: Folder with one subfolder per class. Deeper folders belong to the class.

    Raises:
        UserError: If the names of two folders differ only in their Unicode form.
    """
    suffixes = readable_suffixes()
    listing = Listing([], [], [], {}, sum(is_hidden(path) for path in folder.iterdir()), 0)
    loose = sum(path.is_file() and not is_hidden(path) for path in folder.iterdir())
    hidden = listing.hidden
    for place in visible_folders(folder):
        name = normalize("NFC", place.name)
        if name in listing.classes:
            raise UserError(f"two folders in {folder} are called {name!r}, in two forms of Unicode: merge them")
        listing.classes.append(name)
        for path, shown in walk(place, with_hidden=True):
            if not shown:
                hidden += 1
            elif path.suffix.lower() in suffixes:
                listing.paths.append(str(path))
                listing.names.append(name)
            else:
                listing.unread.setdefault(_reason(path), []).append(str(path))
    return listing._replace(classes=sorted(listing.classes), hidden=hidden, loose=loose)


def _reason(path: Path) -> str:
    """Why a file is not read, by its suffix."""
    suffix = path.suffix.lower()
    if suffix in PHONES:
        return f"{suffix} needs pip install 'oro_unlearn[heic]'"
    if suffix in (".avif", ".avifs"):
        return f"{suffix} needs Pillow 11.3 or later"
    return f"suffix {suffix}" if suffix else "no suffix"
