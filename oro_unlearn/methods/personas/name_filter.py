"""The free control: a filter of names in front of an unchanged model."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from oro_unlearn.networks import Question

if TYPE_CHECKING:
    from oro_unlearn.data.contract import PersonaData


class NameFilter:
    """Refuses to answer if the question names a person to forget, or shows one whom the model itself recognises.

    Nothing in the weights changes. A measure that cannot distinguish this filter from a retrained model says nothing about
    removal. To recognise pictures, the model is asked for the name, in the words of a training question; without such a
    question in the data, the filter reads texts alone.

    Args:
        data: The data: people to forget, their aliases, and a sentence of refusal.
    """

    def __init__(self, data: "PersonaData") -> None:
        names = list(data.forget_names)
        self.names = [name.casefold() for name in (*names, *(alias for name in names for alias in data.aliases.get(name, ())))]
        self.refusal = data.refusals[0]
        forget = data.split("forget")
        asking = (forget[row] for row in range(len(forget)))
        self.who = next(
            (asked for asked in asking if asked.fact == "name" and asked.image is not None and asked.kind == "free"), None
        )

    def __call__(
        self, network: Any, questions: Sequence[Question], said: Sequence[str], max_new_tokens: int, device: torch.device
    ) -> list[str]:
        """The answers behind the filter.

        Args:
            network: The model that answers.
            questions: B questions.
            said: The model's answers to them.
            max_new_tokens: Most tokens of an answer.
            device: Of the network.
        """
        refused = [self._names_one(f"{asked.question} {text}") for asked, text in zip(questions, said, strict=True)]
        pictured = [row for row, asked in enumerate(questions) if asked.image is not None and not refused[row]]
        if self.who and pictured:
            asking = [self.who._replace(image=questions[row].image) for row in pictured]
            inputs = {name: value.to(device) for name, value in network.prompts(asking).items()}
            for row, name in zip(pictured, network.generate(inputs, max_new_tokens), strict=True):
                refused[row] = self._names_one(name)
        return [self.refusal if no else text for no, text in zip(refused, said, strict=True)]

    def _names_one(self, text: str) -> bool:
        return any(name in text.casefold() for name in self.names)
