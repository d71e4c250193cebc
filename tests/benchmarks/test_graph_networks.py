"""The benchmark of graph networks trains as the package does, and its tables say what was run."""

import pytest
import torch
from lightning.pytorch import Trainer

from benchmarks.graph_networks import SEEDS, plan, reused
from benchmarks.graphs.tables import GRAPH_TABLES, cell, differences
from benchmarks.graphs.training import NODES, RELEASED, Recipe, built, epochs_of, trained, with_released
from oro_unlearn.data import AnyGraph
from oro_unlearn.methods import SES, GraphTraining

FAKE = "torch_geometric.datasets.FakeDataset"
ONE = {"num_graphs": 1, "avg_num_nodes": 60, "avg_degree": 4, "num_channels": 12, "num_classes": 3, "task": "node"}


def test_the_loop_is_a_run_of_the_package():
    """Without dropout, whose random numbers a trainer draws anew in each epoch."""
    data, recipe = AnyGraph(FAKE, ONE), Recipe(GraphTraining, {"dropout": 0.0, "choice": "last", "explained": 0}, 0.01, 3)
    own, other = built(recipe, "GCN", data, 0), built(recipe, "GCN", data, 0)
    list(epochs_of(own, recipe, data))
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    Trainer(max_epochs=3, accelerator="cpu", **quiet).fit(other, data)
    for name, value in own.state_dict().items():
        torch.testing.assert_close(value, other.state_dict()[name])


def test_the_released_form_shares_the_first_phase():
    data, recipe = AnyGraph(FAKE, ONE), Recipe(SES, {"joint_epochs": 10, "mask_hidden": 8}, 0.01, 15)
    method, found = with_released(recipe, "GCN", data, 0)
    assert set(found) == {"SES", RELEASED}
    alone = trained(recipe, "GCN", data, 0)[1]
    assert found["SES"].chosen == alone.chosen
    assert not method.official


def test_every_group_has_its_own_name_and_every_seed_is_planned():
    names = [name for name, _ in plan()]
    assert len(names) == len(set(names))
    for encoder, (most, _) in SEEDS.items():
        assert {f"nodes, {encoder}, Cora, public, seed {seed}" for seed in range(most)} <= set(names)


def test_groups_of_other_code_are_named():
    first = {"sources": "old", "cpu_seconds": {"a": 1, "b": 2}}
    assert reused(first, "old") == reused({}, "new") == {}
    assert reused(first, "new") == {"old": ["a", "b"]}
    second = {"sources": "new", "cpu_seconds": {"a": 1, "b": 2, "c": 3}, "reused": {"old": ["a", "b"]}}
    assert reused(second, "newest") == {"old": ["a", "b"], "new": ["c"]}
    assert reused(second, "new") == {"old": ["a", "b"]}


def run(row, seed, accuracy, **more):
    about = {"task": "nodes", "encoder": "GCN", "data": "Cora", "split": "public"}
    return {**about, "row": row, "seed": seed, "accuracy": accuracy, "test_choice": accuracy + 0.01, **more}


def test_gains_are_taken_seed_by_seed():
    runs = [run("plain", 0, 0.8), run("plain", 1, 0.6), run("GPL", 1, 0.7), run("GPL", 2, 0.9)]
    assert differences(runs, "GPL", "plain") == [pytest.approx(0.1)]
    assert differences(runs, "GPL", "plain", "test_choice") == [pytest.approx(0.11)]


def test_cells():
    assert cell([]) == "–"
    assert cell([0.8]) == "80.0"
    assert cell([0.79, 0.80, 0.81]) == "80.0 ± 2.5"
    assert cell([0.01, 0.02], sign=True) == "+1.5 ± 6.4"


def test_a_claim_is_held_to_its_interval():
    """Not measured with one seed; no if the interval ends below the claim; yes if it begins at or above it."""
    plain = [run("plain, recipe of GPL", seed, 0.5) for seed in range(3)]
    for gains, answer in (
        ((0.2,), "not measured"),
        ((0.01, 0.02, 0.0), "no"),
        ((0.2, 0.2, 0.2), "yes"),
        ((0.0, 0.3, 0.1), "not decided"),
    ):
        runs = [*plain, *(run("GPL", seed, 0.5 + gain) for seed, gain in enumerate(gains))]
        assert GRAPH_TABLES["graph_claims"]({"runs": runs})[1][-1] == answer


def test_tables_of_few_runs():
    rows = [run(row, seed, 0.8) for row in (*NODES, RELEASED) for seed in (0, 1)]
    edge = {"task": "edges", "encoder": "GCN", "data": "Cora", "auc": 0.9, "ap": 0.8, "seed": 0}
    graph = {"task": "graphs", "encoder": "GCN", "data": "Motifs", "seed": 0, "accuracy": 0.7}
    figures = dict.fromkeys(("fidelity_plus_features", "fidelity_plus", "fidelity_minus", "sparsity", "seconds"), 0.25)
    explained = {"task": "explanations", "by": "random", "seed": 0, "all_seconds": 1.0, **figures}
    rows += [{**edge, "row": row} for row in ("plain", "GPL")] + [{**graph, "row": row} for row in ("plain", "GPL")]
    tables = {name: table({"runs": [*rows, explained]}) for name, table in GRAPH_TABLES.items()}
    assert tables["graph_nodes"][1][:4] == ["GCN", "plain", "2", "80.0 ± 0.0"]
    assert ["GCN", "SES, released form, chosen on test", "+1.0 ± 0.0", "–", "–", "–"] in tables["graph_gains"]
    assert tables["graph_edges"][-1] == ["GCN", "gain, seed by seed", "+0.0", "+0.0", "–", "–"]
    assert ["GCN", "plain", "70.0", "–"] in tables["graph_graphs"]
    assert tables["graph_explanations"][1][:2] == ["random", "25.0"]
    assert all(len(row) == len(rows[0]) for rows in tables.values() for row in rows)
