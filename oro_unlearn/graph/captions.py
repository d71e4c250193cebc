"""Captions of concepts, in words that unlearning may use (train) and in words reserved for measuring (eval)."""

import itertools
import random
import re
from collections.abc import Collection, Iterator
from typing import Literal

from oro_unlearn.graph.relation_graph import Concept, RelationGraph, Triple
from oro_unlearn.graph.wording import with_article

Bank = Literal["train", "eval"]
TEMPLATES: dict[str, tuple[str, ...]] = {
    "train": ("a photo of {caption}", "a picture of {caption}", "this shows {caption}", "there is {caption} here"),
    "eval": ("a drawing of {caption}", "we can see {caption}", "an image showing {caption}", "look, {caption}"),
}
LONG_WORD = re.compile(r"[^\W\d_]{4,}")


class Captions:
    """Makes captions from a graph. The train and the eval bank share no wording, template, context or kind of typo.

    Args:
        graph: The graph. Its names are the plain words; its synonyms and phrases form the banks.

    Example:
        >>> from oro_unlearn.graph import Captions, load_graph
        >>> captions = Captions(load_graph("scenes"))
        >>> captions.plain(("child", "drinking", "milk"))
        'a child drinking milk'
        >>> captions.wordings(("milk",), "eval")
        ["cow's milk", 'a carton of milk']
    """

    def __init__(self, graph: RelationGraph) -> None:
        self.graph = graph
        self.templates = {bank: graph.templates.get(bank) or TEMPLATES[bank] for bank in TEMPLATES}
        self._words = frozenset(self.vocabulary())

    def plain(self, concept: Concept) -> str:
        """The concept by its names: "a child eating a hamburger", or "a hamburger" for (node,)."""
        things = [self._noun(name, name) for name in concept[::2]]
        return " ".join([things[0], concept[1], things[1]] if len(concept) == 3 else things)

    def wordings(self, concept: Concept, bank: Bank) -> list[str]:
        """All captions with at least one wording of the bank and names in the other slots, in file order, without templates."""
        choices = [self._nouns(concept[0], bank)]
        if len(concept) == 3:
            relation = self.graph.relations[concept[1]]
            choices += [[relation.name, *relation.phrases[bank]], self._nouns(concept[2], bank)]
        return list(dict.fromkeys(" ".join(words) for words in itertools.product(*choices)))[
            1:
        ]  # the first is the plain caption

    def sentences(self, caption: str, bank: Bank) -> list[str]:
        """The caption in each template of the bank."""
        return [template.replace("{caption}", caption) for template in self.templates[bank]]

    def say(
        self, concept: Concept, bank: Literal["plain", "train", "eval"], generator: random.Random, context: str = ""
    ) -> str:
        """A random caption.

        Args:
            concept: A triple or a node.
            bank: "plain" for the plain caption. Otherwise a wording of the bank, half of the time in one of its templates.
                A concept without wordings in the bank is always put into a template, which keeps the banks disjoint.
            generator: Source of randomness.
            context: A clause that ends the caption, such as "in a meadow".
        """
        wordings = [] if bank == "plain" else self.wordings(concept, bank)
        caption = generator.choice(wordings) if wordings else self.plain(concept)
        caption = f"{caption} {context}" if context else caption
        if bank == "plain" or (wordings and generator.random() < 0.5):
            return caption
        return generator.choice(self.sentences(caption, bank))

    def typo(self, caption: str, bank: Bank, generator: random.Random) -> str:
        """The caption with one typo in one word of at least four letters.

        Train: two neighbouring letters are swapped. Eval: a letter is dropped or doubled. The result is never another word of
        the graph.

        Returns:
            The caption, unchanged only if it has no word that can be misspelt.
        """
        options = [(match, _misspelt(match[0], bank) - self._words) for match in LONG_WORD.finditer(caption)]
        options = [(match, words) for match, words in options if words]
        if not options:
            return caption
        match, words = generator.choice(options)
        return caption[: match.start()] + generator.choice(sorted(words)) + caption[match.end() :]

    def hypernyms(self, triple: Triple, within: Collection[Triple]) -> list[str]:
        """Plain captions of the triples above ``triple`` that are in ``within``, in file order.

        A triple above has an ancestor as its subject, as its object, or as both.
        """
        subject, relation, thing = triple
        within = set(within)
        pairs = itertools.product(self.graph.ancestors(subject), self.graph.ancestors(thing))
        above = {Triple(s, relation, o) for s, o in pairs} - {triple}
        return [self.plain(general) for general in self.graph.ordered(above) if general in within]

    def vocabulary(self) -> list[str]:
        """All words that any caption can hold, sorted, in lower case; hyphens and apostrophes stay within a word."""
        words = itertools.chain.from_iterable(text.lower().replace("{caption}", " ").split() for text in self._texts())
        return sorted({word.strip('.,;:!?"()') for word in words} - {""} | {"a", "an"})

    def _texts(self) -> Iterator[str]:
        """Every piece of text that a caption can hold."""
        graph = self.graph
        yield from (*graph.objects, *graph.relations)
        banks = [*(node.synonyms for node in graph.objects.values()), *(r.phrases for r in graph.relations.values())]
        for bank in (*banks, graph.contexts, self.templates):
            yield from itertools.chain.from_iterable(bank.values())

    def _nouns(self, name: str, bank: Bank) -> list[str]:
        return [self._noun(name, word) for word in (name, *self.graph.objects[name].synonyms[bank])]

    def _noun(self, name: str, word: str) -> str:
        return with_article(word, self.graph.objects[name].mass)


def _misspelt(word: str, bank: Bank) -> set[str]:
    """All typos of a word: those of train keep its length, those of eval do not."""
    places = range(len(word))
    if bank == "train":
        return {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in places[:-1]} - {word}
    return {word[:i] + word[i + 1 :] for i in places} | {word[: i + 1] + word[i:] for i in places}
