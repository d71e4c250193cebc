"""What each neuron adds to a quantity, layer by layer along a path (MIP-Editor, arXiv 2511.06793)."""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

import torch
from rich.progress import track
from torch import Tensor

from oro_unlearn.networks.neurons.layer_points import TokenPlaces, written
from oro_unlearn.networks.neurons.neuron_layer import NeuronLayer
from oro_unlearn.user_error import UserError

Losses = Callable[[Tensor], Tensor]
Method = Literal["integrated", "fisher", "official"]


def path_scores(
    layers: Sequence[NeuronLayer],
    losses: Losses,
    positions: Tensor,
    samples: int,
    top_k: int,
    steps: int = 4,
    method: Method = "integrated",
    batch_size: int = 64,
    progress: str = "",
) -> list[Tensor]:
    """Scores of all neurons, one layer after the other, with the path through the earlier layers moving along.

    A path has ``top_k`` neurons in each layer, for each sample its own. Layers are scored from shallow to deep. To score a
    layer, its neurons go from 0 to their clean values at the tokens ``positions``. The path's neurons of all earlier layers
    move along; the earlier layers' other neurons keep their clean values there. The ``top_k`` neurons with the highest scores
    join the path. A score says how much a neuron *raises* ``losses``: pass a quantity that is high because the network knows
    something, such as the log-likelihood of an answer. With a cross entropy, the path would be of neurons that hinder it.

    With z(t) for the moving values, a for the clean ones, g for the gradient of the loss at z(t), and m = ``steps``::

        integrated   1/m sum_t sum_tokens g a          t = (i + 1/2) / m, i = 0 .. m - 1
        fisher       1/m sum_t (sum_tokens g a)^2
        official     [ sum_t (z^2 + sum_path z^2) ] [ (a + sum_path a) / m ], z = (g - mean_t g) / std_t g

    ``integrated`` is complete: the scores of a layer and :func:`path_shares` add up to the change of the loss between t = 0 and
    1. The authors' code multiplies the sum of all gradients, with those of the path, by the sum of all steps. That product has
    mixed terms of one neuron's gradient and another's step, and adds up to nothing. Its left Riemann sum has an error of order
    1/m; that of midpoints, 1/m^2, which takes 128 steps to 1e-4. The code also keeps only the last path neuron of each layer.
    What all path neurons share adds the same to every neuron of the layer, so it is left out here: it changes no ranking.

    ``fisher`` is the empirical Fisher information of a factor at the neuron (Theis et al. 2018, arXiv 1801.05787): the mean
    squared gradient with the step inside of the square, so that the scale of a neuron's values cancels. ``official`` is what
    the authors' code computes for images. Its squared z-scores add up to m - 1 for every neuron, so it ranks by a alone. It
    is there to show that.

    Args:
        layers: The layers, shallow to deep.
        losses: Runs the network on the samples of ``rows`` (int64 (R,), may repeat) and returns one number a row, (R,). The
            network is in eval mode.
        positions: Mask (samples, tokens) bool of the tokens whose neurons count, the same in all layers. See
            :class:`TokenPlaces` for the hidden states that this fits. If the samples have different numbers of tokens in packed
            hidden states, call this for each sample.
        samples: Number of samples.
        top_k: Neurons of a layer in a path. 0: no path, every layer is scored alone.
        steps: m.
        method: ``integrated``, ``fisher`` or ``official``.
        batch_size: Most rows that are run at once; one row is a sample at one step.
        progress: What a progress bar says; empty for none.

    Returns:
        Scores (samples, W) float32 of each layer.

    Raises:
        UserError: If the network is not in eval mode, a layer is not reached, or hidden states do not fit ``positions``.
    """
    if any(layer.reader.training for layer in layers):
        raise UserError("scores need a network in eval mode, without dropout")
    if len(positions) != samples or min(samples, top_k + 1, steps, batch_size) < 1 or (method == "official" and steps < 2):
        raise UserError("positions have a row for each sample; steps and batch_size are 1 or more, official steps 2")
    run = _Run(list(layers), losses, TokenPlaces(positions), samples, batch_size)
    path: list[Tensor] = []
    scores: list[Tensor] = []
    for _ in track(layers, progress, transient=True, disable=not progress):
        chunks = [_scores(gradients, method) for gradients in run.gradients(path, steps)]
        scores.append(torch.cat(chunks))
        path.append(scores[-1].topk(min(top_k, scores[-1].shape[1]), dim=1).indices)
    return scores


def path_shares(
    layers: Sequence[NeuronLayer],
    losses: Losses,
    positions: Tensor,
    path: Sequence[Tensor],
    steps: int = 4,
    batch_size: int = 64,
) -> Tensor:
    """What the path through the earlier layers adds while the next layer is scored, (samples,) float32.

    Args:
        layers: As in :func:`path_scores`.
        losses: As in :func:`path_scores`.
        positions: As in :func:`path_scores`.
        path: Neurons (samples, k) int64 of each of the first layers; the layer after them is the one that is scored.
        steps: m.
        batch_size: As in :func:`path_scores`.
    """
    run = _Run(list(layers), losses, TokenPlaces(positions), len(positions), batch_size)
    return torch.cat([
        torch.stack([(slope * clean[:, None]).mean(1).sum((1, 2)) for slope, clean in found.path]).sum(0)
        for found in run.gradients(list(path), steps)
    ])  # fmt: skip


