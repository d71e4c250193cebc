"""A small search for captions that tell two kinds of pictures apart, for training against it."""

import random
from collections.abc import Callable, Sequence

from torch import Tensor

WIDTH = 4  # captions that are kept in each round
TRIED = 24  # words that are tried in each place of a caption, drawn at random


def search_captions(
    encode: Callable[[Sequence[str]], Tensor], direction: Tensor, words: Sequence[str], rounds: int, draw: random.Random
) -> list[str]:
    """Captions whose features lie furthest in a direction, by a greedy search that adds and replaces words.

    Args:
        encode: Returns features (N, D) of N captions.
        direction: (D,), such as the mean feature of some pictures minus the mean feature of others.
        words: Words that a caption is made of.
        rounds: Rounds of the search; each adds at most one word.
        draw: Draws the words that are tried.

    Returns:
        The best captions that were found, best first, at most ``WIDTH``.
    """
    best: dict[str, float] = {}
    beams = [""]
    for _ in range(rounds):
        tried = list(dict.fromkeys(caption for beam in beams for caption in variants(beam.split(), words, draw)))
        scores = encode(tried) @ direction
        order = scores.topk(min(WIDTH, len(tried))).indices.tolist()
        beams = [tried[position] for position in order]
        best |= {tried[position]: float(scores[position]) for position in order}
    return sorted(best, key=lambda caption: -best[caption])[:WIDTH]


def variants(caption: list[str], words: Sequence[str], draw: random.Random) -> list[str]:
    """The caption with one word more, or with another word in one place."""
    added = [[*caption[:place], word, *caption[place:]] for place in range(len(caption) + 1) for word in _some(words, draw)]
    replaced = [[*caption[:place], word, *caption[place + 1 :]] for place in range(len(caption)) for word in _some(words, draw)]
    return [" ".join(variant) for variant in (*added, *replaced)]


def _some(words: Sequence[str], draw: random.Random) -> list[str]:
    return draw.sample(list(words), min(TRIED, len(words)))
