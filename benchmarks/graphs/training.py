"""One training of a graph network, as the package does it, without a trainer: an epoch is a step of milliseconds."""

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from lightning.pytorch import seed_everything
from torch.optim import Adam

from oro_unlearn.data import GraphDataModule
from oro_unlearn.methods import GPL, SES, GraphTraining
from oro_unlearn.methods.graphs.graph_figures import figures_of
from oro_unlearn.methods.graphs.graph_training import Graphs, GraphShape

EVERY = 5  # epochs between two looks at validation and test split
SPLITS = ("val", "test")


class Recipe(NamedTuple):
    """How a row of a table is trained."""

    method: Callable[..., GraphTraining]
    options: dict[str, Any]
    rate: float
    epochs: int
    normalise: bool = True


NODES = {
    "plain": Recipe(GraphTraining, {}, 1e-2, 200),
    "plain, recipe of GPL": Recipe(GraphTraining, {"head": True, "skip": True}, 7.5e-3, 400),
    "GPL": Recipe(GPL, {}, 7.5e-3, 600),
    "plain, released network of GPL": Recipe(GPL, {"official": True, "first_epochs": 0, "weights": [1.0, 0, 0]}, 7.5e-3, 400),
    "GPL, released form": Recipe(GPL, {"official": True}, 7.5e-3, 600),
    "plain, recipe of SES": Recipe(GraphTraining, {}, 3e-3, 400, normalise=False),
    "SES": Recipe(SES, {}, 3e-3, 400, normalise=False),
}
RELEASED = "SES, released form"  # shares the first phase of SES
EDGES = {
    "plain": Recipe(GraphTraining, {"dropout": 0.0}, 1e-2, 300, normalise=False),
    "GPL": Recipe(GPL, {"first_epochs": 67, "head": False, "skip": False, "dropout": 0.0}, 1e-2, 300, normalise=False),
}
GRAPHS = {
    "plain": Recipe(GraphTraining, {"head": True, "skip": True}, 1e-2, 60),
    "GPL": Recipe(GPL, {}, 1e-2, 60),
    "GPL, released form": Recipe(GPL, {"official": True}, 1e-2, 60),
}


class Result(NamedTuple):
    """What one training reached; figures are those of the task."""

    chosen: dict[str, float]  # on the test split, in the epoch that the validation split chooses
    test_choice: float  # the highest figure on the test split in any epoch
    epoch: int
    seconds: float  # of the processor


def built(recipe: Recipe, encoder: str, data: GraphDataModule, seed: int) -> GraphTraining:
    """A method with its networks, as a run with this seed would begin."""
    hidden = {"hidden": 8} if encoder == "GAT" else {}  # with 8 heads, as published

    def optimizer(params: Any) -> Adam:
        return Adam(params, lr=recipe.rate, weight_decay=5e-4)

    seed_everything(seed, verbose=False)  # Python's generator too, which torch_geometric draws missing edges from
    method = recipe.method(encoder=encoder, optimizer=optimizer, **hidden, **recipe.options)
    method.build(GraphShape(data.task, data.num_features, data.num_classes, data.largest_degree))
    return method


def epochs_of(method: GraphTraining, recipe: Recipe, data: GraphDataModule, state: Any = None, first: int = 0) -> Iterator[int]:
    """Train, and give the number of every epoch after it.

    Args:
        method: From :func:`built`.
        recipe: Its recipe.
        data: The data.
        state: Optimizer and schedule with which a part of the run was trained; None: new ones.
        first: Number of the first epoch.
    """
    made = state or method.configure_optimizers()
    optimizer, schedule = made["optimizer"], made["lr_scheduler"]
    batches = list(data.batches("train", data.batch_size))
    for epoch in range(first, recipe.epochs):
        method.train()
        for number in torch.randperm(len(batches)).tolist():
            optimizer.zero_grad()
            batch = Graphs(*batches[number])
            losses = method.losses_at(batch, epoch) if hasattr(method, "losses_at") else method.losses(batch)
            torch.stack(list(losses.values())).sum().backward()
            optimizer.step()
        schedule.step()
        yield epoch


class Watch:
    """Figures of validation and test split, every few epochs."""

    def __init__(self, method: GraphTraining, data: GraphDataModule) -> None:
        self.method, self.data, self.seen = method, data, []
        self.figure = "auc" if data.task == "edge" else "accuracy"
        self.started = time.process_time()

    def look(self, epoch: int) -> None:
        """Measure, if it is time."""
        if (epoch + 1) % EVERY == 0:
            found = {split: figures_of(*self.method.outputs(self.data.batches(split))) for split in SPLITS}
            self.seen.append((found["val"][self.figure], epoch, found["test"]))

    def result(self, seen: list[Any] | None = None) -> Result:
        """The result; the first of equally good epochs is chosen, as in the package."""
        seen = self.seen if seen is None else seen
        _, epoch, test = max(seen, key=lambda one: one[0])
        highest = max(one[2][self.figure] for one in seen)
        return Result(test, highest, epoch, round(time.process_time() - self.started, 2))


def trained(recipe: Recipe, encoder: str, data: GraphDataModule, seed: int) -> tuple[GraphTraining, Result]:
    """Train one network."""
    method = built(recipe, encoder, data, seed)
    watch = Watch(method, data)
    for epoch in epochs_of(method, recipe, data):
        watch.look(epoch)
    return method, watch.result()


def with_released(recipe: Recipe, encoder: str, data: GraphDataModule, seed: int) -> tuple[SES, dict[str, Result]]:
    """SES, and its released form, which differs only in the second phase and in who chooses the epoch."""
    from copy import deepcopy

    method: Any = built(recipe, encoder, data, seed)
    watch, joint = Watch(method, data), recipe._replace(epochs=method.joint_epochs)
    made = method.configure_optimizers()
    for epoch in epochs_of(method, joint, data, made):
        watch.look(epoch)
    copied = deepcopy((method, made))
    other, early = Watch(copied[0], data), list(watch.seen)
    for epoch in epochs_of(method, recipe, data, made, method.joint_epochs):
        watch.look(epoch)
    found = {"SES": watch.result()}
    copied[0].official = True
    for epoch in epochs_of(copied[0], recipe, data, copied[1], method.joint_epochs):
        other.look(epoch)
    found[RELEASED] = other.result(early + other.seen)
    return method, found
