"""Writes a model and its processor as a folder of transformers, completely or not at all."""

from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from oro_unlearn.files import first_line, replacing_in
from oro_unlearn.networks.huggingface import quiet
from oro_unlearn.user_error import UserError

LAST = "config.json"  # replaced last: a folder without it is no model


def save_folder(model: Any, processor: Any, folder: Path) -> None:
    """Write a folder that ``from_pretrained`` loads. The files replace older ones when all are on the disk.

    Args:
        model: A model of transformers without adapters.
        processor: Its processor.
        folder: The folder; missing folders are created.

    Raises:
        UserError: If it cannot be written.
    """
    names: list[str] = []
    try:
        with replacing_in(folder, names) as temporary, quiet():
            processor.save_pretrained(temporary)
            model.save_pretrained(temporary)
            files = sorted(path.name for path in temporary.iterdir() if path.is_file())
            names += sorted(files, key=LAST.__eq__)
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"{folder} cannot be written ({first_line(error)}): make room there, or choose another folder"
        ) from None
