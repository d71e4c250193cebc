"""Graphs: their splits, batches and files, and what is refused."""

import os
from pathlib import Path

import pytest
import torch
from torch_geometric.data import Data, InMemoryDataset

from oro_unlearn.data import AnyGraph, PlanetoidGraph, TUGraphs
from oro_unlearn.data.graphs.planetoid_graph import HASHES
from oro_unlearn.data.graphs.prepared_graphs import sparse_if_cheaper, whole, with_features
from oro_unlearn.user_error import UserError

HERE = "tests.data.graphs.test_graph_data"
FAKE = "torch_geometric.datasets.FakeDataset"
ONE = {"num_graphs": 1, "avg_num_nodes": 80, "avg_degree": 4, "num_channels": 5, "num_classes": 3, "task": "node"}
MANY = ONE | {"num_graphs": 12, "avg_num_nodes": 6, "task": "graph"}


class Circle(InMemoryDataset):
    """One circle with masks."""

    def __init__(self, nodes: int = 30, labelled: bool = True) -> None:
        super().__init__()
        line = torch.arange(nodes)
        edges = torch.stack([line, (line + 1) % nodes])
        masks = {f"{name}_mask": line % 3 == part for part, name in enumerate(("train", "val", "test"))}
        graph = Data(x=torch.eye(nodes), edge_index=torch.cat([edges, edges.flip(0)], 1), num_nodes=nodes, **masks)
        graph.y = line % 2 if labelled else None
        self.data, self.slices = self.collate([graph])


def circle(**options) -> AnyGraph:
    return AnyGraph(f"{HERE}.Circle", **options)


def test_nodes_are_split_and_stand_in_one_batch():
    data = AnyGraph(FAKE, ONE)
    parts = [data.split(name).positions for name in ("train", "val", "test")]
    count = data.graphs[0].num_nodes
    assert torch.cat(parts).sort().values.tolist() == list(range(count))
    assert [len(part) for part in parts[:2]] == [round(0.6 * count), round(0.8 * count) - round(0.6 * count)]
    (batch,) = data.batches("val")
    features, edges, graph, pairs, labels, index = batch
    assert len(features) == len(graph) == count
    assert pairs.shape == (2, 0)
    assert torch.equal(labels, data.graphs[0].y[index])
    assert torch.equal(edges, data.graphs[0].edge_index)


def test_the_same_seed_gives_the_same_split_and_the_same_random_graph():
    first, second, other = (AnyGraph(FAKE, ONE, seed=seed) for seed in (0, 0, 1))
    assert first.content() == second.content() != other.content()
    assert torch.equal(first.split("test").positions, second.split("test").positions)


def test_methods_for_images_are_told_which_methods_there_are():
    with pytest.raises(UserError, match="graphs have no split 'retain': choose --model GraphTraining, --model GPL or"):
        circle().split("retain")


def test_reading_changes_no_random_number():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    AnyGraph(FAKE, ONE).split("train")
    assert torch.equal(torch.rand(1), expected)


def test_the_public_split_is_that_of_the_masks():
    data = circle(split="public")
    assert data.split("val").positions.tolist() == list(range(1, 30, 3))
    with pytest.raises(UserError, match=r"fakedataset has no public split: choose --data.split random"):
        AnyGraph(FAKE, ONE, split="public").split("train")


def test_edges_of_validation_and_test_carry_no_messages():
    data = circle(task="edge")
    batches = {name: next(data.batches(name)) for name in ("train", "val", "test")}
    messages = {frozenset(pair) for pair in batches["train"][1].T.tolist()}
    for name in ("val", "test"):
        _, edges, _, pairs, labels, index = batches[name]
        assert torch.equal(edges, batches["train"][1])
        real = {frozenset(pair) for pair in pairs.T[labels == 1].tolist()}
        assert not real & messages
        assert int(labels.sum()) * 2 == len(labels) == len(index)
    assert len(messages) == len(data.split("train"))
    with pytest.raises(UserError, match="5 edges are too few to split"):
        circle(options={"nodes": 5}, task="edge").split("train")


