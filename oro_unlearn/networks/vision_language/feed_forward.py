"""Finds the transformer blocks of both towers, and their feed-forward layers, by structure."""

from typing import Any, NamedTuple

from torch import nn

from oro_unlearn.user_error import UserError


class FeedForward(NamedTuple):
    """Names of the Linears of a feed-forward layer.

    Attributes:
        reader: The second Linear. The coordinates of its input are the neurons.
        makers: The Linears whose output rows make the neurons: (up, gate), or the first Linear alone.
        activation: The module of the activation. Empty if it is not known.
    """

    reader: str
    makers: tuple[str, ...]
    activation: str


class Tower(NamedTuple):
    """Transformer blocks whose output the model uses, shallow to deep.

    Attributes:
        blocks: Names of the blocks.
        layers: The feed-forward layer of each block.
    """

    blocks: list[str]
    layers: list[FeedForward]


def find_towers(model: Any) -> tuple[Tower, Tower]:
    """The towers of text and of vision.

    The text tower is the longest list of blocks below the module that holds the input embeddings. The vision tower is the
    longest other list. A block is a module with a feed-forward layer and further Linears, those of its attention. Blocks behind
    the one whose output the model reads are left out: LLaVA reads the last but one, so its last vision block has no effect.

    Args:
        model: A model of transformers.

    Raises:
        UserError: If there is no such tower.
    """
    language = _owner(model, model.get_input_embeddings())
    text: list[tuple[str, nn.ModuleList]] = []
    vision: list[tuple[str, nn.ModuleList]] = []
    for name, module in model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) and all(_attends(block) for block in module):
            (text if name.startswith(language) else vision).append((name, module))
    kind = type(model).__name__
    if not vision:
        raise UserError(
            f"{kind} has no vision tower of transformer blocks with plain feed-forward layers: name a model with one"
        )
    if not text:
        raise UserError(f"{kind} has no text tower of transformer blocks with plain feed-forward layers: name a model with one")
    return _tower(text), _tower(vision, _used(model.config, max(len(blocks) for _, blocks in vision)))


def _tower(lists: list[tuple[str, nn.ModuleList]], used: int | None = None) -> Tower:
    name, blocks = max(lists, key=lambda found: len(found[1]))
    names = [f"{name}.{number}" for number in range(len(blocks))][:used]
    found = [_feed_forward(block) for block in blocks]
    layers = [_below(block, layer) for block, layer in zip(names, found, strict=False) if layer is not None]
    return Tower(names, layers)


def _below(block: str, layer: FeedForward) -> FeedForward:
    """The layer of a block, with names as the model has them."""
    activation = f"{block}.{layer.activation}" if layer.activation else ""
    return FeedForward(f"{block}.{layer.reader}", tuple(f"{block}.{maker}" for maker in layer.makers), activation)


def _owner(model: nn.Module, embedding: nn.Module) -> str:
    """Name of the module that directly holds the embedding, with a dot; empty for the model itself."""
    name = next(name for name, module in model.named_modules() if module is embedding)
    return "".join(name.rpartition(".")[:2])


def _attends(block: nn.Module) -> bool:
    """Whether a module has a feed-forward layer, and Linears outside of it."""
    layer = _feed_forward(block)
    if layer is None:
        return False
    inside = {layer.reader, *layer.makers}
    return any(isinstance(module, nn.Linear) and name not in inside for name, module in block.named_modules())


def _feed_forward(block: nn.Module) -> FeedForward | None:
    """The feed-forward layer of a block: a module whose only Linears are one or two that widen, and a last one back.

    Attention does not look like that: it has four Linears, or one for queries, keys and values together.
    """
    for name, module in block.named_modules():
        linears = [(child, part) for child, part in module.named_children() if isinstance(part, nn.Linear)]
        if not 2 <= len(linears) <= 3:
            continue
        *makers, (last, reader) = linears
        if all((maker.in_features, maker.out_features) == (reader.out_features, reader.in_features) for _, maker in makers):
            ordered = sorted(makers, key=lambda maker: "gate" in maker[0])  # the gate behind what it multiplies
            others = [child for child, part in module.named_children() if not isinstance(part, nn.Linear | nn.Dropout)]
            activation = _joined(name, others[0]) if len(others) == 1 else ""
            return FeedForward(_joined(name, last), tuple(_joined(name, maker) for maker, _ in ordered), activation)
    return None


def _joined(name: str, child: str) -> str:
    return f"{name}.{child}" if name else child


def _used(config: Any, blocks: int) -> int:
    """Number of vision blocks that have an effect. LLaVA's states are the input of the blocks, and the output of each."""
    read = getattr(config, "vision_feature_layer", None)
    if read is None:
        return blocks
    return max(number % (blocks + 1) for number in ([read] if isinstance(read, int) else read))
