"""CLIP models of open_clip: embeddings of images and captions, adapters, and export to plain open_clip and peft."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, pad

from oro_unlearn.networks import adapter_files, lora
from oro_unlearn.networks.clip_layouts import load_clip_weights
from oro_unlearn.networks.clip_weights import build
from oro_unlearn.networks.split_attention import split_attention
from oro_unlearn.user_error import UserError


class OpenCLIP(nn.Module):
    """A CLIP model of open_clip whose attention, also a ResNet's pool, is split into Linears so that adapters reach it.

    A model with loaded weights starts in eval mode, a model with random weights in train mode.

    Args:
        name: An open_clip architecture; or ``scenes``, the small model shipped with the package; or ``local-dir:FOLDER`` or
            ``hf-hub:OWNER/NAME`` as in open_clip.
        pretrained: A tag of open_clip; or a file (``.safetensors``, ``.pt`` or ``.bin`` with a state dict, OpenAI's
            TorchScript, or Transformers' layout); or a folder of Transformers. For ``scenes``, ``local-dir:`` and ``hf-hub:``
            the default and ``shipped`` both mean the model's own weights. Empty for random weights.

    Attributes:
        architecture: ``name``.
        weights_file: ``pretrained``: the file or tag of the weights with which the model was built.
        image_size: Height and width of an image in pixels.
        embed_dim: Length D of an embedding.
        context_length: Largest number of tokens of a caption.
        quick_gelu: Whether the activation is QuickGELU.
        trims: Whether a batch of captions is cut after the end token of its longest caption.

    Raises:
        UserError: If the weights are not on this machine and cannot be downloaded; if the architecture or tag does not exist,
            or the file does not fit.
    """

    model: Any  # of open_clip: its towers, buffers and pooling vary
    mean: Tensor
    std: Tensor

    def __init__(self, name: str = "ViT-B-32-quickgelu", pretrained: str = "openai") -> None:
        super().__init__()
        import open_clip
        from open_clip.transformer import QuickGELU

        model, self.tokenizer = build(name, pretrained)
        self.architecture, self.weights_file = name, pretrained
        self.image_size = _square(model.visual.image_size, name)
        self.context_length: int = self.tokenizer.context_length
        self.quick_gelu = any(isinstance(module, QuickGELU) for module in model.modules())
        # with a causal mask the end token cannot read the padding behind it, so the padding can be cut off
        self.trims = isinstance(model, open_clip.CLIP) and model.attn_mask is not None and model.text_pool_type == "argmax"
        preprocessing = model.visual.preprocess_cfg
        for statistic in ("mean", "std"):
            values = torch.tensor(preprocessing[statistic], dtype=torch.float32).view(-1, 1, 1)
            self.register_buffer(statistic, values, persistent=False)
        self.model = split_attention(model)
        self.embed_dim = self._embed_dim()
        self.train(not pretrained)

    def _embed_dim(self) -> int:
        with torch.no_grad():
            return self.encode_text(torch.zeros(1, 1, dtype=torch.long)).shape[1]

    @property
    def scale(self) -> float:
        """The factor of the cosine in CLIP's logits, exp(logit_scale)."""
        return float(self.model.logit_scale.detach().exp())

    def tokenize(self, captions: Sequence[str]) -> Tensor:
        """Tokens of captions, on the model's device.

        Args:
            captions: N captions. A caption with more than ``context_length`` tokens is cut; it keeps its end token.

        Returns:
            (N, L) int64. L is the length of the longest caption where a causal mask makes the padding irrelevant.
        """
        tokens = self.tokenizer([captions] if isinstance(captions, str) else list(captions))
        if self.trims and len(tokens):
            tokens = tokens[:, : int(tokens.argmax(1).max()) + 1]
        return tokens.to(self.mean.device)

    def encode_image(self, images: Tensor) -> Tensor:
        """Embed images.

        Args:
            images: (B, 3, S, S) with S = ``image_size``, uint8 or float in [0, 1]. This method normalises them.

        Returns:
            (B, D) float32 unit vectors.

        Raises:
            UserError: If the images have another size or type.
        """
        expected = (3, self.image_size, self.image_size)
        if images.shape[1:] != expected:
            raise UserError(
                f"{self.architecture} takes images of {self.image_size} x {self.image_size} pixels, "
                f"shape (B, {', '.join(map(str, expected))}), not {tuple(images.shape)}: resize them to image_size"
            )
        if images.dtype != torch.uint8 and not images.is_floating_point():
            raise UserError(f"images must be uint8, or float in [0, 1], not {images.dtype}")
        images = images.float() / 255 if images.dtype == torch.uint8 else images.float()
        images = (images - self.mean.float()) / self.std.float()
        return _unit(self.model.encode_image(images.to(self.mean.dtype)))

    def encode_text(self, tokens: Tensor) -> Tensor:
        """Embed captions.

        Args:
            tokens: (B, L) as from :meth:`tokenize`, L at most ``context_length``.

        Returns:
            (B, D) float32 unit vectors.

        Raises:
            UserError: If there are too many tokens.
        """
        length = tokens.shape[1]
        if length > self.context_length:
            raise UserError(f"{self.architecture} reads {self.context_length} tokens, not {length}: use tokenize")
        if self.trims:
            return _unit(self._encode_positions(tokens))
        padding = getattr(getattr(self.model, "text", None), "pad_id", 0)
        return _unit(self.model.encode_text(pad(tokens, (0, self.context_length - length), value=padding)))

    def _encode_positions(self, tokens: Tensor) -> Tensor:
        """open_clip's ``CLIP.encode_text`` on the given positions only."""
        from open_clip.transformer import text_global_pool

        model, length = self.model, tokens.shape[1]
        dtype = model.transformer.get_cast_dtype()
        features = model.token_embedding(tokens).to(dtype) + model.positional_embedding[:length].to(dtype)
        features = model.transformer(features, attn_mask=model.attn_mask[:length, :length])
        pooled = text_global_pool(model.ln_final(features), tokens, model.text_pool_type)
        if isinstance(model.text_projection, nn.Module):
            return model.text_projection(pooled)
        return pooled if model.text_projection is None else pooled @ model.text_projection

    def train(self, mode: bool = True) -> "OpenCLIP":
        """Set the mode. In a model with adapters, only the adapters and their dropout change mode.

        The base model then stays in eval mode, without dropout, drop path or batch statistics, so that :meth:`reference` gives
        the same result every time.
        """
        super().train(mode)
        layers = lora.adapted_layers(self.model).values()
        if layers:
            self.model.eval()
        for layer in layers:
            layer.train(mode).get_base_layer().eval()
        return self

    def add_adapter(
        self,
        towers: str = "text",
        rank: int = 8,
        alpha: float = 16,
        kind: str = "lora",
        dropout: float = 0.0,
        targets: Sequence[str] = (),
    ) -> int:
        """Freeze the model in eval mode, and add an adapter in train mode; at first it does not change the output.

        Args:
            towers: ``text``, ``image`` or ``both``.
            rank: Rank r of each update.
            alpha: The update is scaled by alpha / r (by alpha / sqrt(r) with ``rslora``).
            kind: ``lora``, ``dora`` or ``rslora``.
            dropout: Dropout on the adapter's input, in [0, 1).
            targets: Parts of the names of layers, such as ``attnpool``, the pool of a ResNet, ``layer4`` or ``q_proj``. By
                default attention and MLP of every transformer block and, in a ResNet, the convolutions of layer3 and layer4.

        Returns:
            Number of trainable parameters.

        Raises:
            UserError: If a value is out of range, a tower has no such layer, or the model has an adapter already.
        """
        layers = lora.pattern(lora.choose_layers(self.model, towers, targets), self.model)
        lora.inject(self.model, layers, rank, alpha, kind, dropout)
        self.train()
        return self._trainable()

    def _trainable(self) -> int:
        return sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)

    @contextmanager
    def reference(self) -> Iterator[None]:
        """Within the block, the model is exactly its base, without gradients. Afterwards its former state is back."""
        with torch.no_grad(), lora.without_adapters(self.model):
            yield

    def adapter_state(self) -> dict[str, Tensor]:
        """Copy the adapter's tensors, and no others. The result is empty if the model has no adapter."""
        return {name: tensor.detach().clone() for name, tensor in lora.adapter_parameters(self.model).items()}

    def load_adapter_state(self, state: dict[str, Tensor]) -> None:
        """Fill the adapter with tensors from :meth:`adapter_state`.

        Raises:
            UserError: If there is no adapter, or the tensors belong to another adapter (rank, towers, kind, architecture).
        """
        lora.fill_adapter(self.model, state)

    def check_adapter_gradients(self) -> None:
        """Check after a backward pass that every trainable tensor of the adapter has a gradient.

        Raises:
            UserError: If a tensor has none. Training would silently leave it unchanged.
        """
        parameters = lora.adapter_parameters(self.model)
        idle = [name for name, tensor in parameters.items() if tensor.requires_grad and tensor.grad is None]
        if idle:
            raise UserError(
                f"{len(idle)} of {len(parameters)} tensors of the adapter have no gradient (first {', '.join(idle[:3])}): "
                "nothing in the loss depends on them; choose other towers or targets"
            )

    def load_weights(self, path: str | Path) -> None:
        """Replace the weights by those of a plain open_clip model, strictly.

        Args:
            path: As in :func:`oro_unlearn.networks.clip_layouts.load_clip_weights`.

        Raises:
            UserError: If the file is missing; if the file does not fit, or the model has an adapter.
        """
        lora.refuse_second(self.model)
        plain = lora.merged_copy(self.model)
        load_clip_weights(plain, path)
        self.model.load_state_dict(split_attention(plain).state_dict())

    def merged_state(self) -> dict[str, Tensor]:
        """The state dict of a plain open_clip model with the adapter merged into its weights; the model is not changed."""
        return lora.merged_copy(self.model).state_dict()

    def merged(self) -> "OpenCLIP":
        """A copy in eval mode, all weights trainable, with the adapter merged; an adapter that is off is left out."""
        copy = deepcopy(self)
        lora.merge(copy.model)
        return copy.requires_grad_(True).eval()

    @property
    def has_adapter(self) -> bool:
        """Whether the model has an adapter that is on."""
        layers = lora.adapted_layers(self.model).values()
        return bool(layers) and not any(layer.disable_adapters for layer in layers)

    def training_adapter(self) -> "OpenCLIP":
        """A copy in eval mode of which the adapter alone is trainable."""
        copy = deepcopy(self).requires_grad_(False).eval()
        for parameter in lora.adapter_parameters(copy.model).values():
            parameter.requires_grad_(True)
        return copy

    def save_adapter(self, folder: str | Path) -> None:
        """Write the adapter in peft's format, and beside it ``oro_unlearn.json``, which identifies the base model.

        Raises:
            UserError: If there is no adapter.
        """
        adapter_files.save_adapter(self, Path(folder))

    def load_adapter(self, folder: str | Path) -> int:
        """Add the adapter that :meth:`save_adapter` wrote, in train mode; the model is frozen in eval mode.

        Returns:
            Number of trainable parameters.

        Raises:
            UserError: If the folder holds no adapter; if the adapter was trained on another base, its files are not as
                :meth:`save_adapter` writes them, or the model has an adapter already.
        """
        adapter_files.load_adapter(self, Path(folder))
        self.train()
        return self._trainable()


def _unit(features: Tensor) -> Tensor:
    with torch.autocast(features.device.type, enabled=False):
        return normalize(features.float(), dim=-1)


def _square(size: int | tuple[int, int], name: str) -> int:
    height, width = (size, size) if isinstance(size, int) else size
    if height != width:
        raise UserError(f"{name} takes images of {height} x {width} pixels; only square ones are supported")
    return height
