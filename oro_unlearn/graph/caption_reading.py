"""Find the tuple of a graph that a free caption states, and the names of the graph that it mentions."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from oro_unlearn.graph.captions import Captions
from oro_unlearn.graph.relation_graph import Concept, RelationGraph, Triple
from oro_unlearn.graph.wording import ARTICLES, MAX_WORDS, plain_words

OPENINGS = ("photo of", "photograph of", "picture of", "image of", "this is", "there is", "there are")
LINKING = ("is", "are", "was", "were")  # ignored, as in "a child is eating a hamburger"
PLACES = ("in", "on", "at", "inside", "outside", "during", "against", "by", "near")
LONGEST_PLACE = 6  # most words of a place clause after the tuple, without articles
ENDINGS = (("ies", "y"), ("ing", ""), ("ed", ""), ("es", ""), ("s", ""), ("e", ""))
IRREGULAR = {
    **{"children": "child", "people": "person", "men": "man", "women": "woman", "mice": "mouse", "feet": "foot"},
    **{"ate": "eating", "eaten": "eating", "drank": "drinking", "drunk": "drinking", "held": "holding"},
    **{"stood": "standing", "threw": "throwing", "thrown": "throwing", "ran": "running", "rode": "riding", "wore": "wearing"},
}


class Reading(NamedTuple):
    """The concept that a caption states."""

    concept: Concept  # a valid tuple, or one object
    words: str  # the words that state it, without articles, opening and place clause


class CaptionReader:
    """Reads captions in the words of a graph.

    The reader understands names, synonyms and phrases. Articles, capitals and punctuation do not matter. The caption may be in
    a template of the graph, follow "a photo of", contain "is" or "are", or end with a short place clause that names nothing of
    the graph. :meth:`read` does not match inflected words, so add "children" to the graph as a synonym. :meth:`mentions` does.

    Args:
        graph: The relation graph. It gives the words.

    Example:
        >>> from oro_unlearn.graph import CaptionReader, load_graph
        >>> reader = CaptionReader(load_graph("scenes"))
        >>> reader.read("The kid is munching on a burger in a kitchen.").concept
        ('child', 'eating', 'hamburger')
        >>> reader.read("Two children eat hamburgers") is None
        True
        >>> sorted(reader.mentions("Two children eat hamburgers"))
        ['child', 'eating', 'hamburger']
    """

    def __init__(self, graph: RelationGraph) -> None:
        self.graph = graph
        self.objects, self.relations = graph.by_wording
        templates = [text for texts in Captions(graph).templates.values() for text in texts]
        frames = [tuple(plain_words(part) for part in text.split("{caption}", 1)) for text in templates]
        self.frames = [*frames, *((opening.split(), []) for opening in OPENINGS)]
        self._stems: dict[str, set[str]] = {}
        for names in (self.objects, self.relations):
            for wording, name in names.items():
                self._stems.setdefault(_stems(wording.split()), set()).add(name)
        self._longest = max(key.count(" ") + 1 for key in self._stems)
        self._longest_object, self._longest_relation = (
            max((key.count(" ") + 2 for key in names), default=0) for names in (self.objects, self.relations)
        )  # with an article

    def read(self, caption: str) -> Reading | None:
        """The concept that a caption states; None if it states none of the graph or is ambiguous.

        Args:
            caption: In words of the graph, such as "A red circle above a blue square."
        """
        words = plain_words(caption)
        if len(words) > MAX_WORDS:
            return None
        for inner in (words, *self._inside(words)):
            for candidate in dict.fromkeys((tuple(inner), tuple(word for word in inner if word not in LINKING))):
                readings = {reading.concept: reading for reading in self._readings(candidate)}
                if readings:
                    return next(iter(readings.values())) if len(readings) == 1 else None
        return None

    def mentions(self, caption: str) -> set[str]:
        """Objects and relations whose wordings occur in a caption, with any inflection."""
        return self._mentioned(plain_words(caption))

    def _mentioned(self, words: Sequence[str]) -> set[str]:
        stems = _stems(words).split()
        spans = ((start, start + count) for start in range(len(stems)) for count in range(1, self._longest + 1))
        return set().union(*(self._stems.get(" ".join(stems[start:end]), set()) for start, end in spans))

    def _inside(self, words: Sequence[str]) -> Iterator[list[str]]:
        """The words of a caption that are inside a template or after an opening."""
        bare = _without_article(words)
        for before, after in self.frames:
            start, end = _without_article(before), len(bare) - len(after)
            if (start or after) and bare[: len(start)] == start and bare[end:] == after and len(start) < end:
                yield bare[len(start) : end]

    def _readings(self, words: Sequence[str]) -> list[Reading]:
        """Readings of all words as an object or a tuple; otherwise readings of the words before a place clause."""
        candidates = [*self._nodes(words), *self._triples(words)]
        whole = [reading for reading, end in candidates if end == len(words)]
        if whole:
            return [reading for reading in whole if len(reading.concept) == 1] or whole
        placed = [(reading, end) for reading, end in candidates if end < len(words) and self._is_place(words[end:])]
        longest = max((len(reading.concept) for reading, _ in placed), default=0)
        return [reading for reading, _ in placed if len(reading.concept) == longest]

    def _nodes(self, words: Sequence[str]) -> Iterator[tuple[Reading, int]]:
        """Objects at the start of the words, and the position where each ends."""
        for end in range(1, min(len(words), self._longest_object) + 1):
            name = _named(words[:end], self.objects)
            if name is not None:
                yield Reading((name,), _bare(words[:end])), end

    def _triples(self, words: Sequence[str]) -> Iterator[tuple[Reading, int]]:
        """Valid tuples at the start of the words, and the position where each ends."""
        for start in range(1, min(len(words), self._longest_object + 1)):
            subject = _named(words[:start], self.objects)
            for middle in range(start + 1, min(len(words), start + self._longest_relation + 1)) if subject else ():
                relation = _named(words[start:middle], self.relations)
                yield from self._ended(words, Triple(subject or "", relation, ""), middle) if relation else ()

    def _ended(self, words: Sequence[str], begun: Triple, middle: int) -> Iterator[tuple[Reading, int]]:
        for end in range(middle + 1, min(len(words), middle + self._longest_object) + 1):
            name = _named(words[middle:end], self.objects)
            if name is not None and self.graph.valid(triple := begun._replace(object=name)):
                yield Reading(tuple(triple), _bare(words[:end])), end

    def _is_place(self, words: Sequence[str]) -> bool:
        """Whether the words are a place clause that names nothing of the graph."""
        bare = [word for word in words if word not in ARTICLES]
        return 2 <= len(bare) <= LONGEST_PLACE and bare[0] in PLACES and not self._mentioned(words)


def _without_article(words: Sequence[str]) -> list[str]:
    return list(words[1:] if len(words) > 1 and words[0] in ARTICLES else words)


def _bare(words: Sequence[str]) -> str:
    return " ".join(word for word in words if word not in ARTICLES)


def _named(words: Sequence[str], names: dict[str, str]) -> str | None:
    """The name with these words: first with the leading article, which may belong to the name, then without it."""
    return names.get(" ".join(words)) or names.get(" ".join(_without_article(words)))


def _stems(words: Iterable[str]) -> str:
    return " ".join(_stem(word) for word in words if word not in ARTICLES)


def _stem(word: str) -> str:
    """Approximate stem of a word, without plural and tense endings. Too many matches are better than too few."""
    word = IRREGULAR.get(word, word)
    for ending, instead in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: len(word) - len(ending)] + instead
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word
