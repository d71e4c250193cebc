"""Searches that need the weights of the text tower: by gradients over words, and over the embeddings of a prompt."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from oro_unlearn.attacks.relations.caption_search import Found, Score

WORDS = 8  # of a caption, and vectors of a prompt
BEST = 32  # words that the gradient proposes for each place
RATE = 0.1  # of a step of Adam, in standard deviations of the embedding table


def token_of(network: Any, words: Sequence[str]) -> dict[str, int]:
    """Tokens of the words that are a single token, by word.

    Args:
        network: An :class:`~oro_unlearn.networks.OpenCLIP`.
        words: The words.
    """
    rows = ((word, network.tokenizer([word])[0]) for word in words)
    return {word: int(row[1]) for word, row in rows if int((row != 0).sum()) == 3}


def gradient_search(
    network: Any, direction: Tensor, score: Score, words: Sequence[str], start: str, steps: int, batch: int, seed: int
) -> Found | None:
    """Greedy coordinate gradient (Zou et al., arXiv 2307.15043) over words that are single tokens.

    In every step, the gradient of the score with respect to each place's one-hot token ranks the words for this place. A random
    batch of captions, each with one word replaced by one of the best words, is scored exactly. The best of them is the next
    caption, even if it is worse.

    Args:
        network: An :class:`~oro_unlearn.networks.OpenCLIP`, as it is to be attacked.
        direction: (D,) the score of a caption is the product of its unit vector with this vector.
        score: Exact scores of captions in this direction.
        words: Words of the attacker.
        start: Caption to start from. Words that are several tokens are left out, and random words are added.
        steps: Number of gradients.
        batch: Number of captions that are scored in each step.
        seed: Seed of the draws.

    Returns:
        The best caption; None if the tokeniser has too few of the words as single tokens, or joins them.
    """
    draw, tokens = random.Random(seed), token_of(network, words)
    names = list(tokens)
    if len(names) < 2:
        return None
    caption = [word for word in start.split() if word in tokens][:WORDS]
    caption += [draw.choice(names) for _ in range(WORDS - len(caption))]
    if network.tokenize([" ".join(caption)])[0, 1 : WORDS + 1].tolist() != [tokens[word] for word in caption]:
        return None
    ids = torch.tensor([tokens[word] for word in names])
    best = Found(" ".join(caption), float(score([" ".join(caption)])[0]))
    for _ in range(steps):
        gains = _gains(network, caption, direction, ids)  # (WORDS, len(names))
        proposed = gains.topk(min(BEST, len(names))).indices.tolist()
        tried = []
        for _ in range(batch):
            place = draw.randrange(WORDS)
            tried.append([*caption[:place], names[draw.choice(proposed[place])], *caption[place + 1 :]])
        scores = score([" ".join(other) for other in tried])
        caption = tried[int(scores.argmax())]
        best = max(best, Found(" ".join(caption), float(scores.max())), key=lambda found: found.score)
    return best


def _gains(network: Any, caption: Sequence[str], direction: Tensor, ids: Tensor) -> Tensor:
    """Gradient of the score with respect to the one-hot token of each place, for some tokens: (WORDS, len(ids))."""
    table = token_table(network).weight.detach()
    # Lightning measures in inference mode, where nothing has a gradient
    with torch.inference_mode(False), torch.enable_grad():
        tokens = network.tokenize([" ".join(caption)]).clone()
        vectors = table[tokens[:, 1 : WORDS + 1]].float().clone().requires_grad_()
        score = (_encoded(network, tokens, vectors)[0] * direction.detach().clone()).sum()
        (gradient,) = torch.autograd.grad(score, vectors)
    return gradient[0] @ table[ids.to(table.device)].float().T


def prompt_search(network: Any, direction: Tensor, words: Sequence[str], steps: int, restarts: int, seed: int) -> Tensor | None:
    """Optimise the token embeddings of a short prompt by Adam. The prompt is no text: it bounds what captions can reach.

    Args:
        network: An :class:`~oro_unlearn.networks.OpenCLIP`, as it is to be attacked.
        direction: (D,) the score of a prompt is the product of its unit vector with this vector.
        words: Words of the attacker; the prompts start from random words.
        steps: Steps of Adam.
        restarts: Number of prompts, which are optimised together; the best one counts.
        seed: Seed of the draws.

    Returns:
        (D,) unit vector of the best prompt; None if the tokeniser has none of the words as single tokens.
    """
    draw, tokens = random.Random(seed), token_of(network, words)
    ids = list(tokens.values())
    if not ids:
        return None
    table = token_table(network).weight.detach()
    device = table.device
    with torch.inference_mode(False), torch.enable_grad():
        goal = direction.detach().clone()
        name = next(iter(tokens))
        frame = network.tokenize([" ".join([name] * WORDS)]).clone().repeat(restarts, 1)
        chosen = torch.tensor([[draw.choice(ids) for _ in range(WORDS)] for _ in range(restarts)], device=device)
        vectors = table[chosen].float().clone().requires_grad_()
        optimizer = torch.optim.Adam([vectors], lr=RATE * float(table.float().std()))
        best, best_score = goal, -float("inf")
        for step in range(steps + 1):
            features = _encoded(network, frame, vectors)
            scores = features @ goal
            if float(scores.detach().max()) > best_score:
                best, best_score = features[int(scores.argmax())].detach(), float(scores.detach().max())
            if step < steps:
                (vectors.grad,) = torch.autograd.grad(-scores.sum(), vectors)
                optimizer.step()
    return best


def _encoded(network: Any, tokens: Tensor, vectors: Tensor) -> Tensor:
    """Unit vectors (B, D) of token rows whose places 1 to W have these embeddings (B, W, E)."""
    with _placed(network, vectors), torch.autocast(tokens.device.type, enabled=False):
        return network.encode_text(tokens)


@contextmanager
def _placed(network: Any, vectors: Tensor) -> Iterator[None]:
    """Within the block, the embedding layer returns these vectors for places 1 to W, whatever the tokens are."""

    def place(layer: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        rest = output.detach()
        return torch.cat([rest[:, :1], vectors.to(rest), rest[:, 1 + vectors.shape[1] :]], 1)

    hook = token_table(network).register_forward_hook(place)
    try:
        yield
    finally:
        hook.remove()


def token_table(network: Any) -> nn.Embedding:
    """The text tower's table of tokens, (number of tokens, E): the largest embedding of the model.

    Args:
        network: An :class:`~oro_unlearn.networks.OpenCLIP`.
    """
    tables = [module for module in network.model.modules() if isinstance(module, nn.Embedding)]
    return max(tables, key=lambda table: table.num_embeddings)
