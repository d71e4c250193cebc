"""The logits in the output of a network."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from oro_unlearn.user_error import UserError


def logits_of(output: Any) -> Tensor:
    """Take the logits out of the output of a classifier.

    A tensor is taken as it is. Otherwise the logits are, in this order: the entry or attribute ``logits``; in a mapping, the
    entry ``out``; the first tensor of a tuple or list (the others are auxiliary outputs); the only tensor of a mapping.

    Args:
        output: The return value of ``network(images)``: a tensor, an object with ``logits`` as Transformers return it, a tuple
            as torchvision's Inception returns it, or a mapping.

    Returns:
        Logits.

    Raises:
        UserError: If it is not clear which part of the output is the logits.
    """
    found = _part(output)
    if found is None:
        raise UserError(
            f"the network returned {_described(output)}, in which no logits can be told from the rest: let its forward return "
            "a tensor (B, K), or an object, a mapping or a named tuple whose 'logits' is one"
        )
    return found


def _part(output: Any) -> Tensor | None:
    if isinstance(output, Tensor):
        return output
    if isinstance(getattr(output, "logits", None), Tensor):
        return output.logits
    if isinstance(output, Mapping):
        named = [output[name] for name in ("logits", "out") if isinstance(output.get(name), Tensor)]
        tensors = [value for value in output.values() if isinstance(value, Tensor)]
        return named[0] if named else tensors[0] if len(tensors) == 1 else None
    if isinstance(output, tuple | list):
        return next((value for value in output if isinstance(value, Tensor)), None)
    return None


def _described(output: Any) -> str:
    if isinstance(output, Mapping):
        return f"a {type(output).__name__} of {', '.join(map(str, output)) or 'nothing'}"
    if isinstance(output, tuple | list):
        return f"a {type(output).__name__} of {', '.join(type(value).__name__ for value in output) or 'nothing'}"
    return f"a {type(output).__name__}"
