"""``oro-unlearn graph import``: a relation graph and a manifest from published annotations of pictures."""

from collections.abc import Sequence
from pathlib import Path

from oro_unlearn.cli.plain_parser import PlainParser
from oro_unlearn.user_error import UserError

SOURCES = ("hico-det", "visual-genome", "vrd", "openimages")  # as oro_unlearn.data.relations.importers
ABOUT = """\
Read published annotations of relations in pictures, and write a relation graph and, on request, a manifest of the pictures.
A graph whose file is called import is given to "graph" as ./import."""
FILES = """\
hico-det: trainval_hico.json with hico_list_hoi.txt, or instances_train2015.json. visual-genome: relationships.json.
vrd: annotations_train.json, objects.json, predicates.json. openimages: oidv6-train-annotations-vrd.csv,
oidv6-class-descriptions.csv"""


def parser() -> PlainParser:
    """Options of ``graph import``."""
    result = PlainParser("graph import", description=ABOUT)
    result.add_argument("files", nargs="+", type=Path, metavar="FILE", help=FILES)
    result.add_argument("--from", dest="source", required=True, choices=SOURCES, help="the data set")
    result.add_argument(
        "--output", type=Path, default=Path("graph.yaml"), help="graph to write; it must not exist; default: graph.yaml"
    )
    result.add_argument("--manifest", type=Path, metavar="FILE", help="CSV to write for RelationPairs; it must not exist")
    result.add_argument(
        "--min-count", type=int, default=1, metavar="N", help="keep tuples with at least N annotations; default: 1"
    )
    return result


def main(words: Sequence[str]) -> None:
    """Write the graph and the manifest, and print what they hold and what to run next.

    Args:
        words: The words after ``graph import``.

    Raises:
        UserError: If an output file exists already, if a file of annotations is missing or has another format, or if the
            tuples are none or too many.
    """
    options = parser().parse_args(words)
    if options.min_count < 1:
        raise UserError(f"graph import: --min-count {options.min_count} must be at least 1")
    if options.manifest and options.manifest.suffix.lower() != ".csv":
        raise UserError(f"graph import: --manifest {options.manifest} must end in .csv")
    for option, path in (("--output", options.output), ("--manifest", options.manifest)):
        if path and path.exists():
            raise UserError(f"{path} is there already: name another file with {option}")
    from oro_unlearn.data.relations.importers import READERS
    from oro_unlearn.data.relations.importers.imported_graph import counted, frequent, write_graph, write_manifest

    read, name = READERS[options.source]
    found = counted(read(options.files))
    kept = frequent(found.counts, options.min_count)
    graph = write_graph(kept, name, options.output)
    print(f"{name}: {found.counts.total()} annotations of {len(found.counts)} tuples; {found.skipped} others are skipped")
    print(
        f"written: {options.output}; {len(graph.objects)} objects, {len(graph.relations)} relations, "
        f"{len(kept)} tuples that occur at least {options.min_count} times"
    )
    if options.manifest:
        rows, unread = write_manifest(read(options.files), graph, kept, name, options.manifest)
        left_out = f"; {unread} tuples are left out, because their text can be read in two ways" if unread else ""
        print(f"written: {options.manifest}; {rows} rows{left_out}")
    print(f"mark what to forget under edges:, then run: oro-unlearn graph {options.output}")
