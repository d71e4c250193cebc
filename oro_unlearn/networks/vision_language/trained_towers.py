"""Which weights of a vision-language model train."""

from typing import TYPE_CHECKING, Literal

import torch

from oro_unlearn.user_error import UserError

if TYPE_CHECKING:
    from oro_unlearn.networks.vision_language.vision_language import VisionLanguage


def train_towers(network: "VisionLanguage", towers: Literal["text", "vision", "both"]) -> int:
    """Let weights train, and freeze the others.

    Args:
        network: The network, without adapter.
        towers: ``vision``: the blocks of the vision tower. ``text``: everything but these. ``both``: everything.

    Returns:
        Number of trained parameters.

    Raises:
        UserError: If the weights are held in 4 bits.
    """
    require_plain_weights(network)
    network.requires_grad_(towers != "vision")
    for block in network.vision_blocks:
        block.requires_grad_(towers != "text")
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def require_plain_weights(network: "VisionLanguage") -> None:
    """Reject weights that cannot be changed.

    Args:
        network: The network, without adapter.

    Raises:
        UserError: If the weights are held in 4 bits.
    """
    if network.in_4bit:
        raise UserError(
            "weights of 4 bits cannot be changed: set load_in_4bit false, or train adapters (--model.lora_rank 8) by a method "
            "that has them"
        )


def require_trainable_type(network: "VisionLanguage") -> None:
    """Reject weights of a type in which a step of AdamW makes NaN of them.

    Args:
        network: The network, whose own weights are to train.

    Raises:
        UserError: If the weights are of type float16.
    """
    if network.model.dtype == torch.float16:
        raise UserError(
            "weights of float16 cannot be trained, because small numbers of AdamW become 0: set dtype bfloat16 or float32, "
            "or train adapters with --model.lora_rank 8"
        )
