"""Pictures pushed towards captions by small changes of their pixels, by projected gradient descent."""

from typing import Any

import torch
from torch import Tensor

from oro_unlearn.user_error import UserError

BATCH = 64  # pictures at once
STRIDE = 2.5  # the steps together may go so many times the allowed distance


def pushed(network: Any, images: Tensor, captions: Tensor, rivals: Tensor, distance: int, steps: int) -> Tensor:
    """Push pictures towards the closest of some captions: PGD (Madry et al., arXiv 1706.06083) in the maximum norm.

    Every step goes along the sign of the gradient of the probability that CLIP gives the captions among all captions, and back
    into the allowed distance. It starts from the picture and draws nothing. Any picture can be pushed anywhere if the distance
    is large, so only what is easier than for a foil's picture is evidence.

    Args:
        network: An :class:`~oro_unlearn.networks.OpenCLIP`, as it is to be attacked.
        images: (B, 3, S, S) uint8.
        captions: (K, D) unit vectors of the captions.
        rivals: (M, D) unit vectors of the other captions.
        distance: Largest change of a pixel's channel, of 255; 0 or more.
        steps: Number of gradients.

    Returns:
        (B, 3, S, S) uint8 on the pictures' device, each value within ``distance`` of the picture's.

    Raises:
        UserError: If ``distance`` is negative or ``images`` are not uint8.
    """
    if distance < 0 or images.dtype != torch.uint8:
        raise UserError(f"pictures are uint8 and a distance is 0 or more, not {images.dtype} and {distance}")
    device = network.mean.device
    # Lightning measures in inference mode, where nothing has a gradient
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast(device.type, enabled=False):
        every = torch.cat([captions, rivals]).detach().clone().to(device).float()
        parts = [
            _pushed(network, part.clone().to(device).float(), every, len(captions), distance, steps)
            for part in images.clone().split(BATCH)
        ]
        return torch.cat(parts).to(images.device)


def _pushed(network: Any, start: Tensor, captions: Tensor, own: int, distance: int, steps: int) -> Tensor:
    low, high = (start - distance).clamp(min=0), (start + distance).clamp(max=255)
    moved = start
    for _ in range(steps if distance else 0):
        moved = moved.detach().requires_grad_()
        logits = network.scale * network.encode_image(moved / 255) @ captions.T
        gain = (logits[:, :own].logsumexp(1) - logits.logsumexp(1)).sum()
        (gradient,) = torch.autograd.grad(gain, moved)
        moved = (moved.detach() + STRIDE * distance / steps * gradient.sign()).clamp(low, high)
    return moved.detach().round().to(torch.uint8)
