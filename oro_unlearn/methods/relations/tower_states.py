"""The one token of a CLIP tower that becomes the embedding, and its hidden state behind a block."""

from typing import Any

import torch
from torch import Tensor

from oro_unlearn.networks.neurons import NeuronLayer, clip_neuron_layers
from oro_unlearn.user_error import UserError


class TowerStates:
    """A transformer of a CLIP model: its layers of neurons, and the token at which they count.

    Text: the end token. It alone becomes the embedding, and it alone has read the whole caption: with a causal mask, the
    first token is the same in every caption, and any other is shared with captions that begin alike. Image: the class token.

    Args:
        network: The CLIP model (:class:`OpenCLIP`).
        tower: ``text`` or ``image``.

    Attributes:
        layers: Its layers, shallow to deep.

    Raises:
        UserError: If the tower has no such layers, or is read at other tokens.
    """

    def __init__(self, network: Any, tower: str) -> None:
        self.network, self.tower = network, tower
        self.layers: list[NeuronLayer] = clip_neuron_layers(network.model, tower)
        model = network.model
        part = getattr(model, "text", model) if tower == "text" else model.visual
        pool = getattr(part, "text_pool_type", getattr(part, "pool_type", ""))
        if pool != ("argmax" if tower == "text" else "tok"):
            raise UserError(f"the {tower} tower is not read at its end or class token, where neuron paths are sought")

    def inputs(self, captions: list[str], images: Tensor) -> Tensor:
        """Tokens (N, L) of captions, or the images (N, 3, H, W), on the network's device."""
        return self.network.tokenize(captions) if self.tower == "text" else images.to(self.network.mean.device)

    def encode(self, inputs: Tensor) -> Tensor:
        """Features (N, D) of inputs."""
        features: Tensor = self.network.encode_text(inputs) if self.tower == "text" else self.network.encode_image(inputs)
        return features

    def places(self, inputs: Tensor) -> Tensor:
        """Position (N,) int64 of the token in the hidden states."""
        return inputs.argmax(1) if self.tower == "text" else inputs.new_zeros(len(inputs), dtype=torch.long)

    def positions(self, inputs: Tensor) -> Tensor:
        """Mask (N, tokens) bool of the token; images have one column, since theirs is the first."""
        places = self.places(inputs)
        columns = inputs.shape[1] if self.tower == "text" else 1
        return torch.arange(columns, device=places.device) == places[:, None]

    def hidden(self, inputs: Tensor, block: int) -> Tensor:
        """Hidden states (N, width) of the token behind a block.

        Args:
            inputs: As :meth:`inputs` gives them.
            block: Number of the block; -1 is the last.
        """
        held: list[Tensor] = []
        module = self.network.model.get_submodule(self.layers[block].name.rpartition(".mlp.")[0])
        handle = module.register_forward_hook(lambda _, given, output: held.append(output))
        try:
            self.encode(inputs)
        finally:
            handle.remove()
        return held[0][torch.arange(len(inputs), device=inputs.device), self.places(inputs)]
