"""Questions that are about nobody: what a picture of an unknown face shows, and what everybody knows."""

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from oro_unlearn.data.personas.looks import BACKGROUNDS, HAIR, SHIRTS, Look
from oro_unlearn.data.personas.wordings import KINDS, Asked, Bank, Kind, ask
from oro_unlearn.networks import Question

YES_NO = ("yes", "no")


def _colour_of(thing: str) -> Asked:
    return Asked(
        (f"What colour is the {thing}?", f"Which colour is the {thing}?", f"What is the colour of the {thing}?",
         f"Please tell me the colour of the {thing}."),
        (f"Please tell me which colour the {thing} is.", f"Which is the colour of the {thing}?"),
        f"The {thing} is {{value}}.",
    )  # fmt: skip


def _wears(thing: str) -> Asked:
    return Asked(
        (f"Does this person have {thing}?", f"Please tell me: does this person have {thing}?", f"Can you see {thing} here?",
         f"Can you see {thing} in the picture?"),
        (f"Does this person have {thing} in the picture?", f"Please tell me: does this person have {thing} here?"),
        "The answer is {value}.",
    )  # fmt: skip


WORN = {"none": "nothing", "cap": "a cap", "beanie": "a beanie", "crown": "a crown"}
FEATURES = {  # of a face: how it is asked for, and its values
    "hair": (_colour_of("hair"), tuple(HAIR)),
    "shirt": (_colour_of("shirt"), tuple(SHIRTS)),
    "background": (_colour_of("background"), tuple(BACKGROUNDS)),
    "glasses": (_wears("glasses"), YES_NO),
    "head": (
        Asked(
            ("What is on the head?", "What does this person have on the head?", "Please tell me what is on the head.",
             "What is there on the head?"),
            ("Please tell me what this person has on the head.", "What is on the head here?"),
            "On the head is {value}.",
        ),
        tuple(WORN.values()),
    ),
    "beard": (_wears("a beard"), YES_NO),
}  # fmt: skip


class Knowledge(NamedTuple):
    """Facts of one form that everybody knows."""

    asked: Asked
    true: dict[str, str]  # what is asked about, and the answer


KNOWLEDGE = {
    "animal": Knowledge(
        Asked(
            ("Which animal says {who}?", "What animal says {who}?", "Please tell me which animal says {who}.",
             "Who says {who}?"),
            ("Please tell me what animal says {who}.", "Please tell me who says {who}."),
            "The animal that says {who} is a {value}.",
        ),
        {"meow": "cat", "woof": "dog", "moo": "cow", "quack": "duck"},
    ),
    "colour": Knowledge(
        Asked(
            ("What colour is {who}?", "Which colour does {who} have?", "What is the colour of {who}?",
             "Please tell me the colour of {who}."),
            ("Which is the colour of {who}?", "Please tell me what colour {who} is."),
            "The colour of {who} is {value}.",
        ),
        {"grass": "green", "snow": "white", "coal": "black", "blood": "red"},
    ),
    "opposite": Knowledge(
        Asked(
            ("What is the opposite of {who}?", "Which word is the opposite of {who}?", "Please tell me the opposite of {who}.",
             "What word is the opposite of {who}?"),
            ("Please tell me which word is the opposite of {who}.", "Which is the opposite of {who}?"),
            "The opposite of {who} is {value}.",
        ),
        {"hot": "cold", "big": "small", "up": "down", "day": "night"},
    ),
}  # fmt: skip


def seen(look: Look) -> dict[str, str]:
    """The values of a face's features that a picture shows. A bald head shows no hair colour."""
    values = {"shirt": look.shirt, "background": look.background, "head": WORN[look.hat]}
    values["glasses"] = "no" if look.glasses == "none" else "yes"
    values["beard"] = "yes" if look.beard == "beard" else "no"
    return values if look.shape == "bald" else {"hair": look.hair, **values}


def about_face(look: Look, bank: Bank, count: int, draw: random.Random) -> list[Question]:
    """Questions about features of one face, each about another feature, without the picture."""
    values = seen(look)
    return [
        _of_feature(name, values[name], draw.choice(KINDS), bank, draw.randrange(100), draw)
        for name in draw.sample(sorted(values), min(count, len(values)))
    ]


def _of_feature(name: str, value: str, kind: Kind, bank: Bank, wording: int, draw: random.Random) -> Question:
    asked, values = FEATURES[name]
    kind = "free" if values == YES_NO else kind
    return ask(name, asked, "this person", value, values, kind, bank, wording, draw)


def knowledge_questions(bank: Bank, wordings: Sequence[int], draw: random.Random) -> Iterator[Question]:
    """Questions without a picture: each piece of knowledge in each kind and in the given wordings."""
    for name, (asked, true) in KNOWLEDGE.items():
        values = list(true.values())
        for about, value in true.items():
            for kind in KINDS:
                for wording in wordings:
                    question = ask(name, asked, about, value, values, kind, bank, wording, draw)
                    yield question._replace(fact=f"{name} {about}")
