"""The free control: a filter of names in front of an unchanged model."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from oro_unlearn.networks import Question

if TYPE_CHECKING:
    from oro_unlearn.data.contract import PersonaData


class NameFilter:
    """Refuses to answer if the question names a person to forget, or shows one whom the model itself recognises.

    Names are found as whole words, in any case. Nothing in the weights changes. A measure that cannot distinguish this filter
    from a retrained model says nothing about removal. To recognise pictures, the model is asked for the name, in the words of a
    training question (``fact`` "name"); without such a question in the data, the filter reads texts alone.

    Args:
        data: The data: people to forget, their aliases, and a sentence of refusal.
    """

    def __init__(self, data: "PersonaData") -> None:
        names = list(data.forget_names)
        every = [*names, *(alias for name in names for alias in data.aliases.get(name, ()))]
        self.names = re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in every), re.IGNORECASE)
        self.refusal = data.refusals[0]
        forget = data.split("forget")
        pictured = forget.with_picture(True).questions
        self.who = next((asked for asked in pictured if asked.fact == "name" and asked.kind == "free"), None)

    def refuses(self, network: Any, questions: Sequence[Question], said: Sequence[str], max_new_tokens: int) -> list[bool]:
        """Whether the filter refuses, question by question.

        Args:
            network: The model that answers.
            questions: B questions.
            said: The model's answers to them.
            max_new_tokens: Most tokens of an answer.
        """
        refused = [self._names_one(f"{asked.question} {text}") for asked, text in zip(questions, said, strict=True)]
        pictured = [row for row, asked in enumerate(questions) if asked.image is not None and not refused[row]]
        if self.who and pictured:
            asking = [self.who._replace(image=questions[row].image) for row in pictured]
            for row, name in zip(pictured, network.generate(network.prompts(asking), max_new_tokens), strict=True):
                refused[row] = self._names_one(name)
        return refused

    def _names_one(self, text: str) -> bool:
        return self.names.search(text) is not None
