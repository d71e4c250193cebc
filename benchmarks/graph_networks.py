"""Graph networks: plain training, GPL and SES on nodes, edges and graphs, their released forms, and explanations.

    ORO_DATA=... python -m benchmarks.graph_networks

Cora and CiteSeer, public split and 60/20/20; the epoch, one of every five, is chosen on the validation split. Epochs, rates and
weights are the published ones; every method stands beside plain training by its own recipe. Two sets of graphs are drawn by
torch_geometric's generators. One thread, one process. Finished groups are kept: delete the result to begin again. Writes
benchmarks/results/graph_networks.json.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Literal

import torch

from benchmarks.graphs.training import EDGES, GRAPHS, NODES, Recipe, Result, trained, with_released
from oro_unlearn.compare.sources import record, sources
from oro_unlearn.data import AnyGraph, GraphDataModule, PlanetoidGraph
from oro_unlearn.data.graphs.planetoid_graph import Citations
from oro_unlearn.files import write_json
from oro_unlearn.report.run_report import hardware, versions

RESULT = Path("benchmarks/results/graph_networks.json")
CODE = (Path(__file__), *(Path(__file__).parent / "graphs" / name for name in ("made_graphs.py", "training.py")))
Split = Literal["public", "random"]
CITATIONS: tuple[Citations, ...] = ("Cora", "CiteSeer")
PARTS: tuple[Split, ...] = ("public", "random")
SETS = {"Motifs": "benchmarks.graphs.made_graphs.Motifs", "Families": "benchmarks.graphs.made_graphs.Families"}
SEEDS = {  # by encoder: of most rows, and of the rows that take longest
    "GCN": (10, 3),
    "GraphSAGE": (3, 2),
    "GAT": (4, 4),
}
SLOW = ("SES", "plain, released network of GPL", "GPL, released form")
EXPLAINED = 10  # seeds
EXPLAINERS = ("SES masks", "GNNExplainer", "PGExplainer", "gradient", "random")


def node_runs(encoder: str, citations: Citations, split: Split, seed: int) -> Iterator[dict[str, Any]]:
    """One entry for each row."""
    about = {"task": "nodes", "encoder": encoder, "data": citations, "split": split, "seed": seed}
    for row, recipe in NODES.items():
        if row in SLOW and seed >= SEEDS[encoder][1]:
            continue
        data = PlanetoidGraph(graph=citations, split=split, seed=seed, normalise=recipe.normalise)
        if row == "SES":
            _, found = with_released(recipe, encoder, data, seed)
        else:
            found = {row: trained(recipe, encoder, data, seed)[1]}
        yield from ({**about, "row": name, **entry(result)} for name, result in found.items())


def edge_runs(encoder: str, seed: int) -> Iterator[dict[str, Any]]:
    """Whether edges exist, on the citation graphs."""
    for citations in CITATIONS:
        data = PlanetoidGraph(graph=citations, task="edge", split="random", seed=seed, normalise=False)
        yield from runs_of(EDGES, data, {"task": "edges", "encoder": encoder, "data": citations, "seed": seed})


def graph_runs(encoder: str, seed: int) -> Iterator[dict[str, Any]]:
    """Classes of graphs."""
    for name, path in SETS.items():
        data = AnyGraph(path, task="graph", seed=seed)
        yield from runs_of(GRAPHS, data, {"task": "graphs", "encoder": encoder, "data": name, "seed": seed})


def runs_of(recipes: Mapping[str, Recipe], data: GraphDataModule, about: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One entry for each recipe."""
    for row, recipe in recipes.items():
        result = trained(recipe, about["encoder"], data, about["seed"])[1]
        yield {**about, "row": row, **entry(result)}


def entry(result: Result) -> dict[str, Any]:
    """A result, as the file keeps it."""
    chosen = {name: round(result.chosen[name], 4) for name in ("accuracy", "auc", "ap") if name in result.chosen}
    return {**chosen, "test_choice": round(result.test_choice, 4), "epoch": result.epoch, "seconds": result.seconds}


