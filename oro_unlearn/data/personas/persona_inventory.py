"""Summary of the questions and people that were read, for the user to check."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from oro_unlearn.report.names import printable

if TYPE_CHECKING:
    from oro_unlearn.data.personas.persona_questions import PersonaQuestions

NAMED = 8  # largest number of people that a line names


def persona_inventory(data: "PersonaQuestions") -> dict[str, Any]:
    """People, request, and numbers of questions, as JSON-serialisable values.

    Args:
        data: The data module. If a method runs, its training splits are counted, otherwise ``forget`` and ``retain``.
    """
    method: Any = data.trainer.lightning_module if data.trainer else None
    splits = method.train_splits if method is not None and method.train_splits else ("forget", "retain")
    trained = {name: data.split(name) for name in splits}
    asked = set().union(*map(_asked, trained.values()))
    return {
        "name": data.name,
        "people": len(data.persons),
        "forget": data.forget_names,
        "forgotten": data.forgotten_names,
        "train": {name: {"questions": len(part), "pictures": _pictures(part)} for name, part in trained.items()},
        "measured": {name: len(part) for name, part in data.measured.items()},
        "repeated": sum(key in asked for part in data.measured.values() for key in _asked(part)),
    }


def persona_lines(inventory: Mapping[str, Any]) -> list[str]:
    r"""The lines that are printed before a run.

    Args:
        inventory: Result of :func:`persona_inventory`.

    Example:
        >>> print(*persona_lines({
        ...     "name": "personas", "people": 40, "forget": ["Alex Berg"], "forgotten": [], "repeated": 2,
        ...     "train": {"forget": {"questions": 57, "pictures": 8}}, "measured": {"forget/text": 30, "retain/text": 300},
        ... }), sep="\n")
        personas: 40 people; to forget: Alex Berg
          train: forget 57 questions (8 pictures)
          measured: forget/text 30, retain/text 300
          measured questions that are also trained on: 2
    """
    lines = [f"{inventory['name']}: {inventory['people']} people; to forget: {_names(inventory['forget']) or 'nobody'}"]
    if inventory["forgotten"]:
        lines.append(f"  forgotten before: {_names(inventory['forgotten'])}")
    trained = [
        f"{name} {part['questions']} questions ({part['pictures']} pictures)" for name, part in inventory["train"].items()
    ]
    lines += [f"  train: {', '.join(trained)}"]
    lines += [f"  measured: {', '.join(f'{name} {count}' for name, count in inventory['measured'].items())}"]
    if inventory["repeated"]:
        lines.append(f"  measured questions that are also trained on: {inventory['repeated']}")
    return [printable(line) for line in lines]


def _asked(part: Any) -> list[tuple[str, str, str]]:
    """Person, question and picture of each question."""
    return [(q.person, q.question, repr(key)) for q, key in zip(part.questions, part.pictures, strict=True)]


def _pictures(part: Any) -> int:
    return len({repr(key) for key in part.pictures if key is not None})


def _names(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
