"""Whether the original knows what a relational method is to forget."""

from typing import Any

from oro_unlearn.attacks.relations.attacked_pictures import spread_over
from oro_unlearn.metrics import above_chance

LOOKED_AT = 256  # unsafe pictures that the first look tests


def unknown_tuples(method: Any, size: int) -> list[str]:
    """A sentence if the original does not rank the unsafe caption of unsafe pictures high among the gallery's safe captions.

    Args:
        method: A method of relations with data and features of the ``original``.
        size: Number of pictures that are encoded at once.
    """
    probes = method.data.measured
    if "direct" not in probes.pairs:
        return []  # there is no unsafe picture to measure on
    pairs = spread_over(probes.pairs["direct"], LOOKED_AT)  # the pairs of a tuple follow each other
    safe = [text for number, text in enumerate(probes.texts[: len(probes.concepts)]) if number not in probes.unsafe]
    first = 5 if len(safe) >= 20 else 1
    unsafe, rivals = (method.text_features("original", texts) for texts in ([probes.texts[t] for t in pairs[:, 1]], safe))
    hits = 0
    for rows, named in zip(pairs[:, 0].split(size), unsafe.split(size), strict=True):
        images = method.image_features("original", probes.images.__getitems__(rows.tolist())[0].to(method.device))
        closer = images @ rivals.T > (images * named).sum(1, keepdim=True)
        hits += int((closer.sum(1) < first).sum())
    chance = first / (len(safe) + 1)
    if above_chance(hits, len(pairs), chance):
        return []
    return [
        f"the original does not know {' and '.join(method.data.forget_names)}: of {len(pairs)} pictures {hits} have their "
        f"caption among the first {first} of {len(safe) + 1} (by chance {chance:.0%}); likely causes: the wrong weights "
        "(--model.network), image size (--data.image_size), or words that it never learned (--data.graph)"
    ]
