"""Check a manifest against a request: find rows that contradict it, and captions that must not be trained on."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from oro_unlearn.data.relations.manifest import Row
from oro_unlearn.data.relations.manifest_captions import is_free
from oro_unlearn.data.relations.manifest_splits import without_shared
from oro_unlearn.graph import Concept, RelationGraph
from oro_unlearn.graph.captions import Bank
from oro_unlearn.graph.wording import ARTICLES, plain_words, wording_key
from oro_unlearn.user_error import UserError

if TYPE_CHECKING:
    from oro_unlearn.data.relations.relation_pairs import RelationPairs

OTHER_BANK: dict[str, Bank] = {"train": "eval", "test": "train"}  # the bank whose words a split must not use


class Fitted(NamedTuple):
    """Rows that fit a request, and the changes that were made for it."""

    rows: list[Row]
    left_out: list[Row]  # rows whose captions may state a tuple to forget
    reworded: list[Row]  # rows, as given, whose captions use the other split's words; the graph's captions replace them
    shared: list[str]  # captions that are in both splits


def fitted(rows: Sequence[Row], data: "RelationPairs") -> Fitted:
    """Check rows against roles, and leave out rows that would teach a tuple to forget.

    Args:
        rows: Rows of the manifest.
        data: Gives roles and captions.

    Raises:
        UserError: If a row that states its tuple contradicts the graph; the message names file and line.
    """
    kept, left_out = _without_doubtful(rows, data)
    _check_groups(kept, data)
    _check_captions(kept, data)
    borrowed = _borrowed(kept, data)
    worded = [row._replace(caption="") if other else row for row, other in zip(kept, borrowed, strict=True)]
    final, shared = without_shared(worded, lambda concept: is_free(concept, data.graph))
    return Fitted(final, left_out, [row for row, other in zip(kept, borrowed, strict=True) if other], shared)


def _without_doubtful(rows: Sequence[Row], data: "RelationPairs") -> tuple[list[Row], list[Row]]:
    """Rows to keep, and rows to leave out.

    A caption that names two slots of a tuple to forget, but no tuple of the graph, is left out: as a neutral picture's caption
    it would preserve the tuple to forget. Other captions of the same picture, and of pictures that show a tuple to forget,
    would do the same and are left out too.
    """
    guarded = data.guarded

    def doubtful(caption: str) -> bool:
        names = data.reader.mentions(caption)
        return len(names) > 1 and any(len(names.intersection(triple)) > 1 for triple in guarded)

    pictures = {row.digest for row in rows if row.concept in guarded or (row.reading == "unread" and doubtful(row.caption))}
    out = [row.reading != "stated" and row.digest in pictures and row.concept not in guarded for row in rows]
    parts = [[row for row, gone in zip(rows, out, strict=True) if gone is which] for which in (False, True)]
    return parts[0], parts[1]


def _check_groups(rows: Sequence[Row], data: "RelationPairs") -> None:
    """A group that a row names must be the role of its tuple."""
    for row in rows:
        role = data.groups.get(row.concept, "in no group")
        if row.group not in ("", role) and not is_free(row.concept, data.graph):
            raise UserError(
                f"{row.where}: group is {row.group}, but {' '.join(row.concept)!r} is {role} when "
                f"{data.forget_names[0]!r} is forgotten: correct it, or leave group empty"
            )


def _check_captions(rows: Sequence[Row], data: "RelationPairs") -> None:
    """Check captions of rows that state their tuple.

    A safe picture's caption must not state a tuple to forget. No caption may use the other split's words.
    """
    unsafe = {triple: _pattern(triple, data.graph) for triple in data.roles.unsafe}
    for row in (row for row in rows if row.caption and row.reading == "stated"):
        where, words = f"{row.where}: the caption {row.caption!r}", _bare(row.caption)
        safe = row.concept not in unsafe and not (len(row.concept) == 3 and _pattern(row.concept, data.graph).search(words))
        stated = next((triple for triple, pattern in unsafe.items() if safe and pattern.search(words)), None)
        if stated:
            raise UserError(
                f"{where} says {str(stated)!r}, which is to be forgotten, of a picture of {' '.join(row.concept)!r}: "
                "correct caption or edge"
            )
        bank = OTHER_BANK[row.split]
        if wording_key(row.caption) in data.texts_of(row.concept, bank):
            raise UserError(f"{where} is among the graph's {bank} wordings, but its split is {row.split}: reword it")


def _borrowed(rows: Sequence[Row], data: "RelationPairs") -> list[bool]:
    """For each row, whether its caption was read and uses words reserved for the other split."""
    kept: dict[tuple[Concept, Bank], set[str]] = {}

    def is_borrowed(row: Row) -> bool:
        key = (row.concept, OTHER_BANK[row.split])
        if key not in kept:
            kept[key] = {_bare(text) for text in data.texts_of(*key)}
        return bool({_bare(row.caption), row.words} & kept[key])

    return [row.reading == "read" and is_borrowed(row) for row in rows]


def _bare(text: str) -> str:
    """Lower-case words without articles and punctuation."""
    return " ".join(word for word in plain_words(text) if word not in ARTICLES)


def _pattern(triple: Concept, graph: RelationGraph) -> re.Pattern[str]:
    """Pattern of a tuple in the output of :func:`_bare`: wordings of subject, relation and object, one after another."""
    subject, thing = (graph.objects[triple[slot]].synonyms for slot in (0, 2))
    banks = (subject, graph.relations[triple[1]].phrases, thing)
    words = [[name, *bank["train"], *bank["eval"]] for name, bank in zip(triple, banks, strict=True)]
    parts = ("|".join(re.escape(_bare(word)) for word in choices) for choices in words)
    return re.compile(r"\b" + " ".join(f"(?:{part})" for part in parts) + r"\b")
