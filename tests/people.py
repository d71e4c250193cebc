"""Measurements of a model that was made to forget people, made by hand."""

from typing import Any

NAMES = ["Anna <b>Berg</b> $x$ | `c`", "Otto [red]Lund"]
SETS = [f"{group}/{modality}" for group in ("forget", "retain", "holdout", "general") for modality in ("multimodal", "text")]
METRICS = ("cloze_accuracy", "choice_accuracy", "exact_match", "rouge1", "rouge2", "rougeL", "rougeLsum", "bleu")
PROBABILITIES = ("answer_probability", "truth_ratio")
ATTACKS = ("none", "alias", "crop", "quantised_8", "relearn_8")
ASKED = {name: {"free": 40, "cloze": 40, "choice": 40} for name in SETS}


def figures(forget: float, others: float, recovered: float, scored: bool = True) -> dict[str, float]:
    """Figures of a model: those of the people to forget, all others, and those after an attack."""
    metrics = (*METRICS, *(PROBABILITIES if scored else ()))
    found = {f"{name}/{metric}": forget if name.startswith("forget") else others for name in SETS for metric in metrics}
    tried = (
        {f"recovery/{attack}/{key}": recovered for attack in ATTACKS[1:] for key in ("multimodal", "text")} if scored else {}
    )
    known = {f"recovery/none/{key}": forget for key in ("multimodal", "text")} if scored else {}
    return found | known | tried


def answers(said: str) -> list[dict[str, str]]:
    return [
        {"set": name, "person": person, "question": "Where does this person <i>live</i>?", "answer": "Oslo", "said": said}
        for name in SETS[:4]
        for person in NAMES
    ]


def paths(layers: int = 3, width: int = 32) -> dict[str, Any]:
    forget, retain = ([[(7 * layer + step) % width for step in (0, 3, start)] for layer in range(layers)] for start in (5, 6))
    named = [f"model.layers.{layer}.mlp.down_proj" for layer in range(layers)]
    return {"layers": named, "widths": [width] * layers, "forget": forget, "retain": retain}


def measurements(
    edited: float = 0.1, retrained: tuple[float, ...] = (0.05, 0.1, 0.09), recovered: float = 0.1
) -> dict[str, Any]:
    """What a method measures; the original knows nine facts of ten."""
    metrics = {"original": figures(0.9, 0.9, 0.9), "unlearned": figures(edited, 0.875, recovered)}
    metrics |= {f"retrained_{n}": figures(value, 0.85 + value, value) for n, value in enumerate(retrained)}
    metrics["filtered"] = figures(0.0, 0.9, 0.0, scored=False)
    roles = [role for role in metrics if role != "filtered"]
    return {
        "metrics": metrics,
        "asked": ASKED,
        "answers": {role: answers("<script>alert(1)</script> Oslo" if role == "original" else "") for role in metrics},
        "losses": {"forget": [3.0, 2.0, 1.0], "retain": [1.0, 0.5, 0.25]},
        "recovery": {"relearn_8": {"questions": 8}},
        "lens": {
            role: {"layers": [1, 2, 3], "forget": [0.1, 0.5, 0.8 if role == "original" else 0.1], "retain": [0.2, 0.5, 0.9]}
            for role in roles
        },
        "paths": {
            **{tower: paths(layers) for tower, layers in (("text", 4), ("vision", 3))},
            "overlap": {tower: {"layers": [0.5, 0.5], "total": 0.5} for tower in ("text", "vision")},
            "edited_parameters": 1234,
        },
        "edited_parameters": 1234,
    }
