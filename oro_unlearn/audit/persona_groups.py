"""Sets of questions and figures by which the forgetting of people is measured, each with the name that reports show."""

GROUPS = {
    "forget": "people to forget",
    "retain": "people who stay",
    "holdout": "public figures",
    "general": "general questions",
}
KEPT = ("retain", "holdout", "general")
MODALITIES = {"multimodal": "with picture", "text": "text alone"}
METRICS = {
    "cloze_accuracy": "cloze accuracy",
    "choice_accuracy": "choice accuracy",
    "exact_match": "exact match",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
    "rougeLsum": "ROUGE-Lsum",
    "bleu": "BLEU",
    "answer_probability": "answer probability",
    "truth_ratio": "truth ratio",
}
COUNTED = {"cloze_accuracy": "cloze", "choice_accuracy": "choice", "exact_match": "free"}  # shares, of questions of this kind
RECOVERED = {"multimodal": "with picture", "text": "text alone", "retain": "people who stay"}  # figures of an attack
ATTACKS = {
    "none": "no attack",
    "alias": "other names of the people",
    "crop": "cropped pictures",
    "quantised_8": "weights of 8 bits",
    "quantised_4": "weights of 4 bits",
    **{f"relearn_{count}": f"training on {count} question{'s' * (count > 1)}" for count in (1, 4, 8, 16, 64)},
}


def name_of(key: str) -> str:
    """The name of a figure.

    Args:
        key: ``GROUP/MODALITY/METRIC`` or ``recovery/ATTACK/FIGURE``.

    Example:
        >>> name_of("forget/text/rougeL"), name_of("recovery/crop/multimodal")
        ('people to forget, text alone: ROUGE-L', 'attack, cropped pictures: with picture')
    """
    group, _, rest = key.partition("/")
    middle, _, figure = rest.partition("/")
    if group == "recovery":
        return f"attack, {attack_name(middle)}: {RECOVERED.get(figure, figure)}"
    return f"{GROUPS.get(group, group)}, {MODALITIES.get(middle, middle)}: {METRICS.get(figure, figure)}"


def set_name(key: str) -> str:
    """The name of a set of questions, from the key of one of its figures.

    Example:
        >>> set_name("retain/text/rougeL")
        'people who stay, text alone'
    """
    return name_of(key).rpartition(":")[0]


def attack_name(attack: str) -> str:
    """The name of an attack.

    Example:
        >>> attack_name("relearn_32")
        'training on 32 questions'
    """
    kind, _, count = attack.partition("_")
    return ATTACKS.get(attack) or (f"training on {count} questions" if kind == "relearn" else attack.replace("_", " "))
