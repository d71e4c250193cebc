"""Loads vision-language models of transformers, and the small one that is shipped, without running code from their folders."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from oro_unlearn.files import first_line
from oro_unlearn.networks.checkpoints import read_checkpoint
from oro_unlearn.networks.huggingface import check_folder, in_memory_names, quiet
from oro_unlearn.networks.state_dicts import match_names
from oro_unlearn.networks.weight_checks import check_shapes, plain_tensor
from oro_unlearn.user_error import UserError

PERSONAS = Path(__file__).parents[1] / "personas_vlm"
SHIPPED = {"": "original", "original": "original", "base": "base"}  # folders of PERSONAS by the value of ``weights``
RANDOM = "random"
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def build(name: str, weights: str, dtype: str, load_in_4bit: bool) -> tuple[Any, Any]:
    """A model with its weights, and its processor.

    Args:
        name: ``personas``, a folder of transformers, or the id of a model on the Hugging Face Hub.
        weights: As in :class:`~oro_unlearn.networks.VisionLanguage`.
        dtype: ``float32``, ``bfloat16`` or ``float16``.
        load_in_4bit: Hold the weights of Linears in 4 bits (nf4).

    Raises:
        UserError: If transformers is not installed; if the name is no such model, or cannot be reached; if the weights do not
            fit; if 4 bits are not possible here.
    """
    if dtype not in DTYPES:
        raise UserError(f"dtype must be one of {', '.join(DTYPES)}, not {dtype!r}")
    folder = folder_of(name)
    file = _weights_file(name, weights)
    options: dict[str, Any] = {"dtype": DTYPES[dtype]}
    if load_in_4bit:
        options |= _four_bits(DTYPES[dtype], file is not None or weights == RANDOM)
    config, processor = config_of(folder), processor_of(folder)
    if file is None and weights != RANDOM:
        return _pretrained(folder, options), processor
    from transformers import AutoModelForImageTextToText

    model = AutoModelForImageTextToText.from_config(config, dtype=DTYPES[dtype], trust_remote_code=False)
    if file is not None:
        fill(model, file)
    return model, processor


def fill(model: Any, path: str | Path) -> None:
    """Load a state dict into a model, strictly. Weights that are tied may be in the file once.

    Args:
        model: A model of transformers; its weights are replaced.
        path: A file of safetensors or of ``torch.save``, or a folder of transformers.

    Raises:
        UserError: If the file is missing, is no state dict of this architecture, or has NaN or infinite values.
    """
    checkpoint, own = read_checkpoint(path), model.state_dict()
    state = _with_tied(match_names(checkpoint.state, own, checkpoint.path).state, own)
    if state.keys() != own.keys():  # names of another version of transformers
        state = _with_tied(in_memory_names(model, checkpoint.state), own)
    check_shapes(model, state, own, checkpoint.path)
    tensors = {name: plain_tensor(tensor, name, own, checkpoint.path) for name, tensor in state.items()}
    model.load_state_dict(tensors)


def _with_tied(state: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors, and under every name of a tied weight the one that was saved."""
    saved = {own[name].data_ptr(): tensor for name, tensor in state.items() if name in own}
    missing = [name for name in own if name not in state and own[name].data_ptr() in saved]
    return state | {name: saved[own[name].data_ptr()] for name in missing}


def _weights_file(name: str, weights: str) -> Path | None:
    """The file or folder to fill the model from; None if it has weights of its own, or random ones."""
    if name == "personas" and weights in SHIPPED:
        path = PERSONAS / SHIPPED[weights] / "model.safetensors"
        if not path.is_file():
            raise UserError(f"the weights of personas are missing from this installation: {path} not found; install again, or "
                            "set weights to 'random' or to a file")  # fmt: skip
        return path
    if weights in ("", RANDOM):
        return None
    if not Path(weights).exists():
        kinds = "'base', 'original', 'random', a file or a folder" if name == "personas" else "'random', a file or a folder"
        raise UserError(f"weights {weights!r} of {name} not found: set weights to {kinds}")
    return Path(weights)


