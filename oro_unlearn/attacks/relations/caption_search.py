"""Search for a caption with a high score, by changing one word at a time. It needs only the scores of captions."""

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

LONGEST = 12  # words of a caption
Encode = Callable[[Sequence[str]], Tensor]  # unit vectors (N, D) of captions
Score = Callable[[Sequence[str]], Tensor]  # (N,) scores of captions


class Found(NamedTuple):
    """The best caption of a search."""

    caption: str
    score: float  # on the attacker's pictures


class CaptionScores:
    """Scores of captions in several directions under one model. Each caption is encoded once.

    Args:
        encode: Encodes captions.
        directions: (G, D): the score of a caption is the product of its unit vector with a direction.
        tick: Called with the number of captions that were encoded, for a progress bar.

    Attributes:
        queries: Number of captions that were encoded.
    """

    def __init__(self, encode: Encode, directions: Tensor, tick: Callable[[int], object] = lambda _: None) -> None:
        self.encode, self.directions, self.tick = encode, directions, tick
        self._rows: dict[str, list[float]] = {}

    @property
    def queries(self) -> int:
        """Number of captions that were encoded."""
        return len(self._rows)

    def __call__(self, captions: Sequence[str]) -> Tensor:
        """Scores (N, G) of captions, float64."""
        new = sorted({*captions} - self._rows.keys(), key=lambda caption: (caption.count(" "), caption))
        if new:
            scores = self.encode(new) @ self.directions.T.to(torch.float32)
            self._rows.update(zip(new, scores.double().tolist(), strict=True))
            self.tick(len(new))
        return torch.tensor([self._rows[caption] for caption in captions], dtype=torch.float64)

    def along(self, direction: int) -> Score:
        """The scores (N,) in one direction."""
        return lambda captions: self(captions)[:, direction]


def search_captions(
    score: Score, words: Sequence[str], starts: Sequence[str], queries: int, beam: int, rounds: int, seed: int
) -> Found:
    """Beam search: in every round, captions that differ in one word from a caption of the beam are scored.

    A change inserts, replaces or deletes a word. The changes of a round are drawn at random, without replacement, from all
    changes of all captions of the beam. The best captions, old and new, are the next beam. Every start has its own beam and
    the same number of queries. The result depends only on the arguments.

    Args:
        score: Scores of captions.
        words: Words that may be inserted.
        starts: Captions to start from.
        queries: Largest number of captions that are scored, besides the starts.
        beam: Number of captions that are kept.
        rounds: Number of rounds of each start.
        seed: Seed of the draws.

    Returns:
        The best caption, of all starts.
    """
    draw = random.Random(seed)
    a_round = max(1, queries // (rounds * len(starts)))
    best: list[Found] = []
    for start in starts:
        kept = [Found(start, float(score([start])[0]))]
        for _ in range(rounds):
            known = {found.caption for found in kept}
            changed = [text for text in _changed(kept, words, a_round, draw) if text not in known]
            scored = zip(changed, score(changed).tolist(), strict=True) if changed else ()
            kept = sorted([*kept, *(Found(*pair) for pair in scored)], key=lambda found: (-found.score, found.caption))[:beam]
        best.append(kept[0])
    return max(best, key=lambda found: found.score)


def _changed(kept: Sequence[Found], words: Sequence[str], count: int, draw: random.Random) -> list[str]:
    """Captions that differ in one word from captions that were kept, without duplicates, drawn at random."""
    sizes = [len(found.caption.split()) for found in kept]
    each = [size * len(words) + size * (size > 1) + (size + 1) * len(words) * (size < LONGEST) for size in sizes]
    numbers = draw.sample(range(sum(each)), min(count, sum(each)))
    found: dict[str, None] = {}
    for number in numbers:
        place = number
        for one, size in zip(kept, each, strict=True):
            if place < size:
                found[_change(one.caption.split(), words, place)] = None
                break
            place -= size
    return list(found)


def _change(caption: list[str], words: Sequence[str], number: int) -> str:
    """The change of a caption with this number: replacements first, then deletions, then insertions."""
    size, count = len(caption), len(words)
    if number < size * count:
        place, word = divmod(number, count)
        return " ".join([*caption[:place], words[word], *caption[place + 1 :]])
    number -= size * count
    if size > 1 and number < size:
        return " ".join([*caption[:number], *caption[number + 1 :]])
    place, word = divmod(number - size * (size > 1), count)
    return " ".join([*caption[:place], words[word], *caption[place:]])
