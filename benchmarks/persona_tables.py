"""Tables of benchmarks/results/personas.json: what each method forgets, keeps and lets come back."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import mean, stdev
from typing import Any

from benchmarks.personas import METHODS, RETRAINED
from oro_unlearn.compare.spreads import spread
from oro_unlearn.report.tables import number

Runs = Sequence[Mapping[str, Any]]
REFERENCES = {"original": "original", "retrained": "retrained (the ideal)", "filtered": "name filter (free control)"}
FORGOTTEN = {
    "pictures: cloze": "forget/multimodal/cloze_accuracy",
    "pictures: ROUGE-L": "forget/multimodal/rougeL",
    "texts: cloze": "forget/text/cloze_accuracy",
    "texts: ROUGE-L": "forget/text/rougeL",
    "texts: answer probability": "forget/text/answer_probability",
    "texts: truth ratio": "forget/text/truth_ratio",
}
KEPT = {
    "others, pictures: cloze": "retain/multimodal/cloze_accuracy",
    "others, texts: cloze": "retain/text/cloze_accuracy",
    "public figures, pictures: cloze": "holdout/multimodal/cloze_accuracy",
    "public figures, texts: cloze": "holdout/text/cloze_accuracy",
    "general, pictures: ROUGE-L": "general/multimodal/rougeL",
    "general, texts: ROUGE-L": "general/text/rougeL",
}
COMPARED = {  # figures that are no shares of few questions, so that retrained models differ
    "forgotten, pictures: answer probability": "forget/multimodal/answer_probability",
    "forgotten, texts: answer probability": "forget/text/answer_probability",
    "forgotten, texts: ROUGE-L": "forget/text/rougeL",
    "others, pictures: answer probability": "retain/multimodal/answer_probability",
    "others, texts: answer probability": "retain/text/answer_probability",
}
RECOVERED = {
    "as it is, pictures": "recovery/none/multimodal",
    "as it is, texts": "recovery/none/text",
    "other names, texts": "recovery/alias/text",
    "cropped pictures": "recovery/crop/multimodal",
    "8 bits, texts": "recovery/quantised_8/text",
    "relearned from 8 questions, pictures": "recovery/relearn_8/multimodal",
    "relearned from 8 questions, texts": "recovery/relearn_8/text",
}
CLAIMED = ("mip_editor", "points", "random", "grad_diff", "npo")
SHARES = {  # rows of the table of claims: figure, and whether what is lost counts
    "forgotten, with pictures": ("forget/multimodal/cloze_accuracy", True),
    "forgotten, in texts": ("forget/text/cloze_accuracy", True),
    "kept, with pictures": ("retain/multimodal/cloze_accuracy", False),
    "kept, in texts": ("retain/text/cloze_accuracy", False),
}
COST = {"seconds": "seconds", "search, seconds": "search_seconds", "weights edited": "edited_parameters"}


def forgotten(content: Mapping[str, Any]) -> list[list[str]]:
    """What is forgotten, with the mean over requests and seeds, the spread over requests, and over seeds."""
    return _table(content, FORGOTTEN)


def kept(content: Mapping[str, Any]) -> list[list[str]]:
    """What is kept."""
    return _table(content, KEPT)


def gaps(content: Mapping[str, Any]) -> list[list[str]]:
    """Distance from the retrained models, in standard deviations of one more retrained model (as in ``metrics.reading``)."""
    ideal = {run["request"]: run["metrics"]["retrained"] for run in _once(content) if "retrained" in run["metrics"]}

    def gap(role: str, key: str) -> Callable[[Mapping[str, Any]], float | None]:
        def of(run: Mapping[str, Any]) -> float | None:
            middle, spread = (ideal[run["request"]][part].get(key) for part in ("mean", "std"))
            value = run["metrics"][role].get(key)
            return abs(value - middle) / (spread * math.sqrt(1 + 1 / RETRAINED)) if spread and value is not None else None

        return of

    rows = [["model", *COMPARED], ["original", *(_mean(_once(content), gap("original", key), 1) for key in COMPARED.values())]]
    for name, runs in _by_method(content).items():
        rows.append([METHODS[name].label, *(_mean(runs, gap("unlearned", key), 1) for key in COMPARED.values())])
    return rows


def recovered(content: Mapping[str, Any]) -> list[list[str]]:
    """Share of answers that name the fact, under each attack."""
    return _table(content, RECOVERED)


def cost(content: Mapping[str, Any]) -> list[list[str]]:
    """Time and size of each edit, and the configuration that was chosen."""
    rows = [["method", *COST, "chosen"]]
    for name, runs in _by_method(content).items():
        values = [
            _mean(runs, lambda run, key=key: run.get(key), 0 if key == "edited_parameters" else 1) for key in COST.values()
        ]  # type: ignore[misc]
        chosen = content["chosen"].get(name) or (f"as {METHODS[METHODS[name].like].label}" if METHODS[name].like else "–")
        rows.append([METHODS[name].label, *values, chosen.replace("--model.", "").replace("--trainer.", "")])
    return rows


def claims(content: Mapping[str, Any]) -> list[list[str]]:
    """How much of the original's cloze accuracy is lost or left, in percent, for the claims of MIP-Editor's paper."""
    names = [name for name in CLAIMED if name in _by_method(content)]
    rows = [["share of the original's cloze accuracy, %", *(METHODS[name].label for name in names)]]
    for text, (key, lost) in SHARES.items():
        cells = []
        for name in names:
            runs = _by_method(content)[name]
            after, before = (mean(run["metrics"][role][key] for run in runs) for role in ("unlearned", "original"))
            cells.append(f"{100 * (1 - after / before if lost else after / before):.0f}")
        rows.append([text, *cells])
    return rows


PERSONA_TABLES: dict[str, Callable[[Mapping[str, Any]], list[list[str]]]] = {
    "forgotten": forgotten,
    "kept": kept,
    "gaps": gaps,
    "recovered": recovered,
    "cost": cost,
    "claims": claims,
}


def _table(content: Mapping[str, Any], columns: Mapping[str, str]) -> list[list[str]]:
    rows = [["model", *columns]]
    for role, label in REFERENCES.items():
        cell = _retrained if role == "retrained" else partial(_of_role, role)
        rows.append([label, *(cell(_once(content), key) for key in columns.values())])
    for name, runs in _by_method(content).items():
        rows.append([METHODS[name].label, *(_mean(runs, _figure("unlearned", key)) for key in columns.values())])
    return rows


def _of_role(role: str, runs: Runs, key: str) -> str:
    return _mean(runs, _figure(role, key))


def _retrained(runs: Runs, key: str) -> str:
    """Mean ± spread over requests ± spread over the retrained models of a request."""
    means = {run["request"]: run["metrics"].get("retrained", {}) for run in runs}
    known = [(part["mean"][key], part["std"][key]) for part in means.values() if part.get("mean", {}).get(key) is not None]
    if not known:
        return "–"
    values = [value for value, _ in known]
    parts = [mean(values), *([stdev(values)] if len(values) > 1 else []), mean([spread or 0.0 for _, spread in known])]
    return " ± ".join(number(part, digits=2) for part in parts)


def _by_method(content: Mapping[str, Any]) -> dict[str, Runs]:
    names = [name for name in METHODS if any(run["method"] == name for run in content["runs"])]
    return {name: [run for run in content["runs"] if run["method"] == name] for name in names}


def _once(content: Mapping[str, Any]) -> Runs:
    """The runs of the last method, which alone have retrained models; originals and the filter are the same in all runs."""
    return list(_by_method(content).values())[-1]


def _figure(role: str, key: str) -> Callable[[Mapping[str, Any]], float | None]:
    def of(run: Mapping[str, Any]) -> float | None:
        return run["metrics"].get(role, {}).get(key)

    return of


def _mean(runs: Runs, of: Callable[[Mapping[str, Any]], float | None], digits: int = 2) -> str:
    """Mean ± spread over requests ± spread over seeds."""
    parts = [part for part in spread(runs, of, group="request") if part is not None]
    return " ± ".join(number(part, digits=digits) for part in parts) or "–"
