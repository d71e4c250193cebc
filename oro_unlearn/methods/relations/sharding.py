"""Sharding of the frozen weights of a large CLIP model over the processes (FSDP2); its adapters are replicated (DDP)."""

import inspect
import re
from typing import Any

import torch
from torch import nn

from oro_unlearn.user_error import UserError

BLOCK = re.compile(r"(^|\.)(resblocks|blocks|layers|layer)\.\d+$")


def can_shard() -> bool:
    """Whether this version of PyTorch can shard the frozen weights and exclude the trained ones."""
    from torch.distributed.fsdp import fully_shard

    return "ignored_params" in inspect.signature(fully_shard).parameters


def shard_frozen(method: nn.Module, model: nn.Module, world: int, device: str) -> None:
    """Shard the frozen weights of every transformer block over the processes; a block is gathered while it is used.

    DDP is told to ignore the frozen weights. All processes must use the blocks equally often.

    Args:
        method: Module that DDP will wrap.
        model: Its CLIP model, with adapters; trained parameters are not sharded.
        world: Number of processes.
        device: Type of the processes' devices, such as ``cuda``.

    Raises:
        UserError: If the model has no transformer blocks, or PyTorch is too old.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    if not can_shard():
        raise UserError(f"--model.shard needs PyTorch 2.7 or newer, and {torch.__version__} is installed: set it to false")
    named = [(name, module) for name, module in model.named_modules() if BLOCK.search(name)]
    blocks = [module for name, module in named if not any(name.startswith(f"{other}.") for other, _ in named)]
    if not blocks:
        raise UserError("--model.shard true shares out transformer blocks, and this model has none: set it to false")
    mesh = init_device_mesh(device, (world,))
    for block in blocks:
        trained = {parameter for parameter in block.parameters() if parameter.requires_grad}
        fully_shard(block, mesh=mesh, ignored_params=trained)
    frozen = [name for name, parameter in method.named_parameters() if not parameter.requires_grad]
    wrapped: Any = method
    wrapped._ddp_params_and_buffers_to_ignore = frozen  # attribute name that DDP reads
