"""Builds an open_clip model, with weights from a tag, a file, a folder or the Hugging Face Hub."""

import difflib
import json
import logging
import os
import pickle
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from oro_unlearn.files import first_line
from oro_unlearn.networks.clip_layouts import load_clip_weights
from oro_unlearn.user_error import UserError

SCENES = Path(__file__).parent / "scenes_clip"
CONFIG, VOCABULARY = "open_clip_config.json", "vocabulary.bpe.gz"
OWN_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
OWN = ("shipped", "openai")  # "openai" is the default of OpenCLIP and no tag of a folder
CODE = ("trust_remote_code", "auto_map")  # options of transformers that run code
PREPROCESSING = ("mean", "std", "interpolation", "resize_mode")
OPTION, CACHE = "--model.network.init_args.pretrained", "~/.cache/huggingface"
SECONDS = 10  # timeout to test whether the hub can be reached; the hub's client would try for a minute and a half


def build(name: str, pretrained: str) -> tuple[Any, Any]:
    """An open_clip model with its weights, and its tokenizer.

    Args:
        name: An open_clip architecture, ``scenes``, ``local-dir:FOLDER`` or ``hf-hub:OWNER/NAME``.
        pretrained: A tag, a file of weights, ``shipped``, or empty for random weights.

    Raises:
        UserError: If a file or folder is missing; if the weights are not on this machine and cannot be downloaded; if the
            architecture or tag does not exist; or if the file is of another architecture.
    """
    if name.startswith("hf-hub:"):
        return _from_hub(name, pretrained)
    if name == "scenes" or name.startswith("local-dir:"):
        folder = SCENES if name == "scenes" else Path(name.removeprefix("local-dir:"))
        return _from_folder(name, folder, pretrained)
    return _from_tag_or_file(_known(name), pretrained)


def _known(name: str) -> str:
    import open_clip

    name, names = name.replace("/", "-"), open_clip.list_models()
    if name not in names:
        close = difflib.get_close_matches(name, names, n=3) or difflib.get_close_matches(name.upper(), names, n=3, cutoff=0.3)
        raise UserError(
            f"open_clip has no architecture {name!r}; close names are {', '.join(close)}"
            if close
            else f"open_clip has no architecture {name!r}; open_clip.list_models() lists them"
        )
    return name


def _from_tag_or_file(name: str, pretrained: str) -> tuple[Any, Any]:
    import open_clip
    from open_clip.pretrained import get_pretrained_cfg

    tag = get_pretrained_cfg(name, pretrained) if pretrained else {}
    if pretrained and not tag and not _is_there(Path(pretrained)):
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(name)) or "none"
        raise UserError(f"{pretrained!r} is neither a file nor a tag of {name}; its tags are {tags}")
    if tag.get("quick_gelu") and not open_clip.get_model_config(name).get("quick_gelu"):
        raise UserError(f"{name}/{pretrained} was trained with QuickGELU: choose the architecture {name}-quickgelu")
    path = _downloaded(name, pretrained, tag) if tag else None
    model, tokenizer = _create(name, {key: tag[key] for key in PREPROCESSING if key in tag})
    if path is not None:
        _fill(model, path)
    elif pretrained:
        load_clip_weights(model, pretrained)
    return model, tokenizer


def _is_there(path: Path) -> bool:
    """Whether the path is a file, or a folder of Hugging Face."""
    return path.is_file() or (path / "config.json").is_file()


def _fill(model: Any, path: str) -> None:
    """Load a tag's weights, with open_clip's conversions."""
    import open_clip

    try:
        with _quiet():
            open_clip.load_checkpoint(model, path)
    except (RuntimeError, OSError, EOFError, KeyError, pickle.UnpicklingError, SafetensorError) as error:
        raise UserError(f"{path} cannot be read ({first_line(error)}): delete it, to download it again") from None


def _from_folder(name: str, folder: Path, pretrained: str) -> tuple[Any, Any]:
    if not (folder / CONFIG).is_file():
        raise UserError(f"{folder / CONFIG} not found: name a folder with an open_clip model")
    _check(folder / CONFIG)
    path = Path(pretrained)
    if pretrained in OWN:
        path = next((folder / file for file in OWN_WEIGHTS if (folder / file).is_file()), folder / OWN_WEIGHTS[0])
        if not path.is_file():
            what = "this installation" if name == "scenes" else str(folder)
            raise UserError(f"the weights of {name} are missing from {what}: {path} not found; install again or "
                                    "name a file with pretrained")  # fmt: skip
    elif pretrained and not _is_there(path):
        raise UserError(f"{pretrained!r} is not a file, and {name} has no tags: leave pretrained at 'shipped'")
    vocabulary = {"bpe_path": str(folder / VOCABULARY)} if (folder / VOCABULARY).is_file() else {}
    model, tokenizer = _create(f"local-dir:{folder}", {}, **vocabulary)
    if pretrained:
        load_clip_weights(model, path)
    return model, tokenizer


def _check(path: Path) -> None:
    """Reject a file that is no configuration of open_clip, and options that would make transformers run code."""
    names: set[str] = set()

    def noted(part: dict[str, Any]) -> dict[str, Any]:
        names.update(part)
        return part

    try:
        config = json.loads(path.read_text(encoding="utf-8"), object_hook=noted)
    except json.JSONDecodeError as error:
        raise UserError(f"{path}:{error.lineno} is not JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON: {first_line(error)}") from None
    for key in CODE:
        if key in names:
            raise UserError(f"{path} has {key}: code that comes with a model is never run; use a copy without that option")
    model = config.get("model_cfg") if isinstance(config, dict) else None
    if not isinstance(model, dict) or not isinstance(model.get("text_cfg"), dict):
        raise UserError(f"{path} has no 'model_cfg' with a 'text_cfg': it is not the configuration of an open_clip model")


