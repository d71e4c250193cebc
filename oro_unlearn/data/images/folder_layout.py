"""Find the folders of a set's training and test split, and the folders that belong to neither."""

from pathlib import Path
from typing import NamedTuple

from oro_unlearn.data.images.folder_files import has_files, holds_pictures, visible_folders
from oro_unlearn.user_error import UserError

TRAIN = ("train", "training")
TEST = ("test", "testing")
VALIDATION = ("val", "valid", "validation", "eval", "evaluation", "dev")
SPLITS = (*TRAIN, *TEST, *VALIDATION)


class Layout(NamedTuple):
    """Folders of the splits of a set."""

    train: Path
    test: Path | None  # None: a part of the training folder is set aside
    notes: list[str]  # remarks for the user


def find_layout(root: Path) -> Layout:
    """Find the training and the test folder of a set.

    Args:
        root: Folder with ``train`` and optionally ``test`` or ``val`` in any case, or with the class folders themselves.

    Raises:
        UserError: If the folder is missing, or if its subfolders are ambiguous. The message names them.
    """
    if not root.is_dir():
        raise UserError(f"image folder {root} not found: set --data.root")
    folders = visible_folders(root)
    train = [folder for folder in folders if _is_split(folder, TRAIN) and _holds_classes(folder, folders)]
    if len(train) > 1:
        raise UserError(f"{root} holds two training folders, {_both(train)}: leave one, or set --data.root to one of them")
    if not train:
        _refuse_splits_as_classes(root, folders)
        return Layout(root, None, [])
    _refuse_unknown_siblings(root, folders, train[0])
    if not visible_folders(train[0]) and has_files(train[0]):
        raise UserError(f"{train[0]} holds pictures and no class folders: put each class into a folder of its own")
    return _with_test(train[0], folders)


def _is_split(folder: Path, names: tuple[str, ...]) -> bool:
    return folder.name.lower() in names


def _holds_classes(folder: Path, siblings: list[Path]) -> bool:
    """Whether ``train`` is a split: it has subfolders, is empty, or is beside a test folder. Otherwise it is a class."""
    beside = any(_is_split(sibling, (*TEST, *VALIDATION)) for sibling in siblings)
    return bool(visible_folders(folder)) or not has_files(folder) or beside


def _with_test(train: Path, folders: list[Path]) -> Layout:
    """The layout with the one labelled test folder; if there is none, with the one labelled validation folder."""
    classes = {folder.name for folder in visible_folders(train)}
    labelled: dict[tuple[str, ...], list[Path]] = {TEST: [], VALIDATION: []}
    notes = []
    for names, found in labelled.items():
        for folder in folders:
            if _is_split(folder, names) and classes & {inner.name for inner in visible_folders(folder)}:
                found.append(folder)
            elif _is_split(folder, names):
                notes.append(f"{folder.name} is not used: it has no folders of the classes, so no labels")
    test = labelled[TEST] or labelled[VALIDATION]
    if len(test) > 1:
        raise UserError(f"{train.parent} holds two test folders, {_both(test)}: leave one of them")
    unused = labelled[VALIDATION] if labelled[TEST] else []
    notes += [f"{folder.name} is not used: {test[0].name} is the test split" for folder in unused]
    return Layout(train, test[0] if test else None, notes)


def _refuse_unknown_siblings(root: Path, folders: list[Path], train: Path) -> None:
    for folder in folders:
        if not _is_split(folder, SPLITS) and holds_pictures(folder):
            raise UserError(
                f"{root} holds the folder {folder.name!r} beside {train.name}, which is not a split: call it test or val, or "
                "move it away"
            )


def _refuse_splits_as_classes(root: Path, folders: list[Path]) -> None:
    """Reject folders with the name of a split where there is no training folder, because they are not classes."""
    for folder in folders:
        inner = [path for path in visible_folders(folder) if _is_split(path, SPLITS)]
        if inner and len(folders) == 1:
            raise UserError(f"{root} holds the one folder {folder.name!r}, which holds splits: set --data.root {folder}")
        if inner:
            raise UserError(
                f"the class folder {folder} holds the split {inner[0].name!r}: put the splits first, as in train/CLASS and "
                "test/CLASS"
            )
        if _is_split(folder, (*TEST, *VALIDATION)) or (_is_split(folder, TRAIN) and visible_folders(folder)):
            raise UserError(
                f"{root} holds the split {folder.name!r} and no training folder: call the training folder "
                f"train; if {folder.name!r} is a class, put all class folders into a folder train"
            )


def _both(folders: list[Path]) -> str:
    return " and ".join(repr(folder.name) for folder in folders)
