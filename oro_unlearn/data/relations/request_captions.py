"""Captions of requests to forget, in the words of the training bank."""

import random
from typing import Any

from oro_unlearn.graph import Triple


def forget_captions(data: Any, samples: int) -> list[dict[Triple, list[str]]]:
    """Captions of the tuples to forget, for each request by tuple, each caption once.

    Args:
        data: A ``RelationData``.
        samples: Draws of ``data.attack`` for each concrete tuple, beside its plain caption and wordings.
    """
    draw, left = random.Random(f"{data.seed} forget captions"), list(data.roles.unsafe)
    found: list[dict[Triple, list[str]]] = []
    for request in data.roles.requested:
        own = [triple for triple in left if triple == request or triple in data.graph.closure(request)]
        left = [triple for triple in left if triple not in own]
        found.append({triple: _in_training_words(data, triple, samples, draw) for triple in own})
    return found


def earlier_captions(data: Any, samples: int) -> list[str]:
    """Captions of the tuples that earlier requests have forgotten.

    Args:
        data: A ``RelationData``.
        samples: As in :func:`forget_captions`.
    """
    draw = random.Random(f"{data.seed} earlier captions")
    return [text for triple in data.forgotten_concepts for text in _in_training_words(data, triple, samples, draw)]


def _in_training_words(data: Any, triple: Triple, samples: int, draw: random.Random) -> list[str]:
    plain = data.captions.plain(triple)
    texts = [plain, *data.captions.wordings(triple, "train"), *data.captions.sentences(plain, "train")]
    if data.graph.concrete(triple):
        texts += [data.attack(triple, "", draw) for _ in range(samples)]
    return list(dict.fromkeys(texts))
