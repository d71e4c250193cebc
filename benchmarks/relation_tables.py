"""The tables of relational unlearning, from benchmarks/results/relations_scenes.json and tune_relations.json.

Means over seeds, then over tuples; where two spreads are given they are standard deviations over tuples (of the seeds'
means) and over seeds (within a tuple).
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from oro_unlearn.report.tables import markdown_table

RESULTS = Path("benchmarks/results")
LABELS = {
    "relation_unlearning": "`default`",
    "relation_unlearning_paper": "`paper`",
    "redirect": "`redirect`",
    "push_only": "PushOnly",
}
FORGOTTEN = {"direct": "plain", "paraphrase": "paraphrase", "contextual": "context", "ood_image": "OOD style",
             "typo": "typo", "combined": "all three", "shuffled": "shuffled words"}  # fmt: skip
KEPT = {"single_node": "single node", "new_safe_edge": "new safe edge", "new_safe_node": "new safe node",
        "neutral_edge": "neutral", "unlisted_in": "unlisted, in vocabulary", "unlisted_out": "unlisted, outside"}  # fmt: skip
UTILITY = {"retrieval/i2t_r1": "i2t R@1", "relation_swap/accuracy": "relation swap", "relation_swap/strict": "relation strict",
           "role_swap/accuracy": "role swap", "zero_shot/accuracy": "zero-shot"}  # fmt: skip
Run = dict[str, Any]


def load(name: str = "relations_scenes") -> dict[str, Any]:
    """Results of one benchmark."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def select(table: str, row: str | None = None, tuples: Sequence[str] | None = None) -> list[Run]:
    """Runs of a table, perhaps of one row or of some tuples."""
    found = [run for run in load()["runs"] if run["table"] == table]
    return [run for run in found if row in (None, run["row"]) and (tuples is None or run["tuple"] in tuples)]


def figure(run: Run, key: str, role: str = "unlearned") -> float | None:
    """One figure of one model."""
    metrics = run["metrics"][role]
    return (metrics["mean"] if role == "retrained" else metrics).get(key)


def value(runs: Sequence[Run], of: Callable[[Run], float | None], digits: int = 3, spread: bool = True) -> str:
    """Mean ± over tuples ± over seeds; a dash where there is nothing."""
    by_tuple: dict[str, list[float]] = {}
    for run in runs:
        found = of(run)
        if found is not None:
            by_tuple.setdefault(run["tuple"], []).append(found)
    if not by_tuple:
        return "–"
    means = [mean(values) for values in by_tuple.values()]
    seeds = [stdev(values) for values in by_tuple.values() if len(values) > 1]
    parts = [mean(means)]
    if spread:
        parts += [stdev(means)] if len(means) > 1 else []
        parts += [mean(seeds)] if seeds else []
    return " ± ".join(_plain(part, digits) for part in parts)


def _plain(number: float, digits: int) -> str:
    text = f"{number:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text


def untouched() -> list[str]:
    """Tuples never used for tuning."""
    tuned = load()["tuned_on"]
    return list(dict.fromkeys(run["tuple"] for run in load()["runs"] if run["table"] == "methods" and run["tuple"] != tuned))


def models(tuples: Sequence[str]) -> list[tuple[str, list[Run], str]]:
    """Rows of the methods' tables: label, runs and role."""
    default = select("methods", "relation_unlearning", tuples)
    rows = [("original", default, "original"), ("pretrained without it", default, "retrained")]
    return rows + [(label, select("methods", method, tuples), "unlearned") for method, label in LABELS.items()]


def forgotten_table(which: str) -> str:
    """Cosine and worst R@5 of what is forgotten, under every attack."""
    tuples = untouched() if which == "untouched" else [load()["tuned_on"]]
    header = ["model", *(f"{name}: cosine" for name in FORGOTTEN.values()), "worst R@5 of any wording, place or style"]
    rows = [[*header, "median rank", "5th to 95th percentile"]]
    for label, runs, role in models(tuples):
        cells = [value(runs, lambda run, g=group, r=role: figure(run, f"{g}/cosine", r), 2) for group in FORGOTTEN]
        attacks = [group for group in FORGOTTEN if group != "shuffled"]

        def worst(run: Run, role: str = role, attacks: list[str] = attacks) -> float:
            return max(figure(run, f"{group}/worst_r5", role) or 0.0 for group in attacks)

        ranks = [value(runs, lambda run, q=q, r=role: figure(run, f"unsafe/{q}", r), 2, False) for q in ("rank_5", "rank_95")]
        median = value(runs, lambda run, r=role: figure(run, "unsafe/median_rank", r), 2)
        rows.append([label, *cells, value(runs, worst, 2), median, " to ".join(ranks)])
    return markdown_table(rows)


def kept_table(which: str) -> str:
    """Absolute drift and worst item of what is to stay, with R@1 of the unlisted neighbours before and after."""
    tuples = untouched() if which == "untouched" else [load()["tuned_on"]]
    rows = [["mean absolute drift / worst item", *KEPT.values(), "unlisted R@1, before → after"]]
    for label, runs, role in models(tuples)[2:]:
        cells = [
            value(runs, lambda run, g=group: figure(run, f"{g}/absolute_drift"))
            + " / "
            + value(runs, lambda run, g=group: figure(run, f"{g}/worst_drift"), spread=False)
            for group in KEPT
        ]
        recall = [
            value(runs, lambda run, r=r: figure(run, "unlisted_neighbour/r1", r), spread=False) for r in ("original", role)
        ]
        rows.append([label, *cells, " → ".join(recall)])
    return markdown_table(rows)