def test_graphs_are_put_together():
    data = AnyGraph(FAKE, MANY, task="graph")
    features, edges, graph, _, labels, index = next(data.batches("train"))
    chosen = [data.graphs[number] for number in index.tolist()]
    assert labels.tolist() == [int(one.y) for one in chosen]
    assert torch.bincount(graph).tolist() == [one.num_nodes for one in chosen]
    assert (graph[edges[0]] == graph[edges[1]]).all()
    assert torch.equal(features, torch.cat([one.x for one in chosen]))


def test_features_are_normalised_and_kept_sparse_if_most_are_zero():
    graph = Data(x=torch.tensor([[2.0, 2.0], [0.0, 0.0]]), edge_index=torch.empty(2, 0, dtype=torch.int64))
    assert with_features(graph, normalise=True).x.tolist() == [[0.5, 0.5], [0.0, 0.0]]
    assert sparse_if_cheaper(torch.eye(20)).layout == torch.sparse_csr
    assert sparse_if_cheaper(torch.eye(3)).layout == torch.strided
    bare = with_features(Data(edge_index=graph.edge_index, num_nodes=3), normalise=True)
    assert bare.x.tolist() == [[1.0]] * 3
    assert torch.equal(whole([with_features(graph, False)], torch.arange(1))[0], graph.x)


def test_the_summary_of_what_was_read():
    lines = circle(split="public").lines()
    assert lines == [
        "circle: 1 graph, 30 nodes, 60 edges, 30 features, 2 classes",
        "  nodes: 10 train, 10 val, 10 test (public)",
    ]


def test_planetoid_files_are_read_only_if_they_are_the_published_ones(tmp_path):
    with pytest.raises(UserError, match=r"no raw files of Cora \(ind.cora.x\) in .*: set --data.root or ORO_DATA"):
        PlanetoidGraph(str(tmp_path)).split("train")
    for name in HASHES:
        (tmp_path / name).write_bytes(b"cos\nsystem\n(S'touch broken'\ntR.")
    with pytest.raises(UserError, match=r"is not the published file \(SHA-256\), and a pickle can run code: not read"):
        PlanetoidGraph(str(tmp_path)).split("train")
    (tmp_path / "ind.citeseer.allx").unlink()
    with pytest.raises(UserError, match=r"ind.citeseer.allx is missing: copy all eight raw files of CiteSeer"):
        PlanetoidGraph(str(tmp_path), graph="CiteSeer").split("train")
    assert not Path("broken").exists()


CORA = Path(os.environ.get("ORO_DATA", ".data")) / "planetoid"


@pytest.mark.skipif(not CORA.is_dir(), reason="no planetoid in ORO_DATA")
def test_cora_is_read():
    data = PlanetoidGraph(str(CORA.absolute()))
    assert data.lines()[0] == "cora: 1 graph, 2708 nodes, 10556 edges, 1433 features, 7 classes"
    assert [len(data.split(name)) for name in ("train", "val", "test")] == [140, 500, 1000]
    assert data.largest_degree == 168


def tu_files(folder: Path, graphs: int = 6) -> None:
    """Triangles with classes in turn; the first node of each has label 1, the others 0."""
    rows, indicator, nodes = [], [], []
    for number in range(graphs):
        first = 3 * number + 1
        rows += [f"{first + a}, {first + b}" for a in range(3) for b in range(3) if a != b]
        indicator += [str(number + 1)] * 3
        nodes += ["1", "0", "0"]
    files = {"A": rows, "graph_indicator": indicator, "graph_labels": [str(n % 2) for n in range(graphs)], "node_labels": nodes}
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in files.items():
        (folder / f"TRI_{name}.txt").write_text("\n".join(lines) + "\n")


def test_tu_files_are_read(tmp_path):
    tu_files(tmp_path / "TRI" / "raw")
    data = TUGraphs(str(tmp_path), "TRI")
    assert data.lines()[0] == "tri: 6 graphs, 18 nodes, 36 edges, 2 features, 2 classes"
    assert data.graphs[1].x.tolist() == [[0, 1], [1, 0], [1, 0]]
    assert sorted(data.graphs[1].edge_index[0].tolist()) == [0, 0, 1, 1, 2, 2]
    assert [int(graph.y) for graph in data.graphs] == [0, 1] * 3
    with pytest.raises(UserError, match=r"no OTHER_A.txt in .*: set --data.root"):
        TUGraphs(str(tmp_path), "OTHER").split("train")


