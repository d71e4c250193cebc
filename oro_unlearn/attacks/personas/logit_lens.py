"""The logit lens: what every layer of the language model would answer (nostalgebraist, 2020)."""

from typing import Any

import torch
from torch import Tensor

from oro_unlearn.networks.vision_language.layer_states import hidden_states, read_out


@torch.no_grad()
def logit_lens(network: Any, inputs: dict[str, Tensor]) -> Tensor:
    """Probability of the first token of each answer, read from every layer through the last norm and the output head.

    A model whose last layers hide an answer still shows it in earlier ones.

    Args:
        network: A ``VisionLanguage``.
        inputs: A batch with ``labels``, as from ``collate``.

    Returns:
        (L, B) for L layers of the language model and B questions.
    """
    hidden = hidden_states(network, inputs)  # L tensors (B, T, D)
    labels = inputs["labels"].to(hidden[0].device)
    first = (labels != -100).int().argmax(1)  # position of each answer's first token
    rows = torch.arange(len(labels), device=labels.device)
    target = labels[rows, first]
    probabilities = [read_out(network, states[rows, first - 1]).float().softmax(-1)[rows, target] for states in hidden]
    return torch.stack(probabilities)
