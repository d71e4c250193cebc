"""Closed-form edits and steps before training, transcribed in plain PyTorch and NumPy. Imports nothing of the package."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Floats = NDArray[np.float64]
Data = tuple[Tensor, Tensor]  # images, labels; or weight, bias


def similarity(rows: Tensor, forgotten: Sequence[int], dimensions: int, temperature: float) -> Tensor:
    """How similar the head's rows (K, D) are, (K, K) by [forgotten, other].

    Softmax over the retained classes of the cosine of their coordinates in the first principal directions.
    """
    centred = rows.numpy() - rows.numpy().mean(0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    points = centred @ directions[:, ::-1][:, :dimensions]
    points = points / np.linalg.norm(points, axis=1, keepdims=True)
    scores = np.exp(points @ points.T / temperature)
    scores[:, list(forgotten)] = 0
    return torch.from_numpy(scores / scores.sum(1, keepdims=True))


class Adapted(nn.Module):
    """x + Cx where a stage begins, with C = 0 at first, and A z + a behind the head, with A = I and a = 0."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = deepcopy(network).requires_grad_(False)
        kind, outputs = self.network.fc.weight.dtype, self.network.fc.out_features
        channels = self.network.layer3[0].in_channels
        self.inner = nn.Conv2d(channels, channels, 1, bias=False).to(kind)
        self.outer = nn.Linear(outputs, outputs).to(kind)
        with torch.no_grad():
            self.inner.weight.zero_()
            self.outer.weight.copy_(torch.eye(outputs))
            self.outer.bias.zero_()

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, K)."""
        hidden = self.network.layer2(self.network.layer1(images.to(self.outer.weight.dtype)))
        hidden = self.network.layer3(hidden + self.inner(hidden))
        return self.outer(self.network.fc(hidden.mean((2, 3))))


def gradients(network: nn.Module, loss: Callable[[nn.Module], Tensor]) -> list[Tensor]:
    """Of a loss by every parameter, in eval mode."""
    copy = deepcopy(network).requires_grad_(True).eval()
    return list(torch.autograd.grad(loss(copy), list(copy.parameters())))


def log_likelihood(network: nn.Module, data: Data) -> Tensor:
    """Of each sample, log p(y)."""
    return network(data[0]).log_softmax(1)[torch.arange(len(data[1])), data[1]]


def importances(network: nn.Module, batches: Sequence[Data]) -> list[Tensor]:
    """Mean over batches of the squared gradient of the batch's mean cross-entropy (SSD, ssd.py)."""
    squares = [[g**2 for g in gradients(network, lambda n, b=batch: -log_likelihood(n, b).mean())] for batch in batches]
    return [sum(parts) / len(batches) for parts in zip(*squares, strict=True)]


def dampened(
    weights: Sequence[Tensor], of_all: Sequence[Tensor], of_forgotten: Sequence[Tensor], alpha: float, lam: float
) -> list[Tensor]:
    """Weights times min(lambda I_D / I_f, 1) where I_f > alpha I_D (Foster et al.)."""
    edited = []
    for theta, everything, forgotten in zip(weights, of_all, of_forgotten, strict=True):
        beta = np.minimum(lam * everything.numpy() / np.where(forgotten.numpy() > 0, forgotten.numpy(), np.inf), 1)
        chosen = forgotten.numpy() > alpha * everything.numpy()
        edited.append(torch.from_numpy(np.where(chosen, beta * theta.detach().numpy(), theta.detach().numpy())))
    return edited


def layer_inputs(network: nn.Module, images: Tensor) -> dict[str, Floats]:
    """What enters every convolution and linear layer, (d, n): a column for each position it looks at."""
    found: dict[str, Floats] = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            found[name] = columns(layer, inputs[0].detach().numpy())

        return hook

    copy = deepcopy(network).eval()
    for name, layer in copy.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_pre_hook(keep(name))
    with torch.no_grad():
        copy(images)
    return found


def columns(layer: nn.Module, x: Floats) -> Floats:
    """Patches of a convolution's input (B, C, H, W), or the rows of a linear layer's, as columns."""
    if isinstance(layer, nn.Linear):
        return x.T
    (kernel, _), (stride, _), (padding, _) = layer.kernel_size, layer.stride, layer.padding
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    places = [range(0, size - kernel + 1, stride) for size in x.shape[2:]]
    patches = [x[:, :, i : i + kernel, j : j + kernel].reshape(len(x), -1) for i in places[0] for j in places[1]]
    return np.concatenate(patches).T


