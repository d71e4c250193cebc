"""The memory that a run will take, told before its weights are loaded."""

from collections.abc import Mapping, Sequence
from typing import Any

from oro_unlearn.networks.vision_language import loading
from oro_unlearn.networks.vision_language.collator import QuestionCollator
from oro_unlearn.networks.vision_language.memory import GIB, Trained, training_memory
from oro_unlearn.networks.vision_language.picture_packing import COUNT
from oro_unlearn.networks.vision_language.question import Question

SHOWN = ("name", "dtype", "load_in_4bit", "gradient_checkpointing")  # options of a network that memory depends on


def memory_lines(
    options: Mapping[str, Any], questions: Sequence[Question], train: Trained, rank: int, batch_size: int, copies: int
) -> list[str]:
    """One line with the estimate of :func:`training_memory`, for a model that takes a GiB or more; otherwise none.

    Configuration and processor of the model are read, no weights.

    Args:
        options: Arguments of :class:`~oro_unlearn.networks.VisionLanguage`.
        questions: Some questions of training, the longest of which gives the number of tokens.
        train: What trains.
        rank: Rank of the adapters.
        batch_size: Questions in a step, on one device.
        copies: Frozen models of the same size.

    Raises:
        UserError: If there is no such model.
    """
    folder = loading.folder_of(options["name"])
    tokens, patches = _sizes(folder, questions, options.get("max_length", 512))
    chosen = {name: options[name] for name in SHOWN if name in options}
    memory = training_memory(
        **chosen, train=train, rank=rank, batch_size=max(1, batch_size), tokens=tokens, patches=patches, frozen_copies=copies
    )
    if memory.total < GIB:
        return []
    parts = ", ".join(f"{name} {value / GIB:.1f}" for name, value in memory._asdict().items())
    return [f"memory of training, about {memory.total / GIB:.1f} GiB on each device ({parts})"]


def _sizes(folder: str, questions: Sequence[Question], max_length: int) -> tuple[int, int]:
    """Most tokens of a question with its answer and picture, and patches of a picture; 0 where all pictures have as many."""
    config, processor = loading.config_of(folder), loading.processor_of(folder)
    ends = [token for token in [processor.tokenizer.eos_token_id] if token is not None]
    collator = QuestionCollator(processor, config.model_type, ends, max_length)
    inputs = collator.collate(questions)
    packed = "pixel_values" in inputs and inputs["pixel_values"].dim() == 2
    return inputs["input_ids"].shape[1], int(inputs[f"{COUNT}pixel_values"].max()) if packed else 0
