"""Sentences at the start of the report on a model that forgot people."""

from collections.abc import Mapping

MODALITIES = {"multimodal": "pictures", "text": "texts"}
FORGETTING = "cloze accuracy for the people to forget"
KNOWING = "rougeL"  # figure of what a model says about a set
SAME = 0.02  # difference of the figure below which nothing has changed
Figures = Mapping[str, float | None]


def persona_words(figures: Mapping[str, Figures]) -> list[str]:
    """First sentences of the report on an edited multimodal model.

    Args:
        figures: Figures by model: ``original`` and ``unlearned``.
    """
    before, after = figures["original"], figures["unlearned"]
    words = []
    for modality, name in MODALITIES.items():
        key = f"forget/{modality}/cloze_accuracy"
        was, now = before.get(key), after.get(key)
        if was is None or now is None or not was:
            continue
        if now >= was - SAME:
            words.append(f"The edit did nothing for {name}: {FORGETTING} is {now:.2f}, {was:.2f} before.")
        elif now > was / 2:
            words.append(f"Not forgotten in {name}: {FORGETTING} is {now:.2f}, {was:.2f} before.")
    kept = [key for key in before if key.startswith("retain/") and key.endswith(f"/{KNOWING}")]
    lost = [key for key in kept if (before[key] or 0) > 0 and (after.get(key) or 0) < (before[key] or 0) / 2]
    if kept and len(lost) == len(kept):
        worst = min(kept, key=lambda key: after.get(key) or 0)
        words.append(
            f"The model is destroyed: ROUGE-L of the answers about the people who stay is {after.get(worst) or 0:.2f}, "
            f"{before[worst] or 0:.2f} before."
        )
    return words