def scaled_projection(x: Floats, alpha: float) -> Floats:
    """U diag(alpha r / ((alpha - 1) r + 1)) U' , r the shares of squared singular values (Kodge et al.)."""
    directions, values, _ = np.linalg.svd(x, full_matrices=False)
    shares = values**2 / (values**2).sum()
    return directions * (alpha * shares / ((alpha - 1) * shares + 1)) @ directions.T


def projected(weight: Floats, retain: Floats, forget: Floats, alphas: tuple[float, float]) -> Floats:
    """W (I - (P_f - P_f P_r))', for W of (outputs, d) (Kodge et al.)."""
    kept, removed = scaled_projection(retain, alphas[0]), scaled_projection(forget, alphas[1])
    return weight @ (np.eye(len(kept)) - (removed - removed @ kept)).T


def mapped(weight: Floats, retain: tuple[Floats, Floats], forget: tuple[Floats, Floats], keep: float, ridge: float) -> Floats:
    """W (I + P), with P by stacked least squares; each side is inputs (d, places x images) and classes (images,)."""
    (x, labels), (moved, nearest), size = retain, forget, len(weight.T)
    by_place = x.reshape(size, -1, len(labels))
    goals = np.stack([by_place[:, :, labels == number].mean(2) for number in nearest], 2).reshape(size, -1)
    parts = [moved / moved.shape[1] ** 0.5, x * (keep / x.shape[1]) ** 0.5]
    strength = ridge * sum((part**2).sum() for part in parts) / size
    rows = np.concatenate([*(part.T for part in parts), strength**0.5 * np.eye(size)])
    wanted = np.zeros_like(rows)
    wanted[: moved.shape[1]] = (goals - moved).T / moved.shape[1] ** 0.5
    return weight @ (np.eye(size) + np.linalg.lstsq(rows, wanted, rcond=None)[0].T)


def separated(x: Floats, signs: Floats, weights: Floats, ridge: float) -> Floats:
    """The minimum of a weighted squared hinge with a ridge, by least squares on what is inside the margin."""
    direction, strength = np.zeros(x.shape[1]), (ridge * (x**2).mean()) ** 0.5 * np.eye(x.shape[1])
    for _ in range(50):
        inside = signs * (x @ direction) < 1
        root = weights[inside] ** 0.5
        rows = np.concatenate([x[inside] * root[:, None], strength])
        wanted = np.concatenate([signs[inside] * root, np.zeros(x.shape[1])])
        direction = np.linalg.lstsq(rows, wanted, rcond=None)[0]
    return direction


def saliency(network: nn.Module, data: Data, share: float) -> list[Tensor]:
    """1 on the share of coordinates with the largest |gradient| of the forget loss, else 0 (SalUn)."""
    slopes = [g.abs() for g in gradients(network, lambda n: -log_likelihood(n, data).sum())]
    everything = np.sort(np.concatenate([slope.numpy().ravel() for slope in slopes]))
    threshold = everything[len(everything) - round(share * len(everything))]
    return [(slope >= threshold).to(slope) for slope in slopes]


def across(network: nn.Module, pixels: Tensor, labels: Tensor, normalise: Callable[[Tensor], Tensor], bound: float) -> Tensor:
    """clip(x + bound sign(d CE / dx)) in 1/255 (Boundary Shrink; adv_generator.py)."""
    x = pixels.clone().requires_grad_()
    (slope,) = torch.autograd.grad(-log_likelihood(network, (normalise(x), labels)).mean(), x)
    return torch.round((pixels + bound * slope.sign()).clamp(0, 1) * 255) / 255


def steps_in_the_ball(
    network: nn.Module, pixels: Tensor, labels: Tensor, normalise: Callable[[Tensor], Tensor], radius: float, steps: int
) -> Tensor:
    """Steps of a tenth of the radius along the normalised gradient of the CE, projected on the ball and on [0, 1].

    AMUN; pgdl2_modified_better.py. An image stops where the network no longer says its label.
    """
    moved = pixels.clone()
    for number in range(len(pixels)):
        x, start, label = pixels[number : number + 1], pixels[number : number + 1], labels[number : number + 1]
        for _ in range(steps):
            x = x.detach().requires_grad_()
            logits = network(normalise(x))
            if logits.argmax(1) != label:
                break
            (slope,) = torch.autograd.grad(-logits.log_softmax(1)[0, label], x)
            offset = x.detach() + radius / 10 * slope / slope.norm() - start
            x = (start + offset * min(1.0, float(radius / offset.norm()))).clamp(0, 1)
        moved[number : number + 1] = x.detach()
    return moved