def _from_hub(name: str, pretrained: str) -> tuple[Any, Any]:
    import open_clip
    from huggingface_hub import try_to_load_from_cache
    from open_clip.pretrained import download_pretrained_from_hf

    repository = name.removeprefix("hf-hub:")
    if not isinstance(try_to_load_from_cache(repository, CONFIG), str):
        _reach_hub(name, f"download https://huggingface.co/{repository} elsewhere and name its folder, local-dir:FOLDER")
    try:
        with _quiet():
            config = download_pretrained_from_hf(repository, filename=CONFIG)
    except (OSError, RuntimeError) as error:
        raise UserError(f"{name} cannot be loaded: {first_line(error)}") from None
    _check(Path(config))
    try:
        with _quiet():
            if not pretrained or pretrained in OWN:
                model = open_clip.create_model(name, load_weights=bool(pretrained), require_pretrained=bool(pretrained))
            else:
                model = open_clip.create_model(name, load_weights=False)
            tokenizer = _tokenizer(name)
    except (OSError, RuntimeError) as error:
        raise UserError(f"{name} cannot be loaded: {first_line(error)}") from None
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise UserError(f"open_clip cannot build {name}: {first_line(error)}") from None
    if pretrained and pretrained not in OWN:
        load_clip_weights(model, pretrained)
    return model, tokenizer


def _create(name: str, preprocessing: dict[str, Any], **tokenizer: str) -> tuple[Any, Any]:
    """Create a model with random weights, and its tokenizer."""
    import open_clip

    _reach_text_model(name)
    try:
        with _quiet():
            model = open_clip.create_model(name, load_weights=False, pretrained_text=False, force_preprocess_cfg=preprocessing)
            return model, _tokenizer(name, **tokenizer)
    except (OSError, RuntimeError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise UserError(f"open_clip cannot build {name}: {first_line(error)}") from None


def _tokenizer(name: str, **options: Any) -> Any:
    """Create the tokenizer. A tokenizer of transformers never runs code from its repository, and never asks whether to."""
    import open_clip

    if open_clip.get_model_config(name)["text_cfg"].get("hf_tokenizer_name"):
        options["trust_remote_code"] = False  # overrides the value in the configuration
    return open_clip.get_tokenizer(name, **options)


def _downloaded(name: str, pretrained: str, tag: dict[str, Any]) -> str:
    """Path of a tag's weights: from the cache, without network access; otherwise downloaded."""
    from huggingface_hub import try_to_load_from_cache
    from open_clip.pretrained import download_pretrained

    repository, _, file = tag.get("hf_hub", "").rpartition("/")
    files = [file] if file else list(OWN_WEIGHTS)
    if file.endswith((".bin", ".pth")):
        files.insert(0, f"{file[:-4]}.safetensors")
    for candidate in files if repository else []:
        cached = try_to_load_from_cache(repository, candidate)
        if isinstance(cached, str):
            return cached
    url = f"https://huggingface.co/{repository}/resolve/main/{files[0]}" if repository else tag.get("url", "")
    what, hint = f"weights {name}/{pretrained}", f"download {url} elsewhere and set {OPTION} to the file"
    if repository:
        _reach_hub(what, hint)
    try:
        with _quiet():
            return download_pretrained(tag)
    except (OSError, RuntimeError, ValueError) as error:
        raise _not_here(what, first_line(error), hint) from None


def _reach_text_model(name: str) -> None:
    """Fail quickly if an architecture names a text model or tokenizer of the hub that is neither cached nor reachable."""
    import open_clip
    from huggingface_hub import try_to_load_from_cache

    text = open_clip.get_model_config(name)["text_cfg"]
    for key, file in (("hf_model_name", "config.json"), ("hf_tokenizer_name", "tokenizer_config.json")):
        repository = text.get(key)
        if repository and not name.startswith("local-dir:") and not isinstance(try_to_load_from_cache(repository, file), str):
            _reach_hub(f"the text model {repository} of {name}", f"run once with a network, or copy its cache ({CACHE})")


def _reach_hub(what: str, hint: str) -> None:
    """Fail within seconds if the hub cannot be reached."""
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        raise _not_here(what, "HF_HUB_OFFLINE is set", hint)
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    try:
        urllib.request.urlopen(urllib.request.Request(endpoint, method="HEAD"), timeout=SECONDS).close()
    except urllib.error.HTTPError:
        return
    except OSError as error:
        if not isinstance(getattr(error, "reason", None), ssl.SSLError):  # the hub's client has its own certificates
            raise _not_here(what, first_line(getattr(error, "reason", error)), hint) from None


def _not_here(what: str, why: str, hint: str) -> UserError:
    return UserError(f"{what}: not here, and cannot be downloaded ({why}); {hint}")


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence open_clip's messages within the block, and add no handler to the root logger."""
    root, before = logging.getLogger(), logging.root.manager.disable
    null = logging.NullHandler()
    root.addHandler(null)
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
        root.removeHandler(null)
