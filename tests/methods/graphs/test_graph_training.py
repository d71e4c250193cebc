"""Plain training on nodes, edges and graphs; GPL; SES."""

import math

import pytest
import torch
from lightning.pytorch import Trainer
from torch.nn.functional import cross_entropy, mse_loss
from torch.optim import Adam

from oro_unlearn.data import AnyGraph, Digits
from oro_unlearn.methods import GPL, SES, GraphTraining
from oro_unlearn.methods.graphs.graph_figures import figures_of
from oro_unlearn.methods.graphs.graph_training import Graphs, GraphShape
from oro_unlearn.metrics.chance import share_limits
from oro_unlearn.networks.graphs.structure_heads import degrees_of, logarithmic, neighbour_degrees
from oro_unlearn.user_error import UserError

FAKE = "torch_geometric.datasets.FakeDataset"
ONE = {"num_graphs": 1, "avg_num_nodes": 60, "avg_degree": 4, "num_channels": 12, "num_classes": 3, "task": "node"}
MANY = ONE | {"num_graphs": 20, "avg_num_nodes": 12, "task": "graph"}


def fast(params):
    return Adam(params, lr=0.05)


def data_of(task: str, **options) -> AnyGraph:
    return AnyGraph(FAKE, MANY if task == "graph" else ONE, task=task, batch_size=6, **options)


def fit(method, data, epochs=6):
    torch.manual_seed(0)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(max_epochs=epochs, accelerator="cpu", **quiet)
    trainer.fit(method, data)
    return trainer


def built(kind, task="node", **options):
    """A method with its networks, and its first training batch."""
    data = data_of(task)
    torch.manual_seed(0)
    method = kind(**options)
    method.build(GraphShape(task, data.num_features, data.num_classes, data.largest_degree))
    return method, Graphs(*next(data.batches("train")))


@pytest.mark.parametrize("encoder", ["GCN", "GAT", "GraphSAGE"])
@pytest.mark.parametrize("task", ["node", "edge", "graph"])
def test_every_encoder_learns_every_task(encoder, task):
    method = GraphTraining(encoder=encoder, hidden=8, heads=2, dropout=0.0, choice="last", explained=0, optimizer=fast)
    data = data_of(task)
    trainer = fit(method, data, epochs=30)
    losses = [float(step["task"]) for step in method.history]
    assert losses[-1] < losses[0]
    trainer.test(method, data, verbose=False)
    figures = method.measurements["metrics"]["original"]
    figure = "auc" if task == "edge" else "accuracy"
    assert 0 <= figures[f"test/{figure}"] <= 1
    assert (f"train/{figure}" in figures) is (task != "edge")  # all edges of the training split exist
    assert figures["test/samples"] == len(data.split("test"))


def test_the_epoch_with_the_best_validation_figure_is_kept():
    method, seen = GraphTraining(optimizer=fast, explained=0), []
    keep = method.keep_best

    def kept(figure, epoch):
        seen.append((figure, {name: value.clone() for name, value in method.state_dict().items()}))
        keep(figure, epoch)

    method.keep_best = kept
    data = data_of("node")
    fit(method, data)
    best = max(seen, key=lambda one: one[0])  # the first of equals
    assert method.best_figure == best[0] == method.figure(data.batches("val"))
    assert all(torch.equal(value, best[1][name]) for name, value in method.state_dict().items())


def test_looks_at_validation_change_no_random_number():
    states = []
    for every in (1, 100):
        method = GraphTraining(optimizer=fast, choice="validation" if every == 1 else "last", every=every, explained=0)
        fit(method, data_of("node"), epochs=4)
        states.append([float(step["task"]) for step in method.history])
    assert states[0] == states[1]


def test_accuracy_has_an_exact_interval():
    scores = torch.eye(3)[[0, 1, 2, 0]]
    found = figures_of(scores, torch.tensor([0, 1, 2, 1]))
    low, high = share_limits(3, 4, 0.025)
    assert found == {"accuracy": 0.75, "low": low, "high": high, "samples": 4.0}


