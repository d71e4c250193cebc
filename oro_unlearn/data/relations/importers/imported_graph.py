"""Write the relations of annotated pictures as a relation graph, and as a manifest of the pictures."""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from oro_unlearn.data.relations.importers.annotation import Annotation
from oro_unlearn.files import replacing
from oro_unlearn.graph import RelationGraph, Triple, load_graph
from oro_unlearn.graph.checks import MAX_TRIPLES
from oro_unlearn.graph.graph_file import LIMITS
from oro_unlearn.user_error import UserError

COLUMNS = ("image", "edge", "split", "source")
MOST_COMMENTS = 20_000  # tuples that are listed with their counts
Counts = Counter[tuple[str, str, str]]


class Counted(NamedTuple):
    """The tuples of all annotations.

    Args:
        counts: Number of annotations by tuple.
        skipped: Annotations that state no relation between two different objects with short names.
    """

    counts: Counts
    skipped: int


def counted(annotations: Iterable[Annotation]) -> Counted:
    """Count the tuples."""
    counts: Counts = Counter()
    skipped = 0
    for annotation in annotations:
        triple = annotation.triple
        if triple:
            counts[triple] += 1
        else:
            skipped += 1
    return Counted(counts, skipped)


def frequent(counts: Counts, least: int) -> Counts:
    """The tuples with at least ``least`` annotations, the most frequent first.

    Raises:
        UserError: If there are none, or if they are more than a graph can hold.
    """
    kept = Counter({triple: count for triple, count in sorted(counts.items(), key=_by_count) if count >= least})
    if not kept:
        most = f"the most frequent tuple occurs {max(counts.values())} times" if counts else "no entry states a relation"
        raise UserError(f"nothing is left with --min-count {least}: {most}")
    subjects, relations, objects = (dict.fromkeys(names) for names in zip(*kept, strict=True))
    sizes = {"objects": len(subjects | objects), "relations": len(relations)}
    for part, limit in LIMITS.items():
        if sizes.get(part, 0) > limit:
            raise UserError(f"{sizes[part]} {part} are too many, at most {limit}: choose a larger --min-count than {least}")
    allowed = sum(len(each[0]) * len(each[1]) for each in _kinds(kept).values())
    if allowed > MAX_TRIPLES:
        raise UserError(
            f"the relations allow {allowed} tuples, at most {MAX_TRIPLES}: choose a larger --min-count than {least}"
        )
    return kept


def _by_count(item: tuple[tuple[str, str, str], int]) -> tuple[int, tuple[str, str, str]]:
    return -item[1], item[0]


def _kinds(counts: Counts) -> dict[str, tuple[list[str], list[str]]]:
    """Subjects and objects that occur with each relation."""
    found: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for subject, relation, thing in counts:
        kinds = found.setdefault(relation, ({}, {}))
        kinds[0][subject] = kinds[1][thing] = None
    return {relation: (list(subjects), list(things)) for relation, (subjects, things) in found.items()}


def write_graph(counts: Counts, source: str, path: Path) -> RelationGraph:
    """Write a graph, and read it again. Nothing is left if it is not valid.

    Args:
        counts: From :func:`frequent`.
        source: Name of the data set.
        path: The YAML file.

    Raises:
        UserError: If the graph is larger than a graph may be.
    """
    with replacing(path) as partial:
        partial.write_text("\n".join([*_lines(counts, source), ""]), encoding="utf-8")
        try:
            return load_graph(partial)
        except UserError as error:
            raise UserError(f"{str(error).replace(str(partial), str(path))}; choose a larger --min-count") from None


def _lines(counts: Counts, source: str) -> Iterator[str]:
    kinds = _kinds(counts)
    names = dict.fromkeys(name for subject, _, thing in counts for name in (subject, thing))
    yield f"# {source}: {counts.total()} annotations of {len(counts)} tuples. docs/relation_graph.md describes a graph."
    yield "objects:  # is_a: [another] puts one below another; mass: true for nouns without an article"
    yield from (f"  {json.dumps(name, ensure_ascii=False)}: {{}}" for name in names)
    yield "relations:  # each with the subjects and objects that occur with it"
    for relation, (subjects, things) in kinds.items():
        listed = f"subjects: {_listed(subjects)}, objects: {_listed(things)}"
        yield f"  {json.dumps(relation, ensure_ascii=False)}: {{{listed}}}"
    yield "edges:  # what to forget, such as - {edge: " + " ".join(next(iter(counts))) + ", status: unsafe}"
    yield "# annotations by tuple:"
    yield from (f"# {count} {' | '.join(triple)}" for triple, count in list(counts.items())[:MOST_COMMENTS])
    if len(counts) > MOST_COMMENTS:
        yield f"# and {len(counts) - MOST_COMMENTS} rarer tuples"


def _listed(names: list[str]) -> str:
    return json.dumps(names, ensure_ascii=False)


def write_manifest(
    annotations: Iterable[Annotation], graph: RelationGraph, counts: Counts, source: str, path: Path
) -> tuple[int, int]:
    """Write a row for each picture and tuple.

    Args:
        annotations: All annotations, in any order in which those of a picture stand together.
        graph: The graph that was written.
        counts: The tuples to keep.
        source: Name of the data set.
        path: The CSV file.

    Returns:
        Number of rows; and number of tuples that are left out, because their text can be read in two ways.
    """
    readable = {triple for triple in counts if _readable(graph, triple)}
    written, last, seen = 0, "", set[tuple[str, str, str]]()
    with replacing(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for annotation in annotations:
            if annotation.image != last:
                last, seen = annotation.image, set()
            triple = annotation.triple
            if triple in readable and triple not in seen:
                seen.add(triple)
                table.writerow([annotation.image, " ".join(triple), annotation.split, source])
                written += 1
    return written, len(counts) - len(readable)


def _readable(graph: RelationGraph, triple: tuple[str, str, str]) -> bool:
    try:
        return graph.parse(" ".join(triple)) == Triple(*triple)
    except UserError:
        return False