def test_damaged_tu_files_are_one_line(tmp_path):
    tu_files(tmp_path)
    (tmp_path / "TRI_A.txt").write_text("1, x\n")
    with pytest.raises(UserError, match="the files of TRI cannot be read"):
        TUGraphs(str(tmp_path), "TRI").split("train")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("Karate", "'Karate' cannot be imported"),
        ("torch_geometric.datasets.NoSuchSet", "cannot be imported"),
        ("pathlib.Path", "is not a class that derives from torch_geometric.data.Dataset"),
    ],
)
def test_what_is_no_data_set_is_refused(path, words):
    with pytest.raises(UserError, match=words):
        AnyGraph(path).split("train")


def test_options_of_a_data_set_that_are_wrong():
    with pytest.raises(UserError, match=r"--data.dataset .*Circle: .*unexpected keyword argument 'colour'"):
        circle(options={"colour": 1}).split("train")


def test_a_task_that_does_not_fit():
    with pytest.raises(UserError, match="circle has 1 graphs, too few to split"):
        circle(task="graph").split("train")
    with pytest.raises(UserError, match=r"fakedataset has 12 graphs: --data.task node needs one, choose graph"):
        AnyGraph(FAKE, MANY, task="node").split("train")
    with pytest.raises(UserError, match="circle has no class for each node"):
        circle(options={"labelled": False}).split("train")
    with pytest.raises(UserError, match="public is for nodes"):
        circle(task="edge", split="public")


class Broken(InMemoryDataset):
    """A graph of 20 nodes, or ten such graphs, with something wrong."""

    def __init__(self, wrong: str) -> None:
        super().__init__()
        near = torch.tensor([(a, b) for a in range(20) for b in range(20) if a != b and (a - b) % 20 in (1, 2, 18, 19)]).T
        graph = Data(x=torch.ones(20, 3), edge_index=near, y=torch.arange(20) % 3)
        if wrong == "loops":
            graph.edge_index = torch.cat([near, torch.arange(20).repeat(2, 1)], 1)
        elif wrong == "dense":
            graph.edge_index = (1 - torch.eye(20)).nonzero().T
        elif wrong == "nan":
            graph.x[3, 1] = torch.nan
        elif wrong == "edge":
            graph.edge_index = torch.cat([near, torch.tensor([[0], [99]])], 1)
        elif wrong == "few":
            graph = Data(x=torch.ones(2, 3), edge_index=torch.tensor([[0], [1]]), y=torch.arange(2))
        else:
            graph.y = {"values": torch.arange(20) / 3, "whole": graph.y.double(), "negative": graph.y - 1}[wrong]
        self.data, self.slices = self.collate([graph])


def broken(wrong: str, **options) -> AnyGraph:
    return AnyGraph(f"{HERE}.Broken", {"wrong": wrong}, **options)


@pytest.mark.parametrize(
    ("wrong", "task", "words"),
    [
        ("nan", "node", "broken: a feature of a node is NaN or infinite"),
        ("edge", "node", "broken: edges lead to nodes 0 to 99, and there are 20 nodes"),
        ("values", "node", "broken: classes must be whole numbers"),
        ("negative", "node", "broken: the class of a node is -1: classes are numbered from 0"),
        ("few", "node", "broken: no node is left for the split test"),
        ("dense", "edge", "almost every pair of nodes has an edge"),
    ],
)
def test_data_that_no_network_can_read(wrong, task, words):
    with pytest.raises(UserError, match=words):
        broken(wrong, task=task).split("train")


def test_classes_may_be_whole_numbers_of_another_type():
    assert next(broken("whole").batches("train"))[4].dtype == torch.int64


def test_an_edge_of_a_node_to_itself_is_not_asked_for():
    data = broken("loops", task="edge")
    batches = [next(data.batches(name)) for name in ("train", "val", "test")]
    real = torch.cat([batch[3][:, batch[4] == 1] for batch in batches], 1)
    assert real.shape[1] == 40
    assert (real[0] != real[1]).all()
