"""How well do rankings find the unsafe tuples of the scenes graph that were not marked? Writes results/suggestions.json.

A concept is known. 5, 10 or 20 % of its tuples are marked (at least one), with all that follows from these by the hierarchy.
Every ranking then sorts the other tuples. A network that reads the marks alone stands beside the one that is shipped.

    python -m benchmarks.suggestions
"""

import random
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from sklearn.metrics import average_precision_score
from torch import Tensor

from benchmarks.suggestions_direct import directly_trained
from oro_unlearn.compare.sources import record
from oro_unlearn.files import write_json
from oro_unlearn.graph import RelationGraph, load_graph
from oro_unlearn.networks import OpenCLIP
from oro_unlearn.report.run_report import hardware, versions
from oro_unlearn.risk.embeddings import caption_features, node_features
from oro_unlearn.risk.listing import OPEN, Listing, list_tuples
from oro_unlearn.risk.nearness import common_sizes, hierarchy_nearness, slot_nearness, text_nearness
from oro_unlearn.risk.training import Training, temperature, train_network

RESULTS = Path(__file__).parent / "results" / "suggestions.json"
LOOSE = [
    f"{s} {r} {o}" for s in ("dog", "adult", "robot") for r in ("holding", "throwing") for o in ("wine", "phone", "hamburger")
]
TRUTHS = {
    "below minor drinking alcohol": ["minor drinking alcohol"],
    "below person eating food": ["person eating food"],
    "below minor holding item": ["minor holding item"],
    "below agent standing on animal": ["agent standing on animal"],
    "no hierarchy": LOOSE,  # dog, adult or robot; holding or throwing; wine, phone or hamburger
}
SHARES = (0.05, 0.1, 0.2)
SEEDS = 10
BINS = 10


def main() -> None:
    """Train a network for each seed, and rank the tuples of all truths with it."""
    torch.set_num_threads(1)
    start = time.process_time()
    graph = load_graph("scenes")
    network = OpenCLIP("scenes", "shipped").eval()
    listing = list_tuples(graph)
    listing.marks.fill_(OPEN)  # the edge of the file is no part of any truth
    captions, features = caption_features(network, graph, listing.triples), node_features(network, graph)
    sizes = common_sizes(graph)
    figures: dict[tuple[str, float, str], list[dict[str, float]]] = defaultdict(list)
    for seed in range(SEEDS):
        trained = train_network(listing, features, sizes, Training(seed=seed))
        for truth, share, marked, targets in cases(graph, listing, seed):
            heat = temperature(trained, marked)
            logits = trained.scored(marked.index, marked.unsafe_index, marked.safe_index)
            scores = {
                "network": logits,
                "slots": slot_nearness(marked, sizes),
                "hierarchy": hierarchy_nearness(marked, sizes),
                "text": text_nearness(marked, captions),
                "network, marks alone": directly_trained(marked, features, sizes, seed),
            }
            for name, values in scores.items():
                figures[truth, share, name].append(ranked(values[marked.open], targets))
            figures[truth, share, "network"][-1] |= calibrated(logits[marked.open], targets, heat)
        print(f"seed {seed}: {time.process_time() - start:.0f} CPU seconds", flush=True)
    about = {"command": "python -m benchmarks.suggestions", "seeds": SEEDS, **record(__file__)}
    about |= {"versions": versions(), "hardware": hardware("cpu"), "cpu_seconds": round(time.process_time() - start)}
    write_json({**about, "rows": rows(figures)}, RESULTS)


def cases(graph: RelationGraph, listing: Listing, seed: int) -> Iterator[tuple[str, float, Listing, Tensor]]:
    """Truth, share, the listing with marks, and which of its open tuples are unsafe in truth."""
    places = {triple: place for place, triple in enumerate(listing.triples)}
    for truth, edges in TRUTHS.items():
        below = set().union(*(graph.closure(graph.parse(edge)) for edge in edges))
        members = sorted(places[triple] for triple in below if triple in places)
        for share in SHARES:
            drawn = random.Random(seed).sample(members, max(1, round(share * len(members))))
            follow = {places[t] for place in drawn for t in graph.closure(listing.triples[place]) if t in places}
            marked = listing.marked(follow)
            yield truth, share, marked, torch.isin(marked.open, torch.tensor(members))


