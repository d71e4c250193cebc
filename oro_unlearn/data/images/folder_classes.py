"""The classes of a folder of pictures: its class folders, or a list that must contain all class folders."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from oro_unlearn.data.images.class_names import read_class_names
from oro_unlearn.data.images.folder_listing import Listing
from oro_unlearn.data.images.forget_request import some_of
from oro_unlearn.user_error import UserError


def classes_of(listings: dict[Path, Listing], source: str | Sequence[str]) -> list[str]:
    """Names of all classes, in the order of the head's rows.

    Args:
        listings: Listings by folder: the training folder and, if there is one, the test folder.
        source: A list of classes or a file with it. Empty: the names of the class folders, sorted as text.

    Raises:
        UserError: If there are no pictures. With a list: if a class folder is not in it. Without a list: if a class has no
            pictures, or is in one split only.
    """
    for folder, listing in listings.items():
        _check_pictures(folder, listing, bool(source))
    if source:
        names = read_class_names(source)
        for folder, listing in listings.items():
            _check_list(folder, listing, names, source if isinstance(source, str) else "--data.class_names")
        return names
    (train, first), *others = listings.items()
    for test, listing in others:
        odd = sorted(set(first.classes) ^ set(listing.classes))
        if odd:
            raise UserError(
                f"{train.parent}: {train.name} and {test.name} hold different classes, for instance {odd[0]!r}: rename or add "
                "its folder, or list all classes with --data.class_names"
            )
    return first.classes


def _check_pictures(folder: Path, listing: Listing, listed: bool) -> None:
    without = sorted(set(listing.classes) - set(listing.names))
    if without and not listed and listing.names:
        raise UserError(
            f"no images in class folders under {folder}: {without[0]!r} has none; remove it, or list the classes, with those "
            "without pictures, in a file for --data.class_names"
        )
    if not listing.names:
        path, why = next(((paths[0], why) for why, paths in listing.unread.items()), ("", ""))
        hint = f": {path} is not read ({why})" if path else ""
        raise UserError(f"no images in class folders under {folder}{hint}")


def _check_list(folder: Path, listing: Listing, names: Sequence[str], source: str) -> None:
    unknown = sorted(set(listing.classes) - set(names))
    if not unknown:
        return
    close = get_close_matches(unknown[0], names, 1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    if all(name[0] == "n" and name[1:].isdecimal() and len(name) == 9 for name in listing.classes):
        hint = ": the folders are WordNet ids, try --data.class_names timm:imagenet-1k"
    raise UserError(
        f"{source}: {len(unknown)} of {len(listing.classes)} class folders in {folder} are not among its {len(names)} names, "
        f"for instance {unknown[0]!r}; it holds {some_of(names, 5)}{hint}"
    )
