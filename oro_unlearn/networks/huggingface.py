"""Image classifiers of Hugging Face's transformers."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from oro_unlearn.files import first_line
from oro_unlearn.user_error import UserError


def huggingface_classifier(name: str, num_classes: int) -> nn.Module:
    """The architecture of an image classifier of transformers, with random weights.

    The weights are read like those of any other network: name the folder with ``--model.original``. Code from the model's
    folder or repository is never run.

    Args:
        name: A folder with ``config.json``, or the id of a model on the Hugging Face Hub.
        num_classes: Number of classes K. Names of classes in the configuration are kept if there are K of them.

    Raises:
        UserError: If the name is neither a folder nor a model in the cache or on the hub; if transformers is not installed, or
            has no image classifier of this kind.
    """
    try:
        from transformers import AutoConfig, AutoModelForImageClassification
    except ImportError:
        raise UserError(f"hf:{name} needs transformers: pip install 'oro_unlearn[hf]'") from None
    check_folder(name)
    try:
        config = AutoConfig.from_pretrained(name, trust_remote_code=False)
        if config.num_labels != num_classes:
            config.num_labels = num_classes
        return AutoModelForImageClassification.from_config(config, trust_remote_code=False)
    except OSError as error:
        raise UserError(
            f"hf:{name} is neither a folder with config.json nor a model that can be reached ({first_line(error)}): "
            f"run 'hf download {name} --local-dir FOLDER' on a machine with internet access, and name hf:FOLDER"
        ) from None
    except (ValueError, KeyError) as error:
        raise UserError(f"transformers has no image classifier for hf:{name}: {first_line(error)}") from None


def in_memory_names(network: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Convert the names in a file to those of a network of transformers; these can differ between versions.

    Args:
        network: The network.
        state: The file's tensors.

    Returns:
        The tensors by the network's names. They are unchanged if the network is not of transformers or the names fit already. A
        name that transformers does not know is kept.
    """
    own: dict[str, Tensor] = network.state_dict()
    if not type(network).__module__.startswith("transformers.") or state.keys() >= own.keys():
        return state
    kind: Any = type(network)
    with quiet(), torch.random.fork_rng(devices=[]):
        converted, found = kind.from_pretrained(
            None, config=network.config, state_dict=dict(state), ignore_mismatched_sizes=True, output_loading_info=True
        )
    resized = {name: state.get(name, torch.empty(shape)) for name, shape, _ in found["mismatched_keys"]}
    known = {name: value for name, value in converted.state_dict().items() if name not in found["missing_keys"]}
    return {**known, **resized, **{name: state[name] for name in found["unexpected_keys"] if name in state}}


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the tables and progress bars of transformers within the block."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        logging.enable_progress_bar()


def check_folder(name: str, prefix: str = "hf:") -> None:
    """Reject a folder without configuration, and a name that is neither a folder nor of the form of an id of the Hub.

    Args:
        name: The folder or the id.
        prefix: What stands before the name in the user's option, for the errors.

    Raises:
        UserError: If the name is such.
    """
    folder = Path(name)
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise UserError(f"{prefix}{name} has no config.json: name a folder that transformers' save_pretrained wrote")
    if not folder.is_dir() and (name.count("/") != 1 or name.startswith((".", "/", "~"))):
        raise UserError(f"{prefix}{name} not found: name a folder with config.json, or OWNER/NAME of the Hugging Face Hub")
    if folder.is_dir():
        try:
            content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise UserError(f"{folder / 'config.json'} is not JSON: {first_line(error)}") from None
        if not isinstance(content, dict) or "model_type" not in content:
            raise UserError(f"{folder / 'config.json'} names no model_type of transformers: name a folder that it wrote")