def ranked(scores: Tensor, targets: Tensor) -> dict[str, float]:
    """Average precision, and recall among as many as are to be found (k), and among the first 20."""
    order = targets[scores.argsort(descending=True, stable=True)].float()
    total = int(targets.sum())
    precision = float(average_precision_score(targets, scores))
    return {"ap": precision, "recall_k": float(order[:total].mean()), "recall_20": float(order[:20].sum() / total)}


def calibrated(logits: Tensor, targets: Tensor, heat: float | None) -> dict[str, float]:
    """Expected calibration error of the risks, before and after the temperature; over all tuples, and over the first 50."""
    found = {"ece": calibration_error(logits.sigmoid(), targets), "calibrated": float(heat is not None)}
    risks = (logits / (heat or 1)).sigmoid()
    found["ece_temperature"] = calibration_error(risks, targets)
    first = logits.argsort(descending=True, stable=True)[:50]
    found["ece_first_50"] = calibration_error(logits.sigmoid()[first], targets[first])
    found["ece_first_50_temperature"] = calibration_error(risks[first], targets[first])
    return found


def calibration_error(risks: Tensor, targets: Tensor) -> float:
    """Mean distance of risk and truth over bins of equal width, weighted by their size."""
    bins = (risks * BINS).long().clamp(max=BINS - 1)
    gaps = [abs(float((risks[bins == each] - targets[bins == each].float()).sum())) for each in range(BINS)]
    return sum(gaps) / len(risks)


def rows(figures: dict[tuple[str, float, str], list[dict[str, float]]]) -> list[dict[str, object]]:
    """Mean and standard deviation of each figure over the seeds."""
    result = []
    for (truth, share, ranking), values in figures.items():
        row: dict[str, object] = {"truth": truth, "marked": share, "ranking": ranking}
        for name in values[0]:
            column = torch.tensor([each[name] for each in values])
            row |= {name: float(column.mean()), f"{name}_std": float(column.std())}
        result.append(row)
    return result


def suggestions_table(result: Mapping[str, Any]) -> list[list[str]]:
    """Average precision of each ranking, by truth and share: mean and standard deviation over the seeds, then means of all."""
    rankings = list(dict.fromkeys(row["ranking"] for row in result["rows"]))
    table = [["unsafe in truth", "marked", *rankings]]
    by_case: dict[tuple[str, float], dict[str, Mapping[str, Any]]] = {}
    for row in result["rows"]:
        by_case.setdefault((row["truth"], row["marked"]), {})[row["ranking"]] = row
    for (truth, share), found in by_case.items():
        values = [f"{found[name]['ap']:.2f} ± {found[name]['ap_std']:.2f}" for name in rankings]
        table.append([truth, f"{100 * share:.0f} %", *values])
    for figure, words in (
        ("ap", "mean of all"),
        ("recall_k", "recall@k, mean of all"),
        ("recall_20", "recall@20, mean of all"),
    ):
        means = [sum(found[name][figure] for found in by_case.values()) / len(by_case) for name in rankings]
        table.append([words, "", *(f"{mean:.2f}" for mean in means)])
    return table


def calibration_rows(result: Mapping[str, Any]) -> list[list[str]]:
    """Calibration error of the network's risks by share, before and after the temperature."""
    table = [["marked", "all tuples", "with temperature", "first 50", "with temperature"]]
    for share in SHARES:
        rows = [row for row in result["rows"] if row["ranking"] == "network" and row["marked"] == share]
        names = ("ece", "ece_temperature", "ece_first_50", "ece_first_50_temperature")
        table.append([f"{100 * share:.0f} %", *(f"{sum(row[name] for row in rows) / len(rows):.3f}" for name in names)])
    return table


if __name__ == "__main__":
    main()
