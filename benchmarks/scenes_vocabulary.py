"""Write the vocabulary of the shipped ``scenes`` model: the merges of CLIP's tokenizer that the words of its world use.

    python -m benchmarks.scenes_vocabulary

The tokenizer splits these words exactly as CLIP's tokenizer does. Other words are split into bytes. The number of tokens is
part of the model's configuration, so weights that were trained before a change of words no longer fit.
"""

import argparse
import gzip
import itertools
import json
import re
from collections.abc import Iterable, Sequence

from oro_unlearn.networks.clip_weights import CONFIG, SCENES, VOCABULARY

HEADER = "merges of openai/CLIP's bpe_simple_vocab_16e6.txt (MIT, Copyright (c) 2021 OpenAI) that the scenes' words reach"


def merges_of(words: Iterable[str]) -> list[str]:
    """The merges that CLIP's byte-pair encoding makes on these words, one ``left right`` each, in CLIP's order."""
    from open_clip import SimpleTokenizer

    tokenizer = SimpleTokenizer()
    used: set[tuple[str, str]] = set()
    for word in words:
        for piece in tokenizer.pat.findall(tokenizer.clean_fn(word)):
            symbols = [tokenizer.byte_encoder[byte] for byte in piece.encode()]
            used |= _merges([*symbols[:-1], f"{symbols[-1]}</w>"], tokenizer.bpe_ranks)
    return [" ".join(merge) for merge in sorted(used, key=tokenizer.bpe_ranks.__getitem__)]


def _merges(symbols: list[str], ranks: dict[tuple[str, str], int]) -> set[tuple[str, str]]:
    """Merge the best-ranked pair until none is left; all pairs that were merged."""
    used = set()
    while pairs := [pair for pair in itertools.pairwise(symbols) if pair in ranks]:
        best = min(pairs, key=ranks.__getitem__)
        used.add(best)
        merged: list[str] = []
        for symbol in symbols:
            # a pair that was just merged is one symbol, so it cannot be half of the next pair
            if merged and (merged[-1], symbol) == best:
                merged[-1] += symbol
            else:
                merged.append(symbol)
        symbols = merged
    return used


def write(words: Iterable[str]) -> int:
    """Write the vocabulary file and the number of tokens into the configuration.

    Returns:
        Number of tokens: 256 bytes, 256 bytes that end a word, the merges, and the start and end of a text.
    """
    merges = merges_of(words)
    # no line end after the last merge: open_clip would read an empty one
    text = "\n".join([HEADER, *merges]).encode()
    (SCENES / VOCABULARY).write_bytes(gzip.compress(text, 9, mtime=0))
    size = 2 * 256 + len(merges) + 2
    config = (SCENES / CONFIG).read_text(encoding="utf-8")
    config = re.sub(r'("vocab_size": )\d+', rf"\g<1>{size}", config)
    assert json.loads(config)["model_cfg"]["text_cfg"]["vocab_size"] == size
    (SCENES / CONFIG).write_text(config, encoding="utf-8")
    return size


def main(args: Sequence[str] | None = None) -> None:
    """Write the vocabulary; a model trained with another one does not fit it."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args(args)
    from oro_unlearn.graph import Captions, load_graph

    words = [*Captions(load_graph("scenes")).vocabulary(), "a", "an"]
    print(f"{len(words)} words, {write(words)} tokens")


if __name__ == "__main__":
    main()