def test_edges_are_ranked():
    found = figures_of(torch.tensor([3.0, 2.0, 1.0, 0.0]), torch.tensor([1, 0, 1, 0]))
    assert found == {"auc": 0.75, "ap": pytest.approx((1 + 2 / 3) / 2), "samples": 4.0}


def test_scores_that_are_nan_rank_nothing():
    figures = figures_of(torch.tensor([torch.nan] * 4), torch.tensor([1, 0, 1, 0]))
    assert math.isnan(figures["auc"])
    assert math.isnan(figures["ap"])


def test_drawn_pairs_have_no_edge():
    method, train = built(GraphTraining, "edge")
    found = method.with_negatives(train)
    known = set(map(tuple, train.edges.T.tolist()))
    drawn = [tuple(pair) for pair in found.pairs.T[len(train.labels) :].tolist()]
    assert len(drawn) == len(train.labels) == int(found.labels.sum())
    assert not known & set(drawn)


def test_gpl_on_nodes_by_hand():
    """Degrees of training nodes, distributions of all; weights and learning rate of both stages."""
    method, train = built(GPL, first_epochs=3, dropout=0.0)
    nodes, largest = len(train.graph), method.largest_degree
    embeddings = method.network.encoder(train.features, train.edges)
    task = cross_entropy(method.network.head(embeddings)[train.index], train.labels)
    known = logarithmic(degrees_of(train.edges, nodes), largest)
    heads = method.heads_of_structure
    degree = torch.log2(1 + mse_loss(heads.degrees(embeddings)[train.index], known[train.index]))
    distribution = torch.log(1 + mse_loss(heads.distributions(embeddings), neighbour_degrees(train.edges, nodes, largest)))
    for epoch, weights in ((2, (0.1, 3, 3)), (3, (1, 1, 1))):
        found = method.losses_at(train, epoch)
        expected = dict(zip(found, (w * v for w, v in zip(weights, (task, degree, distribution), strict=True)), strict=True))
        torch.testing.assert_close(found, expected)
    made = method.configure_optimizers()
    rates = []
    for _ in range(5):
        rates.append(made["optimizer"].param_groups[0]["lr"])
        made["optimizer"].step()
        made["lr_scheduler"].step()
    assert rates == pytest.approx([0.01 / 30] * 3 + [0.01] * 2)


def test_weights_of_gat_fall_in_the_first_stage():
    method, _ = built(GPL, encoder="GAT")
    assert method.stage(49).degree == method.stage(49).distribution == pytest.approx(2 * 100 / 50)
    assert method.stage(200)[:3] == (1.07, 1.2, 1)


@pytest.mark.parametrize("official", [False, True])
def test_the_third_term_of_graphs_has_a_gradient_but_in_the_released_form(official):
    method, train = built(GPL, "graph", official=official)
    found = method.losses_at(train, 0)
    assert set(found) == {"task", "degree", "distribution"}
    assert found["distribution"] > 0
    assert found["distribution"].requires_grad is not official


def test_the_released_form_of_nodes_takes_embeddings_for_logits():
    method, train = built(GPL, official=True, dropout=0.0)
    embeddings = method.network.encoder(train.features, train.edges)
    torch.testing.assert_close(method(train), embeddings[train.index])
    with pytest.raises(UserError, match=r"needs --model.hidden of 3 classes or more, not 2"):
        built(GPL, official=True, hidden=2)


def test_the_first_phase_of_ses_trains_network_and_masks():
    method, train = built(SES, alpha=0.5, dropout=0.0, mask_hidden=8)
    found = method.losses_at(train, 0)
    assert set(found) == {"task", "masked", "subgraph"}
    near, apart = method.pairs(train)
    hidden = method.generator(train.features, train.edges)
    scores = method.generator.pair_mask(hidden, torch.cat([near, apart], 1))[0]
    wanted = torch.cat([torch.ones(near.shape[1]), torch.zeros(apart.shape[1])])
    torch.testing.assert_close(found["subgraph"], 0.5 * mse_loss(scores, wanted))
    torch.testing.assert_close(found["task"], 0.5 * cross_entropy(method(train), train.labels))
    torch.stack(list(found.values())).sum().backward()
    trained = dict([*method.network.named_parameters(), *method.generator.named_parameters()])
    assert [name for name, value in trained.items() if value.grad is None or not value.grad.abs().sum()] == []


