"""Find the tables of captions of a folder of pictures."""

from pathlib import Path
from typing import NamedTuple

from oro_unlearn.data.relations.caption_tables import SUFFIXES
from oro_unlearn.user_error import UserError

STEMS = ("manifest", "captions", "metadata")  # the last is the name in Hugging Face's imagefolder
SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation", "validation", "valid", "val", "dev"), "test"),
}


class CaptionFile(NamedTuple):
    """A table of captions to read."""

    path: Path
    folder: Path  # names of pictures in the table are relative to it
    split: str = ""  # train or test, if the table lies in a folder of that name


def caption_files(root: Path, manifest: str = "") -> list[CaptionFile]:
    """The tables that belong to a folder of pictures.

    Args:
        root: The folder.
        manifest: A table, relative to the current folder or to ``root``. Empty: a file ``manifest`` in ``root``, otherwise
            ``captions`` or ``metadata``, with any suffix that is read. If there is none, the folders ``train``, ``test`` and so
            on in ``root`` are searched.

    Raises:
        UserError: If there is no table, or if several tables match.
    """
    if manifest:
        path = Path(manifest) if Path(manifest).is_file() else root / manifest
        if not path.is_file():
            raise UserError(f"manifest {path} not found: name it with --data.manifest")
        return [CaptionFile(path, root)]
    if not root.is_dir():
        raise UserError(f"folder {root} not found: name the folder of the pictures with --data.root")
    here = _only(root)
    if here:
        return [CaptionFile(here, root)]
    folders = [folder for folder in sorted(root.iterdir()) if folder.is_dir() and folder.name.casefold() in SPLITS]
    found = [(table, folder) for folder in folders if (table := _only(folder))]
    if not found:
        raise UserError(
            f"no manifest.csv, captions.csv or metadata.jsonl in {root} (nor .tsv or .parquet): name the table of captions "
            "with --data.manifest"
        )
    return [CaptionFile(table, folder, SPLITS[folder.name.casefold()]) for table, folder in found]


def _only(folder: Path) -> Path | None:
    """The table of captions in a folder; None if there is none."""
    names = {f"{stem}{suffix}": stem for stem in STEMS for suffix in SUFFIXES}
    found = [path for path in sorted(folder.iterdir()) if path.name.casefold() in names and path.is_file()]
    first = [path for path in found if names[path.name.casefold()] == STEMS[0]] or found
    if len(first) > 1:
        listed = " and ".join(path.name for path in first)
        raise UserError(f"{folder} has several tables of captions ({listed}): name one with --data.manifest")
    return first[0] if first else None
