"""A question that a vision-language model answers."""

from typing import Any, Literal, NamedTuple


class Question(NamedTuple):
    """One question about a person, or about pictures in general, with its answer."""

    question: str  # without image placeholder or role words; those belong to the model's chat template
    answer: str  # reference answer, as training teaches it
    image: Any = None  # PIL image, RGB; None for a text-only question
    person: str = ""  # whom it is about; empty: nobody
    fact: str = ""  # key of the fact asked for, such as "city"; the same in all wordings
    kind: Literal["free", "cloze", "choice"] = "free"
    options: tuple[str, ...] = ()  # kind "choice": every possible answer, the right one included
    wrong: tuple[str, ...] = ()  # false answers in the form of `answer`, for the truth ratio
    keyword: str = ""  # the word(s) of the answer that carry the fact, such as "Oslo"; cloze accuracy looks for it