def utility_table(which: str) -> str:
    """What the model is still good for, with cost."""
    tuples = untouched() if which == "untouched" else [load()["tuned_on"]]
    rows = [["model", *UTILITY.values(), "worst neighbour 2AFC", "RSS", "seconds", "adapter parameters"]]
    for label, runs, role in models(tuples):
        keys = [*UTILITY, "worst_neighbour/accuracy", "rss"]
        cells = [value(runs, lambda run, k=key, r=role: figure(run, k, r)) for key in keys]
        own = role == "unlearned"
        seconds = value(runs, lambda run: run["seconds"], 1, False) if own else "–"
        rows.append([label, *cells, seconds, str(runs[0]["adapter_parameters"]) if own else "–"])
    return markdown_table(rows)


def ablation_table(table: str) -> str:
    """What each term does, on the tuned tuple."""
    rows = [["run", "plain", "paraphrase", "context", "OOD style", "worst R@5, paraphrase", "unlisted drift / worst",
             "unlisted R@1", "i2t R@1", "median rank"]]  # fmt: skip
    for row in dict.fromkeys(run["row"] for run in select(table)):
        runs = select(table, row)
        cosines = [value(runs, lambda run, g=g: figure(run, f"{g}/cosine"), 2) for g in
                   ("direct", "paraphrase", "contextual", "ood_image")]  # fmt: skip
        drift = value(runs, lambda run: figure(run, "unlisted_neighbour/absolute_drift"))
        worst = value(runs, lambda run: figure(run, "unlisted_neighbour/worst_drift"), spread=False)
        keys = ("paraphrase/worst_r5", "unlisted_neighbour/r1", "retrieval/i2t_r1", "unsafe/median_rank")
        leak, *rest = (value(runs, lambda run, k=key: figure(run, k)) for key in keys)
        rows.append([row, *cosines, leak, f"{drift} / {worst}", *rest])
    return markdown_table(rows)


def hierarchy_table(_: str) -> str:
    """What the closure takes with it, and what it leaves."""
    runs = select("hierarchy")
    captions = list(runs[0]["items"])
    rows = [["edited cosine (original)", *captions, "words above it: R@5"]]
    for row in dict.fromkeys(run["row"] for run in runs):
        own = [run for run in runs if run["row"] == row]
        cells = []
        for caption in captions:
            after = value(own, lambda run, c=caption: run["items"][c]["cosine"], 2)
            before = value(own, lambda run, c=caption: run["items"][c]["cosine"] + run["items"][c]["drift"], 2, False)
            cells.append(f"{after} ({before})")
        above = [value(own, lambda run, r=r: figure(run, "hypernym/r5", r), 2, False) for r in ("unlearned", "original")]
        rows.append([f"{own[0]['tuple']} ({row})", *cells, f"{above[0]} ({above[1]})"])
    return markdown_table(rows)


def vocabulary_table(_: str) -> str:
    """The practical setting, where no caption is withheld."""
    rows = [["tuple", "unsafe cosine, plain / paraphrase", "worst R@5, paraphrase", "unlisted drift", "worst unlisted",
             "unlisted R@1, before → after", "RSS"]]  # fmt: skip
    for text in dict.fromkeys(run["tuple"] for run in select("vocabulary")):
        runs = select("vocabulary", tuples=[text])
        keys = ("direct/cosine", "paraphrase/cosine", "paraphrase/worst_r5", "unlisted_neighbour/absolute_drift",
                "unlisted_neighbour/worst_drift", "rss")  # fmt: skip
        plain, reworded, leak, drift, worst, rss = (value(runs, lambda run, k=key: figure(run, k)) for key in keys)
        recall = [value(runs, lambda run, r=r: figure(run, "unlisted_neighbour/r1", r), spread=False)
                  for r in ("original", "unlearned")]  # fmt: skip
        rows.append([text, f"{plain} / {reworded}", leak, drift, worst, " → ".join(recall), rss])
    return markdown_table(rows)


def candidates_table(name: str) -> str:
    """Every candidate of the tuning, with its score."""
    result = load(name)
    names = [key for key in next(iter(result["candidates"].values())) if key != "options"]
    rows = [["candidate", *names]]
    for label, found in sorted(result["candidates"].items(), key=lambda pair: pair[1]["score"]):
        text = f"**{label}**" if label == result["chosen"] else label
        rows.append([text, *(f"{found[key]:.3f}" for key in names)])
    return markdown_table(rows)


def world_table(_: str) -> str:
    """The shipped model and the reference pretrained without the four tuples."""
    runs = select("methods", "relation_unlearning")
    keys = {
        **UTILITY,
        "retrieval/t2i_r1": "t2i R@1",
        "object_swap/accuracy": "object swap",
        "subject_swap/accuracy": "subject swap",
    }
    rows = [["model", *keys.values(), "the four tuples: cosine", "their R@5"]]
    for label, role in (("shipped", "original"), ("without the four tuples", "retrained")):
        cells = [value(runs, lambda run, k=key, r=role: figure(run, k, r), spread=False) for key in keys]
        own = [
            value(runs, lambda run, k=key, r=role: figure(run, k, r), spread=False) for key in ("direct/cosine", "direct/r5")
        ]
        rows.append([label, *cells, *own])
    return markdown_table(rows)


RELATION_TABLES: dict[str, Callable[[str], str]] = {
    "forgotten": forgotten_table,
    "kept": kept_table,
    "utility": utility_table,
    "ablation": ablation_table,
    "hierarchy": hierarchy_table,
    "vocabulary": vocabulary_table,
    "candidates": candidates_table,
    "world": world_table,
}