def folder_of(name: str) -> str:
    """The folder or the id of a model: the shipped folder for ``personas``, and otherwise the name itself.

    Raises:
        UserError: If transformers is not installed; if the name is a folder without configuration, or neither a folder nor of
            the form of an id.
    """
    name = str(PERSONAS) if name == "personas" else name
    try:
        import transformers  # noqa: F401
    except ImportError:
        raise UserError("vision-language models need transformers: pip install 'oro_unlearn[mllm]'") from None
    check_folder(name, prefix="")
    return name


def config_of(name: str) -> Any:
    """The configuration of a model that reads pictures and text.

    Args:
        name: ``personas``, a folder of transformers, or the id of a model on the Hugging Face Hub.

    Raises:
        UserError: If there is none, or it is of a model of another kind.
    """
    name = folder_of(name)
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING as KINDS

    try:
        config = AutoConfig.from_pretrained(name, trust_remote_code=False)
    except OSError as error:
        raise _unreachable(name, error) from None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"transformers cannot read the configuration of {name}: {first_line(error)}") from None
    if type(config) not in KINDS:
        raise UserError(f"{name} is a {config.model_type} model, which does not read pictures and text: name one such as LLaVA")
    return config


def processor_of(name: str) -> Any:
    """The processor, with an image processor and a tokenizer.

    Args:
        name: A folder of transformers, or the id of a model on the Hugging Face Hub.

    Raises:
        UserError: If there is none.
    """
    from transformers import AutoProcessor

    try:
        processor = AutoProcessor.from_pretrained(name, trust_remote_code=False)
    except OSError as error:
        raise _unreachable(name, error) from None
    except (ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
        raise UserError(f"the processor of {name} cannot be loaded: {first_line(error)}") from None
    if not hasattr(processor, "image_processor") or not hasattr(processor, "tokenizer"):
        raise UserError(f"{name} is not a model of pictures and text: its processor is a {type(processor).__name__} alone")
    return processor


def _pretrained(name: str, options: dict[str, Any]) -> Any:
    """The model with its own weights."""
    from transformers import AutoModelForImageTextToText

    try:
        with quiet():
            model, found = AutoModelForImageTextToText.from_pretrained(
                name, trust_remote_code=False, output_loading_info=True, **options
            )
    except OSError as error:
        raise _unreachable(name, error) from None
    except (ValueError, KeyError, ImportError, RuntimeError) as error:
        raise UserError(f"transformers cannot load {name} as a model of pictures and text: {first_line(error)}") from None
    if found["missing_keys"] or found["mismatched_keys"]:
        first = sorted([*found["missing_keys"], *(key[0] for key in found["mismatched_keys"])])[0]
        raise UserError(f"the weights in {name} do not fit its config.json (first {first}): download or save the model again")
    return model


def _unreachable(name: str, error: OSError) -> UserError:
    if Path(name).is_dir():
        return UserError(f"{name} cannot be loaded: {first_line(error)}")
    return UserError(
        f"{name} is neither a folder with config.json nor a model that can be reached ({first_line(error)}): "
        f"run 'hf download {name} --local-dir FOLDER' on a machine with internet access, and name FOLDER"
    )


def _four_bits(compute: torch.dtype, own_weights: bool) -> dict[str, Any]:
    """Options that hold the weights in 4 bits; refused where that cannot work."""
    if own_weights:
        raise UserError("load_in_4bit reads weights from a model's own folder: name that folder, and leave weights empty")
    if not torch.cuda.is_available():
        raise UserError("load_in_4bit needs a CUDA GPU, and there is none: set it to false, or dtype to bfloat16")
    try:
        import bitsandbytes  # noqa: F401
    except ImportError:
        raise UserError("load_in_4bit needs bitsandbytes: pip install bitsandbytes, or set it to false") from None
    from transformers import BitsAndBytesConfig

    four = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=compute)
    return {"quantization_config": four, "device_map": {"": torch.cuda.current_device()}}
