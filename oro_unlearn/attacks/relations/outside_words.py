"""Words outside of a graph that a model holds close to given words: what the attacker says in their place."""

from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from oro_unlearn.attacks.relations.token_search import token_table

NEAREST = 32  # outside words of each word
SHORTEST = 3  # letters of a word that is replaced, and of an outside word
MARKS = ("</w>", "\u2581", "\u0120")  # with these, tokenisers mark where a word ends or begins


def outside_words(network: Any, words: Sequence[str], known: Collection[str]) -> dict[str, list[str]]:
    """For each word, the tokens whose embeddings have the highest cosine with it, as words, without the known words.

    No list of synonyms is needed, so this works for any graph and any CLIP model with a tokeniser that lists its tokens. What
    is close in the table of tokens need not mean the same; a search decides which of them serve.

    Args:
        network: An :class:`~oro_unlearn.networks.OpenCLIP`, as it is to be attacked.
        words: Words to replace. Short ones, such as articles, are left out.
        known: Words that are never returned, whatever their case: those of the graph.

    Returns:
        Up to 32 outside words by word, the closest first; empty if the tokeniser lists no tokens.
    """
    tokens = _tokens(getattr(network, "tokenizer", None))
    inside = {word.lower() for word in known}
    outside = [(text, number) for text, number in tokens.items() if text not in inside]
    asked = [word for word in dict.fromkeys(words) if len(word) >= SHORTEST]
    if not outside or not asked:
        return {}
    table = token_table(network).weight.detach().float().cpu()
    held = [(text, number) for text, number in outside if number < len(table)]
    vectors = normalize(table[[number for _, number in held]], dim=-1)
    found = {}
    for word in asked:
        own = _vector(network, table, word)
        if own is not None:
            places = (vectors @ own).topk(min(NEAREST, len(held))).indices.tolist()
            found[word] = list(dict.fromkeys(held[place][0] for place in places))
    return found


def _tokens(tokenizer: Any) -> dict[str, int]:
    """Tokens of letters alone, in lower case; a whole word comes before a part of a word with the same letters."""
    inner: Any = getattr(tokenizer, "tokenizer", None)
    entries = getattr(tokenizer, "encoder", None) or (inner.get_vocab() if hasattr(inner, "get_vocab") else {})
    found: dict[str, int] = {}
    for entry, number in sorted(entries.items(), key=lambda pair: not any(mark in pair[0] for mark in MARKS)):
        text = entry
        for mark in MARKS:
            text = text.replace(mark, "")
        if len(text) >= SHORTEST and text.isalpha() and text == text.lower():
            found.setdefault(text, number)
    return found


def _vector(network: Any, table: Tensor, word: str) -> Tensor | None:
    """The unit vector of a word: the mean of its tokens' embeddings, without the marks of begin and end."""
    row = network.tokenizer([word])[0]
    tokens = row[row != 0][1:-1]
    return None if not len(tokens) else normalize(table[torch.as_tensor(tokens)].mean(0), dim=-1)