class _Gradients(NamedTuple):
    """Gradients of some samples at all steps, and clean values; tokens that do not count have zeros."""

    own: Tensor  # (S, m, C, W)
    clean: Tensor  # (S, C, W)
    path: list[tuple[Tensor, Tensor]]  # the same of each earlier layer's path neurons: (S, m, C, k) and (S, C, k)


class _Run:
    """The network with points of an integral written into its layers.

    Args:
        layers: The layers.
        losses: As in :func:`path_scores`.
        places: The tokens that count.
        samples: Number of samples.
        batch_size: Most rows of a run.
    """

    def __init__(self, layers: list[NeuronLayer], losses: Losses, places: TokenPlaces, samples: int, batch_size: int) -> None:
        self.layers, self.losses, self.places, self.batch_size = layers, losses, places, batch_size
        self.all_rows = torch.arange(samples, device=places.index.device)
        self.clean = self._clean()  # (samples, C, W) float32 of each layer

    @torch.no_grad()
    def _clean(self) -> list[Tensor]:
        found: list[list[Tensor]] = [[] for _ in self.layers]
        for rows in self.all_rows.split(self.batch_size):

            def keep(number: int, hidden: Tensor, rows: Tensor = rows) -> None:
                found[number].append(self.places.read(hidden, rows).float())

            with written(self.layers, keep):
                self.losses(rows)
        unread = [layer.name for layer, parts in zip(self.layers, found, strict=True) if not parts]
        if unread:
            raise UserError(f"the loss does not run {', '.join(unread)}")
        return [torch.cat(parts) for parts in found]

    def gradients(self, path: list[Tensor], steps: int) -> Iterator[_Gradients]:
        """Gradients of the layer behind the path, for as many samples at once as a batch holds.

        Args:
            path: Neurons (samples, k) int64 of each earlier layer.
            steps: m.
        """
        times = (torch.arange(steps, device=self.all_rows.device) + 0.5) / steps
        for samples in self.all_rows.split(max(1, self.batch_size // steps)):
            rows, at = samples.repeat_interleave(steps), times.repeat(len(samples))
            parts = [
                self._slopes(path, own_rows, own_times)
                for own_rows, own_times in zip(rows.split(self.batch_size), at.split(self.batch_size), strict=True)
            ]
            slopes = [torch.cat(part).unflatten(0, (-1, steps)) for part in zip(*parts, strict=True)]
            moved = [self._at(clean, neurons, samples) for clean, neurons in zip(self.clean, path, strict=False)]
            yield _Gradients(slopes[-1], self.clean[len(path)][samples], list(zip(slopes[:-1], moved, strict=True)))

    @staticmethod
    def _at(clean: Tensor, neurons: Tensor, rows: Tensor) -> Tensor:
        """Clean values (R, C, k) of path neurons."""
        own = clean[rows]
        return own.gather(2, neurons[rows][:, None].expand(-1, own.shape[1], -1))

    @torch.enable_grad()
    def _slopes(self, path: list[Tensor], rows: Tensor, times: Tensor) -> list[Tensor]:
        """Gradients of one run: (R, C, k) of each earlier layer's path neurons, then (R, C, W) of the layer behind."""
        at = times[:, None, None]
        moved = [self._at(clean, neurons, rows) * at for clean, neurons in zip(self.clean, path, strict=False)]
        leaves = [value.detach().requires_grad_() for value in (*moved, self.clean[len(path)][rows] * at)]

        def write(number: int, hidden: Tensor) -> Tensor:
            values = leaves[number]
            if number < len(path):
                clean = self.clean[number][rows]
                values = clean.scatter(2, path[number][rows][:, None].expand(-1, clean.shape[1], -1), values)
            return self.places.write(hidden, rows, values)

        with written(self.layers[: len(leaves)], write):
            total = self.losses(rows).sum()
        slopes = torch.autograd.grad(total, leaves, allow_unused=True)
        return [torch.zeros_like(leaf) if slope is None else slope for leaf, slope in zip(leaves, slopes, strict=True)]


def _scores(found: _Gradients, method: Method) -> Tensor:
    """Scores (S, W) of the layer behind the path."""
    if method == "official":
        steps = found.own.shape[1]
        mixed = z_scored_squares(found.own).sum(1)  # (S, W)
        step = found.clean.sum(1)
        for slope, clean in found.path:
            mixed = mixed + z_scored_squares(slope).sum((1, 2))[:, None]
            step = step + clean.sum((1, 2))[:, None]
        return mixed * step / steps
    shares = (found.own * found.clean[:, None]).sum(2)  # (S, m, W)
    return (shares.square() if method == "fisher" else shares).mean(1)


def z_scored_squares(gradients: Tensor) -> Tensor:
    """Squared z-scores of gradients over the steps, added up over the steps: m - 1 for every neuron whose gradient varies.

    Args:
        gradients: (S, m, C, W).

    Returns:
        (S, C, W); 0 where the gradient does not vary.
    """
    deviation, mean = torch.std_mean(gradients, dim=1, keepdim=True)
    return ((gradients - mean) / deviation.clamp(min=torch.finfo(gradients.dtype).tiny)).square().sum(1)