def error_maximising(
    network: nn.Module,
    start: Tensor,
    label: int,
    steps: int,
    rate: float,
    penalty: float,
    betas: tuple[float, float] = (0.9, 0.999),
) -> Tensor:
    """Adam, written out, on penalty * mean |N|^2 - CE(f(N), label) (UNSIR; the authors' notebook)."""
    noise, first, second = start.clone(), torch.zeros_like(start), torch.zeros_like(start)
    for number in range(1, steps + 1):
        x = noise.clone().requires_grad_()
        loss = log_likelihood(network, (x, torch.full((len(x),), label))).mean() + penalty * (x**2).sum((1, 2, 3)).mean()
        (slope,) = torch.autograd.grad(loss, x)
        first, second = betas[0] * first + (1 - betas[0]) * slope, betas[1] * second + (1 - betas[1]) * slope**2
        corrected = first / (1 - betas[0] ** number), second / (1 - betas[1] ** number)
        noise = noise - rate * corrected[0] / (corrected[1].sqrt() + 1e-8)
    return noise


def moved_by_depth(original: nn.Module, fresh: nn.Module, exponent: float) -> dict[str, Tensor]:
    """(1 - d^e) original + d^e fresh, for layers in order at depth d = 1/n, ..., 1."""
    layers = [name for name, module in original.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    order = [name for name, _ in original.named_parameters()]
    starts = [order.index(f"{layer}.weight") for layer in layers] + [len(order)]
    new, old, edited = dict(fresh.named_parameters()), dict(original.named_parameters()), {}
    for number, (begin, end) in enumerate(pairwise(starts), start=1):
        part = (number / len(layers)) ** exponent
        edited |= {name: (1 - part) * old[name].detach() + part * new[name].detach() for name in order[begin:end]}
    return edited


def mean_ablated(layers: nn.Sequential, inputs: Tensor, units: Sequence[int]) -> Floats:
    """Output (B, P, D) of linear, GELU, linear on inputs (B, P, E), where hidden units are replaced by their means."""
    first, _, last = layers
    hidden = nn.functional.gelu(first(inputs)).detach().numpy().copy()
    for unit in units:
        hidden[..., unit] = hidden[..., unit].mean()
    return np.asarray(hidden @ last.weight.detach().numpy().T + last.bias.detach().numpy())


def path_scores(
    inputs: Tensor, ups: Sequence[Data], downs: Sequence[Data], tokens: list[int], steps: int, top: int, squared: bool
) -> list[Tensor]:
    """Scores of the neurons of two residual MLPs of one sample: mean over points of gradient times value, or of its square.

    The neurons of the second layer go from 0 to their values while the ``top`` best of the first layer go along.

    Args:
        inputs: (T, D).
        ups: Weight and bias of the layers that make the neurons.
        downs: Weight and bias of the layers that read them.
        tokens: Where neurons count.
        steps: Number of midpoints.
        top: Path neurons of the first layer.
        squared: Whether each token sum is squared.
    """

    def made(layer: int, hidden: Tensor) -> Tensor:
        z = hidden @ ups[layer][0].T + ups[layer][1]
        return z * (1 + torch.erf(z / 2**0.5)) / 2

    def onwards(layer: int, hidden: Tensor, neurons: Tensor) -> Tensor:
        hidden = hidden + neurons @ downs[layer][0].T + downs[layer][1]
        return hidden + hidden.mean(0)

    first = made(0, inputs)
    second = made(1, onwards(0, inputs, first))
    found: list[Tensor] = []
    for layer, clean in enumerate((first, second)):
        parts = []
        for step in range(steps):
            t = (step + 0.5) / steps
            start, moved = first.clone(), (t * clean[tokens]).requires_grad_()
            for token in tokens:
                for neuron in found[0].argsort(descending=True)[:top].tolist() if found else ():
                    start[token, neuron] *= t
            hidden = onwards(0, inputs, start.index_put((torch.tensor(tokens),), moved) if layer == 0 else start)
            last = made(1, hidden)
            loss = onwards(1, hidden, last.index_put((torch.tensor(tokens),), moved) if layer == 1 else last).sum().sin()
            (slope,) = torch.autograd.grad(loss, moved)
            share = (slope * clean[tokens]).sum(0)
            parts.append(share**2 if squared else share)
        found.append(torch.stack(parts).mean(0))
    return found
