"""Image classifiers of Hugging Face's transformers."""

import json
from pathlib import Path

from torch import nn


def huggingface_classifier(name: str, num_classes: int) -> nn.Module:
    """The architecture of an image classifier of transformers, with random weights.

    Its weights are read like any others: name the folder with ``--model.original``. Code that comes with a model is never run.

    Args:
        name: A folder with ``config.json``, or the id of a model on the Hugging Face Hub.
        num_classes: Number of classes K. Names of classes in the configuration stay if there are K of them.

    Raises:
        FileNotFoundError: If there is no such folder, and no such model in the cache or on the hub.
        ValueError: If transformers is missing, or has no image classifier of this kind.
    """
    try:
        from transformers import AutoConfig, AutoModelForImageClassification
    except ImportError:
        raise ValueError(f"hf:{name} needs transformers: pip install 'oro_unlearn[hf]'") from None
    _check_folder(name)
    try:
        config = AutoConfig.from_pretrained(name, trust_remote_code=False)
        if config.num_labels != num_classes:
            config.num_labels = num_classes
        return AutoModelForImageClassification.from_config(config, trust_remote_code=False)
    except OSError as error:
        raise FileNotFoundError(
            f"hf:{name} is neither a folder with config.json nor a model that can be reached ({_first_line(error)}): "
            f"run 'hf download {name} --local-dir FOLDER' where there is a network, and name hf:FOLDER"
        ) from None
    except (ValueError, KeyError) as error:
        raise ValueError(f"transformers has no image classifier for hf:{name}: {_first_line(error)}") from None


def _check_folder(name: str) -> None:
    folder = Path(name)
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise FileNotFoundError(f"hf:{name} has no config.json: name a folder that transformers' save_pretrained wrote")
    if not folder.is_dir() and (name.count("/") != 1 or name.startswith((".", "/", "~"))):
        raise FileNotFoundError(f"hf:{name} not found: name a folder with config.json, or OWNER/NAME of the Hugging Face Hub")
    if folder.is_dir():
        try:
            content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{folder / 'config.json'} is not JSON: {_first_line(error)}") from None
        if not isinstance(content, dict) or "model_type" not in content:
            raise ValueError(f"{folder / 'config.json'} names no model_type of transformers: name a folder that it wrote")


def _first_line(error: object) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
