"""Altered questions: another name for the person, or a part of the picture."""

from collections.abc import Mapping, Sequence

from oro_unlearn.networks import Question
from oro_unlearn.user_error import UserError

CROP = 0.8  # share of width and height that is left of a picture


def renamed(questions: Sequence[Question], aliases: Mapping[str, Sequence[str]]) -> list[Question]:
    """Text-only questions that use another name for their person.

    Args:
        questions: Any questions.
        aliases: Other names by person.

    Returns:
        A question for each alias, where the full name stands in the question; the others are left out.

    Example:
        >>> asked = Question("Where does Anna Berg live?", "In Oslo.", person="Anna Berg")
        >>> [q.question for q in renamed([asked], {"Anna Berg": ["A. Berg"]})]
        ['Where does A. Berg live?']
    """
    return [
        question._replace(question=question.question.replace(question.person, alias))
        for question in questions
        if question.person and question.image is None and question.person in question.question
        for alias in aliases.get(question.person, ())
    ]


def cropped(questions: Sequence[Question], share: float = CROP) -> list[Question]:
    """Questions about the middle of their pictures, scaled to the size of the whole picture.

    Args:
        questions: Any questions; those without a picture are left out.
        share: Share of width and height that is left, in (0, 1].

    Raises:
        UserError: If the share is out of range.
    """
    if not 0 < share <= 1:
        raise UserError(f"the share of a picture is in (0, 1], not {share}")
    found = []
    for question in questions:
        if question.image is not None:
            width, height = question.image.size
            left, top = width * (1 - share) / 2, height * (1 - share) / 2
            middle = question.image.resize((width, height), box=(left, top, width - left, height - top))
            found.append(question._replace(image=middle))
    return found
