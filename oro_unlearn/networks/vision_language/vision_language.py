"""Vision-language models of transformers: losses and answers to questions, neurons, adapters, and export."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from oro_unlearn.networks import lora
from oro_unlearn.networks.neurons.neuron_layer import NeuronLayer
from oro_unlearn.networks.vision_language import loading
from oro_unlearn.networks.vision_language.collator import IGNORED, QuestionCollator
from oro_unlearn.networks.vision_language.feed_forward import FeedForward, find_towers
from oro_unlearn.networks.vision_language.folder_writing import save_folder
from oro_unlearn.networks.vision_language.picture_packing import COUNT, owners, select_rows
from oro_unlearn.networks.vision_language.question import Question
from oro_unlearn.user_error import UserError

Towers = Literal["text", "vision", "both"]


class VisionLanguage(nn.Module):
    """A model of transformers that reads pictures and text, and writes text (``AutoModelForImageTextToText``).

    A model with loaded weights starts in eval mode, a model with random weights in train mode. Code from a model's folder or
    repository is never run.

    Args:
        name: ``personas``, the small model shipped with the package; or a folder of transformers; or ``OWNER/NAME``, the id of
            a model on the Hugging Face Hub.
        weights: Empty for the model's own weights; ``random``; or a file or folder with a state dict of this network. The own
            weights of ``personas`` know its persons; with ``base`` it is as before it learned them.
        dtype: ``float32``, ``bfloat16`` or ``float16``, of the weights.
        load_in_4bit: Hold the weights of Linears in 4 bits (nf4; bitsandbytes, CUDA). Then the weights are frozen, and adapters
            alone can train.
        gradient_checkpointing: Compute activations again in the backward pass, to save memory.
        max_length: Most tokens of a question with its answer. The tokens of a picture do not count.

    Attributes:
        model: The model of transformers.
        processor: Its processor.
        tokenizer: Its tokenizer.
        collator: Makes batches; can be pickled, and holds no weights.

    Raises:
        UserError: If the model cannot be loaded, or is no model of pictures and text.
    """

    model: Any

    def __init__(
        self,
        name: str = "personas",
        weights: str = "",
        dtype: str = "float32",
        load_in_4bit: bool = False,
        gradient_checkpointing: bool = False,
        max_length: int = 512,
    ) -> None:
        super().__init__()
        self.architecture, self.weights_file, self.in_4bit = name, weights, load_in_4bit
        self.model, self.processor = loading.build(name, weights, dtype, load_in_4bit)
        self.tokenizer = self.processor.tokenizer
        self._text, self._vision = find_towers(self.model)
        self.collator = QuestionCollator(self.processor, self.model.config.model_type, self._end_tokens(), max_length)
        if load_in_4bit:
            self.model.requires_grad_(False)
        if gradient_checkpointing:
            self.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        self.train(weights == loading.RANDOM)

    def _end_tokens(self) -> list[int]:
        """Tokens that end an answer, the tokenizer's own first."""
        more = self.model.generation_config.eos_token_id
        found = [self.tokenizer.eos_token_id, *(more if isinstance(more, list) else [more])]
        return list(dict.fromkeys(token for token in found if token is not None))

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return self.model.device

    def collate(self, questions: Sequence[Question]) -> dict[str, Tensor]:
        """Questions with answers as a batch, on the CPU: see :meth:`QuestionCollator.collate`."""
        return self.collator.collate(questions)

    def prompts(self, questions: Sequence[Question]) -> dict[str, Tensor]:
        """Questions without answers as a batch for :meth:`generate`, on the CPU: see :meth:`QuestionCollator.prompts`."""
        return self.collator.prompts(questions)

    def select(self, inputs: Mapping[str, Tensor], rows: Tensor) -> dict[str, Tensor]:
        """Choose, repeat or permute rows of a batch, with their pictures.

        Args:
            inputs: From :meth:`collate` or :meth:`prompts`.
            rows: (R,) int64, on the device of ``inputs``.
        """
        return select_rows(inputs, rows)

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Logits of the next token.

        Args:
            inputs: From :meth:`collate`.

        Returns:
            (B, T, V) in the type of the weights. Pictures are read by the tokens that stand for them.
        """
        return self.model(**self._model_inputs(inputs), use_cache=False).logits

    def _model_inputs(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What the model itself takes of a batch, on its device."""
        kept = {name: tensor for name, tensor in inputs.items() if name != "labels" and not name.startswith(COUNT)}
        moved = {name: tensor.to(self.device, non_blocking=True) for name, tensor in kept.items()}
        return {name: tensor.to(self.model.dtype) if tensor.is_floating_point() else tensor for name, tensor in moved.items()}

    def answer_losses(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Mean negative log-likelihood of each answer's tokens, its end token included.

        Args:
            inputs: From :meth:`collate`.

        Returns:
            (B,) float32, differentiable.
        """
        sums, numbers = self.answer_log_probs(inputs)
        return -sums / numbers

    def answer_log_probs(self, inputs: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Log-probability of each answer, its end token included.

        Args:
            inputs: From :meth:`collate`.

        Returns:
            (B,) float32, the sum of the log-probabilities of the answer's tokens, differentiable; and (B,) int64, their number.
        """
        logits = self(inputs)[:, :-1].float()
        labels = inputs["labels"].to(logits.device)[:, 1:]
        losses = cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="none")
        return -losses.view(labels.shape).sum(1), (labels != IGNORED).sum(1)

    @torch.no_grad()
    def generate(self, inputs: Mapping[str, Tensor], max_new_tokens: int = 32) -> list[str]:
        """Answer questions greedily, in eval mode.

        Args:
            inputs: From :meth:`prompts`.
            max_new_tokens: Most tokens of an answer.

        Returns:
            B answers without special tokens and outer blanks.
        """
        training = self.training
        self.eval()
        try:
            tokens = self.model.generate(
                **self._model_inputs(inputs), max_new_tokens=max_new_tokens, do_sample=False, num_beams=1,
                temperature=None, top_p=None, top_k=None, repetition_penalty=1.0, pad_token_id=self.collator.padding,
                eos_token_id=list(self.collator.end_tokens),
            )  # fmt: skip
        finally:
            self.train(training)
        answers = self.tokenizer.batch_decode(tokens[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        return [answer.strip() for answer in answers]

    @property
    def text_layers(self) -> list[NeuronLayer]:
        """Feed-forward layers of the language model, shallow to deep; below an adapter its base layers."""
        return [self._neurons(layer) for layer in self._text.layers]

    @property
    def vision_layers(self) -> list[NeuronLayer]:
        """Feed-forward layers of the vision tower that have an effect, shallow to deep; below an adapter its base layers.

        LLaVA reads the output of the last block but one, so its last layer is left out.
        """
        return [self._neurons(layer) for layer in self._vision.layers]

    @property
    def text_blocks(self) -> list[nn.Module]:
        """Transformer blocks of the language model, shallow to deep."""
        return [self.model.get_submodule(name) for name in self._text.blocks]

    @property
    def vision_blocks(self) -> list[nn.Module]:
        """Transformer blocks of the vision tower that have an effect, shallow to deep."""
        return [self.model.get_submodule(name) for name in self._vision.blocks]

    def _neurons(self, layer: FeedForward) -> NeuronLayer:
        makers = tuple(self._linear(maker) for maker in layer.makers)
        activation = self.model.get_submodule(layer.activation) if layer.activation else None
        return NeuronLayer(f"model.{layer.reader}", self._linear(layer.reader), makers, activation)

    def _linear(self, name: str) -> nn.Linear:
        module: Any = self.model.get_submodule(name)
        return module.get_base_layer() if hasattr(module, "get_base_layer") else module

    def positions(self, inputs: Mapping[str, Tensor], tower: Literal["text", "vision"]) -> Tensor:
        """Where the neurons of a tower are read.

        In the text, this is the last token of the prompt, which predicts the first token of the answer and has seen the picture
        and the question. The first token of a causal model, which the released code of MIP-Editor (arXiv 2511.06793) uses,
        sees nothing but itself.

        In pictures, these are all patches that the language model reads. LLaVA's CLS token is not read, so it is left out.

        Args:
            inputs: From :meth:`collate` or :meth:`prompts`.
            tower: ``text`` or ``vision``.

        Returns:
            A mask over the tower's hidden states, bool. Text: (B, T). Vision: (pictures, tokens), pictures (or parts of them)
            in the order of the rows that have any; where a family packs all patches into one sequence without rows (Qwen-VL),
            (B, patches), row by row the patches of its picture.

        Raises:
            UserError: If no row has a picture.
        """
        if tower == "text":
            return self._last_prompt_tokens(inputs)
        if "pixel_values" not in inputs:
            raise UserError(
                "none of these questions has a picture, and the vision tower reads nothing: choose multimodal questions"
            )
        shape = self._read_shape(inputs)
        if len(shape) == 2:
            return owners(inputs[f"{COUNT}pixel_values"].to(self.device))
        mask = torch.ones(shape[:2], dtype=torch.bool, device=self.device)
        if getattr(self.model.config, "vision_feature_select_strategy", None) == "default":
            mask[:, 0] = False
        return mask

    def _last_prompt_tokens(self, inputs: Mapping[str, Tensor]) -> Tensor:
        tokens = inputs["input_ids"].to(self.device)
        last = torch.full((len(tokens),), tokens.shape[1] - 1, device=self.device)
        if "labels" in inputs:
            last = (inputs["labels"].to(self.device) != IGNORED).int().argmax(1) - 1
        return torch.arange(tokens.shape[1], device=self.device)[None] == last[:, None]

    def _read_shape(self, inputs: Mapping[str, Tensor]) -> torch.Size:
        """Shape of what a vision layer reads: (pictures, tokens, width), or (patches, width)."""
        shapes: list[torch.Size] = []
        hook = self.vision_layers[0].reader.register_forward_pre_hook(lambda _, read: shapes.append(read[0].shape))
        try:
            with torch.no_grad():
                self(inputs)
        finally:
            hook.remove()
        return shapes[0]

    def add_lora(self, rank: int = 8, alpha: float = 16, dropout: float = 0.0, towers: Towers = "both") -> int:
        """Freeze the model, and add LoRA (arXiv 2106.09685) to every Linear of the blocks: attention and feed-forward layers.

        Blocks without effect get none. At first the adapter does not change the output.

        Args:
            rank: Rank r of each update.
            alpha: The update is scaled by alpha / r.
            dropout: Dropout on the adapter's input, in [0, 1).
            towers: ``both``, ``text`` or ``vision``.

        Returns:
            Number of trainable parameters.

        Raises:
            UserError: If a value is out of range, or the model has an adapter already.
        """
        if towers not in ("both", "text", "vision"):
            raise UserError(f"towers must be one of both, text, vision, not {towers!r}")
        blocks = (self._text.blocks if towers != "vision" else []) + (self._vision.blocks if towers != "text" else [])
        names = [
            f"{block}.{name}" for block in blocks
            for name, module in self.model.get_submodule(block).named_modules() if isinstance(module, nn.Linear)
        ]  # fmt: skip
        lora.refuse_second(self.model)
        lora.inject(self.model, lora.pattern(names, self.model), rank, alpha, "lora", dropout)
        return sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)

    def merge(self) -> None:
        """Merge the adapter into the weights, in place; afterwards all weights are trainable.

        Raises:
            UserError: If the weights are held in 4 bits.
        """
        if self.in_4bit:
            raise UserError("an adapter cannot be merged into weights of 4 bits: load the model again without load_in_4bit")
        if lora.adapted_layers(self.model):
            lora.merge(self.model).requires_grad_(True)

    def save(self, folder: str | Path) -> None:
        """Write a folder that transformers loads by itself: weights (an adapter merged), configuration, processor.

        Args:
            folder: Missing folders are created. Its files are replaced when all new ones are complete.

        Raises:
            UserError: If it cannot be written, or the weights are held in 4 bits and have an adapter.
        """
        adapted = bool(lora.adapted_layers(self.model))
        if adapted and self.in_4bit:
            raise UserError("an adapter cannot be merged into weights of 4 bits: load the model again without load_in_4bit")
        save_folder(lora.merge(deepcopy(self.model)) if adapted else self.model, self.processor, Path(folder))