def explanation_runs(encoder: str, seed: int, nodes: int = 40) -> Iterator[dict[str, Any]]:
    """Explanations of the classes of test nodes by the same network, which was trained with SES's masks."""
    from oro_unlearn.methods.graphs.graph_training import Graphs
    from oro_unlearn.methods.graphs.node_explanations import explain_nodes

    data = PlanetoidGraph(graph="Cora", split="random", seed=seed, normalise=False)
    method, _ = trained(NODES["SES"], encoder, data, seed)
    own, graphs = method.own_explainer, Graphs(*next(data.batches("test")))
    for name in EXPLAINERS:
        method.own_explainer = own if name == "SES masks" else lambda: None  # type: ignore[method-assign]
        method.explainer = name if name != "SES masks" else "random"  # type: ignore[assignment]
        torch.manual_seed(seed)
        began = time.process_time()
        found = explain_nodes(method, graphs, nodes)
        spent = time.process_time() - began
        yield {"task": "explanations", "seed": seed, "by": name, "all_seconds": round(spent, 2), **_figures(found)}


def _figures(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: round(value, 4) for name, value in found.items() if name not in ("by", "nodes")}


def plan() -> Iterator[tuple[str, Callable[[], Iterator[dict[str, Any]]]]]:
    """Groups of runs by name, the most telling first: whenever the script is stopped, what is there can be read."""
    first = {encoder: range(min(3, most)) for encoder, (most, _) in SEEDS.items()}
    then = {encoder: range(3, most) for encoder, (most, _) in SEEDS.items()}
    for encoder, seeds in (*first.items(), *then.items()):
        for seed in seeds:
            for citations, split in product(CITATIONS, PARTS):
                yield (
                    f"nodes, {encoder}, {citations}, {split}, seed {seed}",
                    partial(node_runs, encoder, citations, split, seed),
                )
            if seed < SEEDS[encoder][1]:
                yield f"edges, {encoder}, seed {seed}", partial(edge_runs, encoder, seed)
            if encoder == "GCN":
                yield f"graphs, GCN, seed {seed}", partial(graph_runs, encoder, seed)
            if encoder == "GCN" and seed < EXPLAINED:
                yield f"explanations, seed {seed}", partial(explanation_runs, encoder, seed)


def reused(earlier: Mapping[str, Any], code: str) -> dict[str, list[str]]:
    """Finished groups that ran with other code, by the hash of its sources.

    Args:
        earlier: Content of the file so far.
        code: Hash of the present code.
    """
    found: dict[str, list[str]] = {other: list(names) for other, names in earlier.get("reused", {}).items()}
    known = {name for names in found.values() for name in names}
    found.setdefault(earlier.get("sources", code), []).extend(set(earlier.get("cpu_seconds", {})) - known)
    return {other: sorted(names) for other, names in found.items() if names and other != code}


def main(args: Sequence[str] | None = None) -> None:
    """Run what is missing and write the results."""
    words = list(sys.argv[1:] if args is None else args)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=35.0, help="of the processor, after which no new group is begun")
    options = parser.parse_args(words)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    result = json.loads(RESULT.read_text()) if RESULT.is_file() else {}
    current = {**record(__file__), "sources": sources(more=CODE)}
    result = {
        "command": " ".join(["python -m benchmarks.graph_networks", *words]),
        **current,
        "reused": reused(result, current["sources"]),
        "versions": versions(),
        "hardware": hardware("cpu"),
        "recipes": {
            task: {row: {**recipe._asdict(), "method": recipe.method.__name__} for row, recipe in recipes.items()}  # type: ignore[attr-defined]
            for task, recipes in (("nodes", NODES), ("edges", EDGES), ("graphs", GRAPHS))
        },
        "seeds": {encoder: {"most rows": most, "the slowest rows": few} for encoder, (most, few) in SEEDS.items()},
        "cpu_seconds": result.get("cpu_seconds", {}),
        "runs": result.get("runs", []),
    }
    write_json(result, RESULT)
    for name, runs in plan():
        if name in result["cpu_seconds"] or sum(result["cpu_seconds"].values()) > 60 * options.minutes:
            continue
        began = time.process_time()
        result["runs"] += list(runs())
        result["cpu_seconds"][name] = round(time.process_time() - began)
        print(name, result["cpu_seconds"][name], flush=True)
        write_json(result, RESULT)


if __name__ == "__main__":
    main()
