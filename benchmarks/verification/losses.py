"""Losses of the papers, transcribed in plain PyTorch. Imports nothing of the package.

Every loss takes a network, one batch ``(images, labels)`` for each split, named after the split, and the other quantities of
its equation. z are the logits (B, K), and p is their softmax.
"""

import math
from collections.abc import Callable, Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn

Data = tuple[Tensor, Tensor]  # images, labels


def descend(
    start: nn.Module,
    losses: Sequence[Callable[[nn.Module], Tensor]],
    optimizer: Callable[[list[nn.Parameter]], torch.optim.Optimizer],
    layers: Sequence[str] = ("",),
    statistics: bool = False,
    after: Callable[[nn.Module, torch.optim.Optimizer, int], None] | None = None,
    before: Callable[[nn.Module], None] | None = None,
) -> nn.Module:
    """One step of gradient descent for each loss.

    Args:
        start: The network; stays as it is.
        losses: The loss of each step.
        optimizer: Made of the parameters that are trained.
        layers: Prefixes of the names of these.
        statistics: Whether batch normalisation uses and updates the batch's statistics.
        after: Called after every step, with its number.
        before: Called between gradient and step.
    """
    network = deepcopy(start).requires_grad_(True)
    network.train(statistics)
    step = optimizer([value for name, value in network.named_parameters() if name.startswith(tuple(layers))])
    for number, loss in enumerate(losses):
        network.zero_grad()
        loss(network).backward()
        if before:
            before(network)
        step.step()
        if after:
            after(network, step, number)
    return network.eval()


def negative_log_likelihood(logits: Tensor, labels: Tensor) -> Tensor:
    """-log p(y) of each sample."""
    return torch.logsumexp(logits, 1) - logits[torch.arange(len(labels)), labels]


def cross_entropy(network: nn.Module, data: Data) -> Tensor:
    """Mean of -log p(y)."""
    return negative_log_likelihood(network(data[0]), data[1]).mean()


def smoothed_cross_entropy(network: nn.Module, data: Data, smoothing: float) -> Tensor:
    """Label smoothing (Szegedy et al., CVPR 2016): targets (1 - s) [k = y] + s / K."""
    log_p = network(data[0]).log_softmax(1)
    target = torch.full_like(log_p, smoothing / log_p.shape[1])
    target[torch.arange(len(data[1])), data[1]] += 1 - smoothing
    return -(target * log_p).sum(1).mean()


def soft_cross_entropy(network: nn.Module, images: Tensor, target: Tensor) -> Tensor:
    """-sum_k q(k) log p(k), the mean over samples."""
    return -(target * network(images).log_softmax(1)).sum(1).mean()


def divergence(target: Tensor, log_p: Tensor) -> Tensor:
    """KL(q || p) of each sample, from q and log p, with 0 log 0 = 0."""
    return (torch.special.xlogy(target, target) - target * log_p).sum(1)


def l1_norm(network: nn.Module) -> Tensor:
    """Sum of all parameters' absolute values (Jia et al.)."""
    return sum((value.abs().sum() for value in network.parameters()), torch.zeros(()))


def l1_weight(alpha: float, epoch: int, epochs: int, without: int) -> float:
    """Falls linearly, and is 0 in the last epochs (unlearn/FT.py)."""
    return alpha * (1 - epoch / (epochs - without)) if epoch < epochs - without else 0.0


def reweighted(probabilities: Tensor, forgotten: Sequence[int]) -> Tensor:
    """q*(k) = p(k) / (1 - p(F)) of a retained class, 0 of a forgotten one (RWFT)."""
    kept = probabilities.clone()
    kept[:, list(forgotten)] = 0
    return kept / kept.sum(1, keepdim=True)


def moved_to_largest(probabilities: Tensor, forgotten: Sequence[int]) -> Tensor:
    """The forgotten probability goes to the likeliest retained class."""
    moved, kept = probabilities.clone(), reweighted(probabilities, forgotten)
    moved[:, list(forgotten)] = 0
    moved[torch.arange(len(moved)), kept.argmax(1)] += probabilities[:, list(forgotten)].sum(1)
    return moved


def tilted(probabilities: Tensor, labels: Tensor, similarity: Tensor, beta: float, forgotten: Sequence[int]) -> Tensor:
    """q(k) in proportion to p(k) exp(beta s(k)) over the retained classes (TREW); similarity (K, K) by [label, k]."""
    return reweighted(probabilities * torch.exp(beta * similarity[labels]), forgotten)


def own_label_masked(logits: Tensor, labels: Tensor) -> Tensor:
    """Softmax with the own label's logit at -1e10 (DELETE, method/delete.py)."""
    masked = logits.clone()
    masked[torch.arange(len(labels)), labels] = -1e10
    return masked.softmax(1)


def softened_divergence(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T^2 KL(teacher || student) of logits softened by T, summed over classes and divided by the samples (helper/KD.py)."""
    target, log_p = (teacher / temperature).softmax(1), (student / temperature).log_softmax(1)
    return temperature**2 * divergence(target, log_p).mean()


def two_teachers(student: Tensor, teachers: Sequence[Tensor], forgotten: Tensor, temperature: float) -> Tensor:
    """Bad teaching, as its code takes the mean: over samples and classes.

    Args:
        student: Logits (B, K) of forget and retain samples together.
        teachers: Logits (B, K) of the incompetent and of the competent teacher on all of them.
        forgotten: (B,) 1 for forget samples, 0 for others.
        temperature: Of all three.
    """
    bad, good = ((logits / temperature).softmax(1) for logits in teachers)
    share = forgotten[:, None].to(bad)
    target = share * bad + (1 - share) * good
    return divergence(target, (student / temperature).log_softmax(1)).mean() / student.shape[1]


def bounded_ascent(network: nn.Module, data: Data) -> Tensor:
    """Minus the cross-entropy, of each sample at most log K."""
    logits = network(data[0])
    return -torch.minimum(negative_log_likelihood(logits, data[1]), logits.new_tensor(math.log(logits.shape[1]))).mean()


class Widened(nn.Module):
    """A network whose head has one more row."""

    def __init__(self, network: nn.Module, row: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.network = deepcopy(network)
        head = self.network.fc
        wide = nn.Linear(head.in_features, head.out_features + 1).to(head.weight.dtype)
        with torch.no_grad():
            wide.weight.copy_(torch.cat([head.weight, row]))
            wide.bias.copy_(torch.cat([head.bias, bias]))
        self.network.fc = wide

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, K + 1)."""
        return self.network(images)

    def pruned(self) -> nn.Module:
        """Without the added row."""
        network, wide = deepcopy(self.network), self.network.fc
        narrow = nn.Linear(wide.in_features, wide.out_features - 1).to(wide.weight.dtype)
        with torch.no_grad():
            narrow.weight.copy_(wide.weight[:-1])
            narrow.bias.copy_(wide.bias[:-1])
        network.fc = narrow
        return network
