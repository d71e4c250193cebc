"""The red team of a run: what an attacker gets back about the people that a model has forgotten."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from rich.console import Console
from rich.progress import Progress

from oro_unlearn.attacks import quantise
from oro_unlearn.attacks.personas import cropped, logit_lens, relearn_people, renamed
from oro_unlearn.methods.personas.plain_copy import plain_copy
from oro_unlearn.metrics import KeywordAccuracy
from oro_unlearn.networks import Question

SEED = 7_2019  # of the attacker's draws; no training uses it


class Effort(NamedTuple):
    """What the red team tries.

    Attributes:
        questions: Questions about the forgotten people from which a model relearns; all of them if there are fewer.
        bits: Bits of quantised weights.
        measured: Most measured questions of each set.
    """

    questions: tuple[int, ...]
    bits: tuple[int, ...]
    measured: int


EFFORTS = {"quick": Effort((8,), (8,), 48), "full": Effort((1, 4, 16, 64), (8, 4), 200)}
UNCHANGED = "attacks on the weights: weights of 4 bits cannot be changed"
SETS = {"multimodal": "forget/multimodal", "text": "forget/text", "retain": "retain/text"}  # by figure


class Held(NamedTuple):
    """Questions of the red team."""

    asked: dict[str, list[Question]]  # measured questions with a keyword, by figure
    altered: dict[str, dict[str, list[Question]]]  # the same altered, by attack and figure
    forgotten: list[Question]  # training questions about the forgotten people, in the attacker's order
    relearned: list[int]  # numbers of these from which a model relearns
    others: list[Question]


def attack_answers(method: Any, level: str) -> tuple[dict[str, dict[str, float]], dict[str, Any]]:
    """Attack every model of a method.

    The figure of an attack is the share of answers that name the fact (their keyword), for pictures and texts of the forgotten
    people, and for texts of the others: ``recovery/ATTACK/multimodal``, ``.../text``, ``.../retain``. ``recovery/none`` is the
    model as it is. Relearning also tells how fast a model that never knew the people learns them.

    Args:
        method: A ``PersonaUnlearning`` that has been measured.
        level: ``none``, ``quick`` (8 questions, 8 bits, aliases, crops) or ``full`` (1 to 64 questions, also 4 bits).

    Returns:
        Figures by model; and details for the report: ``recovery``, ``lens``, and what could not be done, ``not_measured``.
    """
    if level == "none":
        return {}, {}
    effort = EFFORTS[level]
    held = _held(method.data, effort)
    models = method.models()
    figures: dict[str, dict[str, float]] = {}
    shown = method.trainer.progress_bar_callback is not None and method.trainer.is_global_zero
    with Progress(console=Console(), transient=True, disable=not shown) as progress, torch.inference_mode(False):
        task = progress.add_task(
            "red team", total=len(models) * (1 + len(held.altered) + len(effort.bits) + len(held.relearned))
        )
        for role, network in models.items():
            found: dict[str, float] = {}
            for name, attacked, asked in _attacks(network, held, effort):
                found |= {f"recovery/{name}/{key}": _knows(attacked, part, method) for key, part in asked.items() if part}
                progress.advance(task)
            figures[role] = found
        lens = {role: _lens(network, held, method.data.eval_batch_size) for role, network in models.items()}
    counts = {key: len(part) for key, part in held.asked.items()}
    details = {name.split("/")[1]: {"asked": counts} for name in next(iter(figures.values()))}
    for name, asked in held.altered.items():
        details[name] = {"asked": {key: len(part) for key, part in asked.items()}}
    unable = {"not_measured": {"weights": UNCHANGED}} if method.network.in_4bit else {}
    return figures, {"recovery": details, "lens": lens, **unable}


def _held(data: Any, effort: Effort) -> Held:
    asked = {key: _some(data.measured[name], effort.measured) for key, name in SETS.items() if name in data.measured}
    texts, pictures = renamed(asked.get("text", []), data.aliases), cropped(asked.get("multimodal", []))
    altered = {"alias": {"text": texts}, "crop": {"multimodal": pictures}}
    altered = {name: parts for name, parts in altered.items() if all(parts.values())}
    forget, retain = data.split("forget"), data.split("retain")
    order = torch.randperm(len(forget), generator=torch.Generator().manual_seed(SEED)).tolist()[: max(effort.questions)]
    spread = torch.linspace(0, len(retain) - 1, min(len(retain), 256)).long().tolist() if len(retain) else []
    counts = list(dict.fromkeys(min(count, len(order)) for count in effort.questions)) if order else []
    return Held(asked, altered, [forget[row] for row in order], counts, [retain[row] for row in spread])


def _some(questions: Any, most: int) -> list[Question]:
    """Measured questions with a keyword, of any kind but choices; evenly spaced if there are more than ``most``."""
    known = [row for row, asked in enumerate(questions.questions) if asked.keyword and asked.kind != "choice"]
    return [questions[row] for row in known[:: max(1, -(-len(known) // most))]]


def _attacks(network: Any, held: Held, effort: Effort) -> Iterator[tuple[str, Any, dict[str, list[Question]]]]:
    """The name of every attack, the attacked model, and what it is asked."""
    yield "none", network, held.asked
    for name, asked in held.altered.items():
        yield name, network, asked
    if network.in_4bit:  # such weights cannot be changed
        return
    for bits in effort.bits:
        yield f"quantised_{bits}", quantise(plain_copy(network), bits), held.asked
    for count in held.relearned:
        student = plain_copy(network)
        relearn_people(student, held.forgotten[:count], held.others, SEED)
        yield f"relearn_{count}", student, held.asked
        del student  # before the next copy is made


@torch.no_grad()
def _knows(network: Any, questions: Sequence[Question], method: Any) -> float:
    """Share of the answers that contain the keyword."""
    knows = KeywordAccuracy()
    for start in range(0, len(questions), method.data.eval_batch_size):
        part = questions[start : start + method.data.eval_batch_size]
        knows.update(network.generate(network.prompts(part), method.max_new_tokens), [asked.keyword for asked in part])
    return float(knows.compute())


def _lens(network: Any, held: Held, batch_size: int) -> dict[str, Any]:
    """Mean probability of the first token of cloze answers by layer, for forgotten and other people."""
    found: dict[str, Any] = {}
    for group, keys in {"forget": ("multimodal", "text"), "retain": ("retain",)}.items():
        cloze = [asked for key in keys for asked in held.asked.get(key, []) if asked.kind == "cloze"]
        if cloze:
            parts = [network.collate(cloze[start : start + batch_size]) for start in range(0, len(cloze), batch_size)]
            probabilities = torch.cat([logit_lens(network, inputs) for inputs in parts], dim=1)
            found[group] = [round(float(value), 4) for value in probabilities.mean(1)]
    return {"layers": list(range(1, 1 + max((len(values) for values in found.values()), default=0))), **found}
