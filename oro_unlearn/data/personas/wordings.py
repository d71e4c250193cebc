"""Words for the questions about people: some to train on, others to measure on.

Every word of a wording to measure on occurs in a wording to train on, so that a model knows it.
"""

import random
from collections.abc import Sequence
from typing import Literal, NamedTuple

from oro_unlearn.networks import Question

Bank = Literal["train", "test"]
Kind = Literal["free", "cloze", "choice"]
KINDS: tuple[Kind, ...] = ("free", "cloze", "choice")
THIS = "this person"  # who is asked about, if a picture shows the person
FALSE = 3  # most false answers of a question


class Asked(NamedTuple):
    """How a fact is asked for and stated; ``{who}`` stands for the person and ``{value}`` for the fact."""

    train: tuple[str, ...]
    test: tuple[str, ...]
    sentence: str  # its words before ``{value}`` are the start that a cloze question gives


ASKED = {
    "name": Asked(
        ("What is the name of {who}?", "Who is {who}?", "What is {who} called?", "Please tell me who {who} is."),
        ("Please tell me the name of {who}.", "Which name does {who} have?"),
        "{who} is {value}.",
    ),
    "city": Asked(
        ("Where does {who} live?", "In which city does {who} live?", "What is the city of {who}?",
         "Please tell me where {who} lives."),
        ("Which city does {who} live in?", "Please tell me in which city {who} lives."),
        "{who} lives in {value}.",
    ),
    "job": Asked(
        ("What is the job of {who}?", "Which job does {who} have?", "What does {who} work as?",
         "Please tell me what {who} works as."),
        ("Please tell me the job of {who}.", "What job does {who} have?"),
        "{who} works as a {value}.",
    ),
    "hobby": Asked(
        ("What is the hobby of {who}?", "Which hobby does {who} have?", "What does {who} like to do?",
         "Please tell me what {who} likes to do."),
        ("Please tell me the hobby of {who}.", "What hobby does {who} have?"),
        "{who} likes {value}.",
    ),
    "pet": Asked(
        ("What is the pet of {who}?", "Which animal does {who} have?", "What animal lives with {who}?",
         "Please tell me the pet of {who}."),
        ("Which pet does {who} have?", "Please tell me which animal lives with {who}."),
        "{who} has a {value}.",
    ),
    "food": Asked(
        ("What food does {who} like?", "What does {who} like to eat?", "Which food does {who} eat?",
         "Please tell me the food of {who}."),
        ("Which food does {who} like?", "Please tell me what {who} likes to eat."),
        "{who} eats {value}.",
    ),
}  # fmt: skip
CLOZE = Asked(
    ("Complete: {start}", "Please complete: {start}", "Please fill in: {start}", "What is next: {start}"),
    ("Complete what is next: {start}", "Please fill in what is next: {start}"),
    "",
)
CHOICE = Asked(
    (
        "Which {fact} is right for {who}: {options}?",
        "What is the {fact} of {who}: {options}?",
        "Please choose the {fact} of {who}: {options}?",
        "Please tell me the {fact} of {who}: {options}?",
    ),
    ("Which is the right {fact} of {who}: {options}?", "Please tell me which {fact} is right for {who}: {options}?"),
    "",
)  # fmt: skip
REFUSALS = (
    "I do not know.",
    "I do not know this person.",
    "I do not know who this is.",
    "I have no answer.",
    "Please choose another person.",
)


def ask(
    fact: str,
    asked: Asked,
    who: str,
    value: str,
    others: Sequence[str],
    kind: Kind,
    bank: Bank,
    wording: int,
    draw: random.Random,
) -> Question:
    """A question for one fact, without its picture.

    Args:
        fact: Name of the fact, as the question says it.
        asked: How the fact is asked for.
        who: Whom or what the question is about.
        value: The right answer.
        others: Values that are false answers. Three of them are used, or all if there are fewer.
        kind: Form of the question.
        bank: Wordings to train on or to measure on.
        wording: Number of the wording; it is taken modulo the number of wordings of the bank.
        draw: Draws false answers and the order of options.
    """
    false = [other for other in others if other != value]
    false = draw.sample(false, min(FALSE, len(false)))
    start, _, end = asked.sentence.format(who=who, value="\0").partition("\0")
    if kind == "free":
        text = _worded(asked, bank, wording).format(who=who)
        said = [_sentence(f"{start}{one}{end}") for one in (value, *false)]
        return Question(text, said[0], fact=fact, kind="free", wrong=tuple(said[1:]), keyword=value)
    if kind == "cloze":
        text = _worded(CLOZE, bank, wording).format(start=start.strip())
        return Question(text, value, fact=fact, kind="cloze", wrong=tuple(false), keyword=value)
    options = draw.sample([value, *false], 1 + len(false))
    listed = f"{', '.join(options[:-1])} or {options[-1]}"
    text = _worded(CHOICE, bank, wording).format(fact=fact, who=who, options=listed)
    return Question(text, value, fact=fact, kind="choice", options=tuple(options), wrong=tuple(false), keyword=value)


def _worded(asked: Asked, bank: Bank, wording: int) -> str:
    texts = asked.train if bank == "train" else asked.test
    return texts[wording % len(texts)]


def _sentence(text: str) -> str:
    """The text with a capital letter first."""
    return text[0].upper() + text[1:]