@pytest.mark.parametrize("official", [False, True])
def test_the_triplets_of_ses_train_but_in_the_released_form(official):
    method, train = built(SES, joint_epochs=1, official=official, mask_hidden=8)
    found = method.losses_at(train, 1)
    assert set(found) == {"task", "triplet"}
    assert found["triplet"].requires_grad is not official
    if official:
        assert method.choice == "test"
        return
    (gradient,) = torch.autograd.grad(found["triplet"], [method.network.encoder.first.weights[0]])
    assert gradient.abs().sum() > 0
    assert all(value.grad is None for value in method.generator.parameters())


def test_triplets_weigh_every_anchor_alike():
    method, train = built(SES, mask_hidden=8)
    triplets = method.triplets(train)
    sums = torch.zeros(len(train.graph)).index_add(0, triplets.anchors, triplets.weights)
    near, _ = method.pairs(train)
    linked = [node for node in train.index.tolist() if (near[0] == node).any()]
    torch.testing.assert_close(sums[linked], torch.full((len(linked),), 1 / len(train.index)))


def test_the_mask_generator_has_its_own_rate():
    method, _ = built(SES, mask_rate=0.25)
    rates = [group["lr"] for group in method.configure_optimizers()["optimizer"].param_groups]
    assert rates == pytest.approx([0.01, 0.0025])


def test_ses_explains_with_its_masks():
    method = SES(joint_epochs=1, optimizer=fast, explained=2, mask_hidden=8)
    data = data_of("node")
    trainer = fit(method, data, epochs=2)
    trainer.test(method, data, verbose=False)
    found = method.measurements["explanations"]
    assert found["by"] == "SES masks"
    assert found["explained"] == len(found["nodes"]) == 2
    known = set(map(tuple, data.graphs[0].edge_index.T.tolist()))
    assert {tuple(edge[:2]) for node in found["nodes"] for edge in node["edges"]} <= known
    assert all(0 <= found[name] <= 1 for name in ("fidelity_plus", "fidelity_minus", "sparsity"))
    assert {name for name, _ in ((n, 0) for step in method.history for n in step)} == set(method.terms())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hidden": 0}, "are at least 1"),
        ({"dropout": 1.0}, "a probability"),
        ({"explained": -1}, "0 for none"),
    ],
)
def test_options_out_of_range(options, words):
    with pytest.raises(UserError, match=words):
        GraphTraining(**options)


def test_options_of_gpl_and_ses_out_of_range():
    with pytest.raises(UserError, match="three numbers"):
        GPL(weights=[1.0])
    with pytest.raises(UserError, match="first_epochs"):
        GPL(first_rate=0.0)
    with pytest.raises(UserError, match=r"shares in \[0, 1\]"):
        SES(alpha=2.0)
    with pytest.raises(UserError, match="at least 1"):
        SES(joint_epochs=0)


def test_data_of_another_kind_are_rejected():
    with pytest.raises(UserError, match=r"GPL is for graphs, and Digits has none: choose --data PlanetoidGraph"):
        GPL().check_data(Digits())
    with pytest.raises(UserError, match=r"SES explains classes of nodes, and --data.task is graph"):
        SES().check_data(data_of("graph"))


def test_a_graph_that_is_computed_once_has_the_same_targets():
    method, train = built(GPL)
    method.losses_at(train, 0)
    degrees, _ = method._targets_of(train)
    assert math.isclose(
        float(degrees.max()), math.log(method.largest_degree + 1) / math.log(method.largest_degree), rel_tol=1e-6
    )
