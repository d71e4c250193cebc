"""The pairs of a causal trace: an unsafe tuple and its one-slot foil, and the same substitution in tuples to keep."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from oro_unlearn.methods.relations.tuple_rows import Words, rows_by_tuple

if TYPE_CHECKING:
    from oro_unlearn.data.contract import RelationalData

SLOTS = ("subject", "relation", "object")
SPANS = ("start", *SLOTS, "end")  # parts of a plain caption


class Swap(NamedTuple):
    """Two tuples that differ in one slot."""

    own: Words
    foil: Words


class TracePairs:
    """Swaps of the tuples to forget and of tuples to keep, with their captions and training pictures.

    The foils are the listed neighbours that differ from a tuple to forget in one slot. The controls are the same kind of
    swap among tuples to keep: both have training pictures, they differ in the same slot, and the first has the relation of a
    tuple to forget. Controls that share more words with it come first. No test picture is used.

    Args:
        data: The data.
        slot: The slot in which a foil differs.
        most: Largest number of controls.
    """

    def __init__(self, data: "RelationalData", slot: str, most: int) -> None:
        self.data, place = data, SLOTS.index(slot)
        self.rows = {
            name: {words: rows for words, rows in rows_by_tuple(data.split(name).slots).items() if min(words) >= 0}
            for name in ("unsafe", "edges", "neutral")
        }
        unsafe, edges = list(self.rows["unsafe"]), list(self.rows["edges"])
        kept = [*edges, *(words for words in self.rows["neutral"] if words not in self.rows["edges"])]
        relations = {words[1] for words in unsafe}
        self.targets = [Swap(own, foil) for own in unsafe for foil in edges if _differ_in(own, foil, place)]
        controls = [Swap(own, foil) for own in kept for foil in kept if own[1] in relations and _differ_in(own, foil, place)]
        controls.sort(key=lambda swap: -max(_shared(swap.own, words) for words in unsafe))
        self.controls = controls[:most]
        names, relation_names = list(data.graph.objects), list(data.graph.relations)
        self._names = (names, relation_names, names)
        self._plain = dict(zip(map(tuple, data.measured.concepts), data.measured.texts, strict=False))

    def pictures(self, words: Words, most: int) -> Tensor:
        """The first training pictures (n, 3, H, W) uint8 of a tuple."""
        split = next(name for name, rows in self.rows.items() if words in rows)
        return self.data.split(split).__getitems__(self.rows[split][words][:most])[0]

    def caption(self, words: Words) -> str:
        """The plain caption of a tuple."""
        return self._plain[self.name(words)]

    def name(self, words: Words) -> tuple[str, str, str]:
        """The words of a tuple."""
        return tuple(names[place] for names, place in zip(self._names, words, strict=True))  # type: ignore[return-value]

    def parts(self, words: Words) -> tuple[str, str, str]:
        """The plain caption of a tuple, cut before and after its relation."""
        subject, relation, thing = self.caption(words).partition(f" {self.name(words)[1]} ")
        return subject, relation.strip(), thing


def _differ_in(own: Words, foil: Words, place: int) -> bool:
    return own[place] != foil[place] and all(own[other] == foil[other] for other in range(3) if other != place)


def _shared(own: Words, other: Words) -> int:
    return sum(a == b for a, b in zip(own, other, strict=True))


def span_of_tokens(network: Any, parts: Sequence[str], length: int) -> Tensor:
    """Which part of a caption each token belongs to, (L,) int64: a position in :data:`SPANS`, or 5 behind the end token.

    Args:
        network: The CLIP model whose tokenizer is used.
        parts: Subject, relation and object of the caption, in words.
        length: L.
    """
    counts = [_count(network, " ".join(parts[: number + 1])) for number in range(len(parts))]
    spans = torch.full((length,), len(SPANS))
    for number, end in reversed(list(enumerate(counts))):
        spans[1 : end + 1] = number + 1
    spans[0] = 0
    spans[counts[-1] + 1 : counts[-1] + 2] = len(SPANS) - 1
    return spans


def _count(network: Any, text: str) -> int:
    """Number of tokens of a text, without start and end."""
    return int(network.tokenizer([text]).argmax(1)) - 1


def partners(own: Tensor, foil: Tensor) -> Tensor:
    """For each token of a caption, the token of the other caption that takes its place, (L,) int64.

    Tokens are aligned within each part of the caption, from the part's last token. A part that has more tokens than its
    partner takes the partner's first token for those without one. Tokens behind the end stay where they are.

    Args:
        own: Parts (L,) of the tokens, from :func:`span_of_tokens`.
        foil: Parts (L',) of the other caption's tokens.
    """
    found = torch.arange(len(own)).clamp(max=len(foil) - 1)
    for part in range(len(SPANS)):
        mine, theirs = (torch.nonzero(spans == part)[:, 0] for spans in (own, foil))
        if len(mine) and len(theirs):
            back = (len(mine) - 1 - torch.arange(len(mine))).clamp(max=len(theirs) - 1)
            found[mine] = theirs[len(theirs) - 1 - back]
    return found
