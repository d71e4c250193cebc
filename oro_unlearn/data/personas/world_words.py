"""All words of the embedded world."""

import re
from collections.abc import Iterator

from oro_unlearn.data.personas.general_questions import FEATURES, KNOWLEDGE
from oro_unlearn.data.personas.people import FIRST_NAMES, SURNAMES, VALUES
from oro_unlearn.data.personas.wordings import ASKED, CHOICE, CLOZE, REFUSALS, THIS, Asked


def words_of(text: str) -> list[str]:
    """The words and punctuation marks of a text, in their order.

    Example:
        >>> words_of("A. Berg lives in Oslo.")
        ['A', '.', 'Berg', 'lives', 'in', 'Oslo', '.']
    """
    return re.findall(r"\w+|[^\w\s]", text)


def world_words() -> list[str]:
    """Every word and punctuation mark in questions, answers and refusals of the embedded world, sorted; at most 400.

    They do not depend on any option of :class:`Personas`.
    """
    return sorted({word for text in _texts() for word in words_of(text)})


def _texts() -> Iterator[str]:
    yield from (*FIRST_NAMES, *FIRST_NAMES.values(), *(name[0] for name in FIRST_NAMES), *SURNAMES, *REFUSALS, THIS)
    yield from (*VALUES, "name", *(value for values in VALUES.values() for value in values))
    yield from (*FEATURES, *KNOWLEDGE, "or", "This", "A", ",", ".", "?", ":")
    yield from _of(CLOZE, CHOICE, *ASKED.values())
    for asked, values in FEATURES.values():
        yield from (*_of(asked), *values)
    for asked, true in KNOWLEDGE.values():
        yield from (*_of(asked), *true, *true.values())


def _of(*several: Asked) -> Iterator[str]:
    """Texts of wordings without their slots."""
    for asked in several:
        for text in (*asked.train, *asked.test, asked.sentence):
            yield re.sub(r"\{\w+\}", " ", text)
