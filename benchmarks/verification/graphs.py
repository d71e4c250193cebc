"""Compares graph networks' losses and the figures of explanations with transcribed equations, on a small graph."""

from typing import Any

import torch
from torch import Tensor

from benchmarks.verification import graph_losses as transcribed
from benchmarks.verification.rows import Row, apart, figures_apart
from oro_unlearn import methods, metrics
from oro_unlearn.methods.graphs.graph_training import Graphs, GraphShape

PAIRS = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0), (1, 4), (6, 7), (2, 6), (1, 3)]
EDGES = [*PAIRS, *((b, a) for a, b in PAIRS)]
NODES, FEATURES, CLASSES, LARGEST = 8, 5, 3, 4
TRAIN = [0, 1, 3, 6, 7]
FLOAT = (1e-5, "outputs are float32")


def graph() -> Graphs:
    """One graph with classes of nodes."""
    draw = torch.Generator().manual_seed(3)
    features = torch.randn(NODES, FEATURES, generator=draw)
    labels = torch.randint(CLASSES, (NODES,), generator=draw)[TRAIN]
    none = torch.zeros(2, 0, dtype=torch.long)
    return Graphs(features, torch.tensor(EDGES).T, torch.zeros(NODES, dtype=torch.long), none, labels, torch.tensor(TRAIN))


def method(name: str, **options: Any) -> Any:
    """A method with its networks, without dropout."""
    torch.manual_seed(4)
    made = getattr(methods, name)(hidden=6, dropout=0.0, **options)
    made.build(GraphShape("node", FEATURES, CLASSES, LARGEST))
    return made.eval()


def against(made: Any, found: dict[str, Tensor], expected: Tensor) -> float:
    """The sum of the losses and its gradient, of the product and as transcribed."""
    weights = [parameter for parameter in made.parameters() if parameter.requires_grad]
    total = torch.stack(list(found.values())).sum()
    slopes = [
        torch.autograd.grad(value, weights, retain_graph=True, allow_unused=True, materialize_grads=True)
        for value in (total, expected)
    ]
    values = [{"loss": float(value.detach())} for value in (total, expected)]
    return max(figures_apart(*values), apart(*slopes))


def training() -> list[Row]:
    """Losses of the three methods."""
    data = graph()
    plain = method("GraphTraining")
    difference = against(plain, plain.losses(data), transcribed.entropy(plain(data), data.labels))
    rows = [row("GraphTraining", "GraphTraining", "cross-entropy of the training nodes", difference)]
    rows += [structure(data, epoch, weights) for epoch, weights in ((0, (0.1, 3, 3)), (250, (1, 1, 1)))]
    return [*rows, *masks(data)]


def structure(data: Graphs, epoch: int, weights: tuple[float, float, float]) -> Row:
    """GPL in an epoch of one of its stages."""
    made = method("GPL")
    embeddings = made.network.encoder(data.features, data.edges)
    heads = made.heads_of_structure
    found = (heads.degrees(embeddings)[TRAIN], heads.distributions(embeddings))
    wanted = (
        transcribed.degree_targets(EDGES, NODES, LARGEST)[TRAIN],
        transcribed.neighbour_targets(EDGES, NODES, LARGEST),
    )
    expected = transcribed.structure(weights, made(data), data.labels, found, wanted)
    name = f"GPL, stage {1 if epoch == 0 else 2}"
    return row(
        "GPL",
        name,
        "Huang et al., Applied Intelligence 2025: losses of nodes",
        against(made, made.losses_at(data, epoch), expected),
    )


def masks(data: Graphs) -> list[Row]:
    """Both phases of SES."""
    made = method("SES")
    near, apart_ = made.pairs(data)
    hidden = made.generator(data.features, data.edges)
    edge_mask, of_near, of_apart = made.generator.pair_mask(hidden, data.edges, near, apart_)
    mask = made.generator.feature_mask(hidden, data.features)
    masked = made.network(data.features, data.edges, mask=mask, edge_mask=edge_mask)[TRAIN]
    first = transcribed.joint(made.alpha, made(data), masked, data.labels, of_near, of_apart)
    phase_1 = against(made, made.joint_losses(data), first)
    found = made.enhanced_losses(data)
    given = made._triplets
    logits = made.network(data.features, data.edges, mask=given.mask, edge_mask=given.edge_mask)
    chosen = list(zip(given.anchors.tolist(), given.positives.tolist(), given.negatives.tolist(), strict=True))
    second = transcribed.enhanced(made.beta, made.margin, logits, TRAIN, data.labels, chosen)
    source = "Huang et al., ICDE 2024"
    return [
        row("SES", "SES, phase 1", f"{source}: explainable training", phase_1),
        row("SES", "SES, phase 2", f"{source}: enhanced predictive learning", against(made, found, second)),
    ]


def explained() -> list[Row]:
    """Fidelity and sparsity, counted by hand."""
    draw = torch.Generator().manual_seed(5)
    whole, without, only = torch.randint(3, (3, 40), generator=draw)
    fidelity, sparsity = metrics.ExplanationFidelity(), metrics.ExplanationSparsity()
    fidelity.update(whole, without=without, only=only)
    changed = [sum(int(a) != int(b) for a, b in zip(whole, other, strict=True)) / 40 for other in (without, only)]
    values = torch.rand(4, 9, generator=draw)
    for part in values:
        sparsity.update(part)
    share = sum(sum(float(value) <= 0.5 for value in part) / 9 for part in values) / 4
    found = {name: float(value) for name, value in fidelity.compute().items()}
    plus_minus = figures_apart(found, dict(zip(("plus", "minus"), changed, strict=True)))
    none = figures_apart({"sparsity": float(sparsity.compute())}, {"sparsity": share})
    return [
        Row(
            "ExplanationFidelity",
            "explanations: fidelity",
            "Amara et al. 2022, as torch_geometric",
            "counted by hand",
            plus_minus,
        ),
        Row("ExplanationSparsity", "explanations: sparsity", "Pope et al., CVPR 2019", "counted by hand", none),
    ]


def row(subject: str, name: str, source: str, difference: float) -> Row:
    """A row of a method's losses."""
    return Row(subject, name, source, "losses and their gradients, on a graph of eight nodes", difference, *FLOAT)


def rows() -> list[Row]:
    """All comparisons of graph networks."""
    return [*training(), *explained()]
