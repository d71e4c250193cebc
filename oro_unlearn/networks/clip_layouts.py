"""Converts weights of CLIP models from OpenAI's and Transformers' names to open_clip's names."""

import json
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from oro_unlearn.files import shortened
from oro_unlearn.networks.checkpoints import Checkpoint, fill_network, read_checkpoint
from oro_unlearn.user_error import UserError

OPENAI_SIZES = ("input_resolution", "context_length", "vocab_size")  # OpenAI's files hold these numbers as tensors
TRANSFORMERS = ("text_model.", "vision_model.")
NAMES = (  # of Transformers and of open_clip
    (r"text_model\.embeddings\.token_embedding\.", "token_embedding."),
    (r"text_model\.embeddings\.position_embedding\.weight", "positional_embedding"),
    (r"text_model\.final_layer_norm\.", "ln_final."),
    (r"text_model\.encoder\.layers\.", "transformer.resblocks."),
    (r"vision_model\.embeddings\.class_embedding", "visual.class_embedding"),
    (r"vision_model\.embeddings\.patch_embedding\.", "visual.conv1."),
    (r"vision_model\.embeddings\.position_embedding\.weight", "visual.positional_embedding"),
    (r"vision_model\.pre_layrnorm\.", "visual.ln_pre."),
    (r"vision_model\.post_layernorm\.", "visual.ln_post."),
    (r"vision_model\.encoder\.layers\.", "visual.transformer.resblocks."),
    (r"\.self_attn\.out_proj\.", ".attn.out_proj."),
    (r"\.layer_norm(\d)\.", r".ln_\1."),
    (r"\.mlp\.fc1\.", ".mlp.c_fc."),
    (r"\.mlp\.fc2\.", ".mlp.c_proj."),
)
PROJECTIONS = {"text_projection.weight": "text_projection", "visual_projection.weight": "visual.proj"}  # transposed
QUERY = re.compile(r"(.*)\.self_attn\.q_proj\.(weight|bias)")


def load_clip_weights(model: Any, path: str | Path) -> str:
    """Load weights into a plain model of open_clip.

    Args:
        model: The model. Its weights are replaced in place.
        path: A file in open_clip's layout, OpenAI's TorchScript ``.pt``, or a file or folder of Transformers' ``CLIPModel``.

    Returns:
        One line that says what was taken.

    Raises:
        UserError: If the file is missing or does not fit the model.
    """
    checkpoint = read_checkpoint(path)
    state = {name: value for name, value in checkpoint.state.items() if name not in OPENAI_SIZES}
    if len(state) < len(checkpoint.state) and not _is_quick(model):
        raise UserError(f"{path} is OpenAI's, trained with QuickGELU: choose the architecture whose name ends in -quickgelu")
    if not any(name.startswith(TRANSFORMERS) for name in state):
        return fill_network(model, checkpoint._replace(state=state))
    if not hasattr(model, "token_embedding") or not hasattr(model.visual, "transformer"):
        raise UserError(
            f"{path} is in Transformers' CLIP layout, and the architecture has other towers: choose a ViT of OpenAI"
        )
    _check_config(model, checkpoint)
    try:
        line = fill_network(model, checkpoint._replace(state=from_transformers(state)))
    except ValueError as error:
        raise UserError(f"{error} (it was converted from Transformers' CLIP layout to open_clip's)") from None
    return f"{line}; converted from Transformers' layout"


def from_transformers(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state dict of Transformers' ``CLIPModel`` under open_clip's names.

    Args:
        state: Tensors by Transformers' names. A tensor without a counterpart keeps its name.

    Returns:
        Tensors by open_clip's names. Query, key and value are joined into one tensor.
    """
    converted: dict[str, Tensor] = {}
    for name, value in state.items():
        query = QUERY.fullmatch(name)
        parts = [f"{query[1]}.self_attn.{part}_proj.{query[2]}" for part in "qkv"] if query else []
        if query and all(part in state for part in parts):
            joined = torch.cat([state[part] for part in parts])
            converted[f"{_renamed(query[1] + '.')}attn.in_proj_{query[2]}"] = joined
        elif re.sub(r"\.[kv]_proj\.", ".q_proj.", name) in state and re.search(r"\.self_attn\.[kv]_proj\.", name):
            continue  # was joined with the query
        elif name in PROJECTIONS:
            converted[PROJECTIONS[name]] = value.T
        elif not name.endswith("position_ids"):
            converted[_renamed(name)] = value
    return converted


def _renamed(name: str) -> str:
    for pattern, replacement in NAMES:
        name = re.sub(pattern, replacement, name)
    return name


def _is_quick(model: nn.Module) -> bool:
    return any(type(module).__name__ == "QuickGELU" for module in model.modules())


def _check_config(model: Any, checkpoint: Checkpoint) -> None:
    """Check the number of heads and the activation, which weights do not show, against the ``config.json`` beside them."""
    path = checkpoint.path.parent / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (ValueError, RecursionError):
        config = {}
    for tower, part in ((model, "text_config"), (model.visual, "vision_config")):
        options = config.get(part) if isinstance(config, dict) else None
        options, block = options if isinstance(options, dict) else {}, tower.transformer.resblocks[0]
        quick = "quick_gelu" if _is_quick(block) else "gelu"
        for key, here in (("num_attention_heads", block.attn.num_heads), ("hidden_act", quick)):
            if options.get(key, here) != here:
                hint = (
                    "; choose the architecture whose name ends, or does not end, in -quickgelu" if key == "hidden_act" else ""
                )
                raise UserError(
                    f"{path}: {key} of {part} is {shortened(options[key], 40)} there and {here} in the architecture{hint}"
                )
