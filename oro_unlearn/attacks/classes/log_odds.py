"""The quantity that attacks on inputs raise: the log odds of a class."""

import torch
from torch import Tensor, nn

from oro_unlearn.networks import logits_of


def log_odds(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """The log odds log p(y|x) - log(1 - p(y|x)) of each image, with gradients. Unlike a probability it does not saturate.

    Args:
        network: A classifier in eval mode, on the device of the images.
        images: (N, C, H, W).
        labels: (N,) the classes y.

    Returns:
        (N,); minus infinity where the head masks the class.
    """
    logits = logits_of(network(images)).float()
    others = logits.scatter(1, labels[:, None], -torch.inf)
    return logits.gather(1, labels[:, None])[:, 0] - others.logsumexp(1)
