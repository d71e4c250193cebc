"""Tables of graph networks from ``graph_networks.json``: means over seeds with 95 % intervals, and gains seed by seed."""

import math
from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any

Runs = Sequence[Mapping[str, Any]]
WHERE = {
    "Cora, public": ("Cora", "public"),
    "Cora, 60/20/20": ("Cora", "random"),
    "CiteSeer, public": ("CiteSeer", "public"),
    "CiteSeer, 60/20/20": ("CiteSeer", "random"),
}
BESIDE = {  # by row: the row that differs from it in the losses alone
    "GPL": "plain, recipe of GPL",
    "GPL, released form": "plain, released network of GPL",
    "SES": "plain, recipe of SES",
    "SES, released form": "plain, recipe of SES",
}
BY_TEST = {"SES, released form"}  # whose published figure is the highest on the test split
CLAIMS = (  # in words, task, row, and the claimed gain in points
    ("GPL: up to +10.28 % on nodes", "nodes", "GPL", 10.28),
    ("GPL: up to +24.15 % on edges", "edges", "GPL", 24.15),
    ("GPL: up to +16.5 % on graphs", "graphs", "GPL", 16.5),
    ("SES: up to +2.59 % on nodes", "nodes", "SES", 2.59),
)
EXPLAINED = {
    "fidelity_plus_features": "fidelity+, 5 features",
    "fidelity_plus": "fidelity+, 5 edges",
    "fidelity_minus": "fidelity-, 5 edges",
    "sparsity": "sparsity",
    "seconds": "seconds of one",
    "all_seconds": "seconds of all 40",
}


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean, and half of its 95 % interval by Student's t; NaN for a single value.

    Example:
        >>> [round(value, 2) for value in interval([1.0, 2.0, 3.0])]
        [2.0, 2.48]
    """
    from scipy.stats import t

    count = len(values)
    half = float(t.ppf(0.975, count - 1)) * stdev(values) / math.sqrt(count) if count > 1 else math.nan
    return mean(values), half


def cell(values: Sequence[float], factor: float = 100, digits: int = 1, sign: bool = False) -> str:
    """Mean ± half of the interval; a dash if nothing was run."""
    if not values:
        return "–"
    middle, half = interval([factor * value for value in values])
    text = f"{round(middle, digits) + 0.0:{'+' if sign else ''}.{digits}f}"  # + 0.0: no -0.0
    return text if math.isnan(half) else f"{text} ± {half:.{digits}f}"


def nodes_table(content: Mapping[str, Any]) -> list[list[str]]:
    """Accuracy on nodes, in percent: a row for each encoder and method."""
    rows = [["network", "method", "seeds", *WHERE]]
    for encoder, runs in by_encoder(content, "nodes"):
        for row in dict.fromkeys(run["row"] for run in runs):
            found = [[run["accuracy"] for run in runs if run["row"] == row and at(run, place)] for place in WHERE]
            rows.append([encoder, row, str(max(map(len, found))), *map(cell, found)])
    return rows


def gains_table(content: Mapping[str, Any]) -> list[list[str]]:
    """Gains in points, seed by seed, over plain training by the same recipe; and what a choice on the test split adds."""
    rows = [["network", "gain of", *WHERE]]
    for encoder, runs in by_encoder(content, "nodes"):
        for row, beside in BESIDE.items():
            found = [differences([run for run in runs if at(run, place)], row, beside) for place in WHERE]
            if any(found):
                rows.append([encoder, row, *(cell(one, sign=True) for one in found)])
            if row in BY_TEST and any(found):
                found = [differences([r for r in runs if at(r, place)], row, beside, "test_choice") for place in WHERE]
                rows.append([encoder, f"{row}, chosen on test", *(cell(one, sign=True) for one in found)])
    return rows


def edges_table(content: Mapping[str, Any]) -> list[list[str]]:
    """Edges: area under the ROC curve and average precision, in percent."""
    places = ("Cora", "CiteSeer")
    rows = [["network", "method", *(f"{place}, {name}" for place in places for name in ("AUC", "AP"))]]
    for encoder, runs in by_encoder(content, "edges"):
        for row in dict.fromkeys(run["row"] for run in runs):
            own = [run for run in runs if run["row"] == row]
            found = [[run[key] for run in own if run["data"] == place] for place in places for key in ("auc", "ap")]
            rows.append([encoder, row, *map(cell, found)])
        found = [
            differences([run for run in runs if run["data"] == place], "GPL", "plain", key)
            for place in places
            for key in ("auc", "ap")
        ]
        rows.append([encoder, "gain, seed by seed", *(cell(one, sign=True) for one in found)])
    return rows


def graphs_table(content: Mapping[str, Any]) -> list[list[str]]:
    """Classes of graphs: accuracy in percent, and gains seed by seed."""
    rows = [["network", "method", "Motifs", "Families"]]
    for encoder, runs in by_encoder(content, "graphs"):
        for row in dict.fromkeys(run["row"] for run in runs):
            found = [[run["accuracy"] for run in runs if run["row"] == row and run["data"] == name] for name in rows[0][2:]]
            rows.append([encoder, row, *map(cell, found)])
        for row in ("GPL", "GPL, released form"):
            found = [differences([run for run in runs if run["data"] == name], row, "plain") for name in rows[0][2:]]
            rows.append([encoder, f"gain of {row}, seed by seed", *(cell(one, sign=True) for one in found)])
    return rows


def explanations_table(content: Mapping[str, Any]) -> list[list[str]]:
    """Explanations of the same predictions by different algorithms."""
    runs = [run for run in content["runs"] if run["task"] == "explanations"]
    rows = [["explained by", *EXPLAINED.values()]]
    for name in dict.fromkeys(run["by"] for run in runs):
        own = [run for run in runs if run["by"] == name]
        shares = [cell([run[key] for run in own]) for key in EXPLAINED if "seconds" not in key]
        times = [cell([run["seconds"] for run in own], 1, 4), cell([run["all_seconds"] for run in own], 1, 1)]
        rows.append([name, *shares, *times])
    return rows


def claims_table(content: Mapping[str, Any]) -> list[list[str]]:
    """What the papers claim, beside the largest gain here that more than one seed supports."""
    rows = [["claim of the paper", "largest gain here, points", "where", "gains above 0", "does the claim hold here?"]]
    for words, task, row, claimed in CLAIMS:
        gains = gains_of(content, task, row)
        known = {place: interval([100 * value for value in found]) for place, found in gains.items() if len(found) > 1}
        if not known:
            rows.append([words, "–", "–", "–", "not measured"])
            continue
        place = max(known, key=lambda one: known[one][0])
        middle, half = known[place]
        above = sum(mean_ - half_ > 0 for mean_, half_ in known.values())
        answer = "no" if middle + half < claimed else "not decided" if middle - half < claimed else "yes"
        rows.append([words, f"{middle:+.1f} ± {half:.1f}", place, f"{above} of {len(known)}", answer])
    return [*rows, *_explanation_claim(content)]


def gains_of(content: Mapping[str, Any], task: str, row: str) -> dict[str, list[float]]:
    """Gains of a row, seed by seed, by network and data."""
    found = {}
    for encoder, runs in by_encoder(content, task):
        for place in dict.fromkeys((run["data"], run.get("split", "")) for run in runs):
            own = [run for run in runs if (run["data"], run.get("split", "")) == place]
            key = "auc" if task == "edges" else "accuracy"
            words = ", ".join(filter(None, (encoder, place[0], {"random": "60/20/20"}.get(place[1], place[1]))))
            found[words] = differences(own, row, BESIDE[row] if task == "nodes" else "plain", key)
    return found


def _explanation_claim(content: Mapping[str, Any]) -> list[list[str]]:
    """Fidelity+ of SES's masks beside GNNExplainer's, on features as in the paper."""
    words, key = "SES: Fidelity+ up to 4 times that of others", "fidelity_plus_features"
    runs = [run for run in content["runs"] if run["task"] == "explanations"]
    own, other = ([run[key] for run in runs if run["by"] == name] for name in ("SES masks", "GNNExplainer"))
    if not own or not other:
        return [[words, "–", "–", "–", "not measured"]]
    ratio = mean(own) / mean(other) if mean(other) else math.inf
    shown = f"{cell(own)} % against {cell(other)} %"
    return [[words, f"{ratio:.1f} times", f"features, GNNExplainer: {shown}", "–", "yes" if ratio >= 4 else "no"]]


def by_encoder(content: Mapping[str, Any], task: str) -> list[tuple[str, Runs]]:
    """Runs of a task, by encoder."""
    own = [run for run in content["runs"] if run["task"] == task]
    names = dict.fromkeys(run["encoder"] for run in own)
    return [(name, [run for run in own if run["encoder"] == name]) for name in names]


def at(run: Mapping[str, Any], place: str) -> bool:
    """Whether a run is of a column's data and split."""
    return (run["data"], run["split"]) == WHERE[place]


def differences(runs: Runs, row: str, beside: str, key: str = "accuracy") -> list[float]:
    """Figure of one row minus that of another, for each seed that both have.

    Args:
        runs: Runs on the same data.
        row: Row of interest.
        beside: Row to compare with; its figure is always that of the epoch that validation chooses.
        key: Figure of the first row.
    """
    plain = "accuracy" if key == "test_choice" else key
    known = {run["seed"]: run[plain] for run in runs if run["row"] == beside}
    return [run[key] - known[run["seed"]] for run in runs if run["row"] == row and run["seed"] in known]


GRAPH_TABLES = {
    "graph_claims": claims_table,
    "graph_nodes": nodes_table,
    "graph_gains": gains_table,
    "graph_edges": edges_table,
    "graph_graphs": graphs_table,
    "graph_explanations": explanations_table,
}
