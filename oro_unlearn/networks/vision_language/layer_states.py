"""Hidden states of a language model's layers, and what its output head makes of them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from oro_unlearn.user_error import UserError

if TYPE_CHECKING:
    from oro_unlearn.networks.vision_language.vision_language import VisionLanguage


def hidden_states(network: "VisionLanguage", inputs: Mapping[str, Tensor]) -> list[Tensor]:
    """Outputs (B, T, D) of every block of the language model, shallow to deep, differentiable.

    Args:
        network: The network.
        inputs: A batch, as from ``collate``.
    """
    states: list[Tensor] = []

    def keep(_: nn.Module, __: Any, output: Any) -> None:
        states.append(output[0] if isinstance(output, tuple) else output)

    handles = [block.register_forward_hook(keep) for block in network.text_blocks]
    try:
        network(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return states


def read_out(network: "VisionLanguage", states: Tensor) -> Tensor:
    """Logits (..., V) of hidden states (..., D), through the norm behind the last block and the output head.

    Args:
        network: The network.
        states: Hidden states of any block.

    Raises:
        UserError: If no norm is found beside the blocks.
    """
    blocks = network.text_blocks
    owner = next(
        module for module in network.model.modules() if any(list(child)[-1:] == blocks[-1:] for child in _lists(module))
    )
    norms = [child for child in owner.children() if "norm" in type(child).__name__.lower()]
    if not norms:
        raise UserError(f"{type(network.model).__name__} has no norm behind its last block: the logit lens cannot read it")
    return network.model.get_output_embeddings()(norms[-1](states))


def _lists(module: nn.Module) -> list[nn.ModuleList]:
    return [child for child in module.children() if isinstance(child, nn.ModuleList) and len(child)]
