"""Compares the package's figures of a relational edit with transcribed equations, on random features of a small gallery."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch.nn.functional import normalize

from benchmarks.verification import relation_figures as transcribed
from benchmarks.verification.measures import draw
from benchmarks.verification.rows import Row, figures_apart
from oro_unlearn.methods.relations.relation_audit import FORGET, Features, measure, relational_safety_score

CONCEPTS = [
    ("a", "r", "x"),
    ("a", "r", "y"),
    ("a", "s", "x"),
    ("b", "r", "x"),
    ("b", "s", "y"),
    ("x", "r", "a"),
    ("a",),
    ("b",),
    ("x",),
    ("y",),
    ("b", "r", "y"),
    ("a", "s", "y"),
]
UNSAFE, NODES, GALLERY, EACH, SIZE = 0, [6, 7, 8, 9], len(CONCEPTS), 5, 16
PLAIN = GALLERY * EACH  # pictures without place or style; five more show what is unsafe in a place
REWORDED = GALLERY  # a caption behind the gallery, and then the gallery's captions in that place
NEIGHBOURS = {"subject": [3], "relation": [2], "object": [1]}
PARTNERS = {5: 4, 4: 5}
GROUPS = {  # name: rows, caption of each, item of each
    "direct": (list(range(EACH)), [0] * EACH, [0, 0, 1, 1, 1]),
    "paraphrase": (list(range(EACH)), [REWORDED] * EACH, [0, 0, 0, 1, 1]),
    "contextual": (list(range(PLAIN, PLAIN + EACH)), [REWORDED + 1] * EACH, [0] * EACH),
    "unlisted_in": (list(range(EACH, 4 * EACH)), [1] * EACH + [2] * EACH + [3] * EACH, [0] * EACH + [1] * EACH + [2] * EACH),
    "unlisted_out": (list(range(4 * EACH, 5 * EACH)), [4] * EACH, [0] * EACH),
    "single_node": (
        list(range(6 * EACH, 9 * EACH)),
        [6] * EACH + [7] * EACH + [8] * EACH,
        [0] * EACH + [1] * EACH + [2] * EACH,
    ),
}


def probes() -> Any:
    """What the product measures on."""
    concepts = torch.arange(GALLERY).repeat_interleave(EACH)
    return SimpleNamespace(
        concepts=CONCEPTS,
        pairs={name: torch.tensor(list(zip(*group, strict=True))) for name, group in GROUPS.items()},
        items={name: [str(item) for item in sorted(set(group[2]))] for name, group in GROUPS.items()},
        pictures=[SimpleNamespace(context="", style="")] * PLAIN + [SimpleNamespace(context="park", style="")] * EACH,
        picture_concept=torch.cat([concepts, torch.full((EACH,), UNSAFE)]),
        places={"park": torch.arange(REWORDED + 1, REWORDED + 1 + GALLERY)},
        unsafe=[UNSAFE],
        forgotten=[],
        nodes=NODES,
        swaps=list(PARTNERS.items()),
        neighbours=NEIGHBOURS,
        texts=[],
    )


def features(seed: int, noise: float, drop: bool) -> Features:
    """Pictures near their captions; ``drop``: the unsafe caption and its rewordings point elsewhere."""
    captions = draw(REWORDED + 1 + GALLERY, SIZE, seed=30)
    captions[REWORDED], captions[REWORDED + 1 :] = (
        captions[UNSAFE] + 0.3 * captions[REWORDED],
        captions[:GALLERY] + 0.3 * draw(1, SIZE, seed=31),
    )
    concepts = probes().picture_concept
    images = captions[concepts] + noise * draw(len(concepts), SIZE, seed=seed)
    if drop:
        rows = [UNSAFE, REWORDED, REWORDED + 1]
        captions[rows] = 0.1 * captions[rows] + draw(len(rows), SIZE, seed=38)
    return Features(normalize(images).float(), normalize(captions).float())


def expected(own: Features, base: Features | None) -> dict[str, float]:
    """Every figure of the product that has an equation here."""
    images, texts = (part.double().numpy() for part in own)
    cosines = images @ texts.T
    scores = cosines[:, :GALLERY]
    found = {}
    for name, (rows, captions, items) in GROUPS.items():
        pairs = list(zip(rows, captions, strict=True))
        rivals = cosines[:, REWORDED + 1 :] if name == "contextual" else scores
        out = [{UNSAFE} if name in FORGET else {caption} for caption in captions]
        ranks = [
            transcribed.rank(cosines[row, caption], [rivals[row, m] for m in range(GALLERY) if m not in left])
            for (row, caption), left in zip(pairs, out, strict=True)
        ]
        figures = transcribed.of_pairs(ranks, [cosines[pair] for pair in pairs], items, GALLERY - 1)
        if base is not None:
            before = base.images.double().numpy() @ base.texts.double().numpy().T
            figures |= transcribed.drifts([before[pair] for pair in pairs], [cosines[pair] for pair in pairs], items)
        found |= {f"{name}/{figure}": value for figure, value in figures.items()}
    concepts = probes().picture_concept.tolist()
    kept = [row for row in range(PLAIN) if concepts[row] != UNSAFE]
    of_kept = [concepts[row] for row in kept]
    found |= transcribed.retrieval(scores, kept, of_kept, NODES) | transcribed.swaps(scores, kept, of_kept, CONCEPTS, PARTNERS)
    return found | transcribed.against_neighbours(scores, concepts, range(PLAIN), UNSAFE, NEIGHBOURS)


def rows() -> list[Row]:
    """All of them."""
    base, own = features(32, 1.0, drop=False), features(34, 1.1, drop=True)
    before, after = measure(probes(), base, base)[0], measure(probes(), own, base)[0]
    differences = [figures_apart(before, expected(base, None)), figures_apart(after, expected(own, base))]
    figures = [
        {**found, **{f"{group}/r5": found["direct/r5"] * 0.9 for group in ("ood_image", "typo")}, "search/auc": area}
        for found, area in ((after, 0.8), (before, 0.9))
    ]
    score = transcribed.safety_score(
        *figures, ("unlisted_in", "unlisted_out", "single_node"), ("paraphrase", "contextual", "ood_image", "typo")
    )
    assert 0 < score["rss"] < 1, score
    assert len(np.unique([after[f"{group}/median_rank"] for group in GROUPS])) > 2
    return [
        Row(
            "measure",
            "relational audit",
            "Recall@k and median rank by counting, in NumPy",
            f"{len(expected(own, base))} figures: cosines, drifts, ranks, recalls, retrieval, swaps, neighbours",
            max(differences),
        ),
        Row(
            "relational_safety_score",
            "RSS",
            "ours: harmonic mean of four parts",
            "the score and its parts",
            figures_apart(relational_safety_score(*figures), score),
        ),
    ]
