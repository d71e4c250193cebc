"""``oro-unlearn demo``: a classifier forgets the digit 8, and a CLIP model forgets the tuple "child eating hamburger"."""

import time
from collections.abc import Sequence
from pathlib import Path

from oro_unlearn.cli.plain_parser import PlainParser
from oro_unlearn.compare.jobs import Job
from oro_unlearn.files import write_text

ABOUT = """\
Train the original and two retrained classifiers of digits, run the free control and three variants of RWFT, and print one
table. Then edit the CLIP model of the embedded world with an adapter, and print what was forgotten and kept. Finished stages
are reused if their configuration and inputs have not changed. Takes a few minutes."""
ROOT = Path("runs/digits-small_cnn")
CONFIGS = Path("digits")
RELATION = Path("runs/scenes-clip/shield")
CAPTION = (
    "Accuracy on test images. Relearned: balanced accuracy of the forgotten digit after 10 training steps, which shows what "
    "the features still know. The ideal is the value of the retrained models."
)
LABELS = {
    "logit_mask": "LogitMask (free)",
    "rwft_o": "RWFT-O",
    "rwft_2_o": "RWFT-2-O",
    "rw_a": "RW-A",
}


def parser() -> PlainParser:
    """Options of ``demo``."""
    result = PlainParser("demo", description=ABOUT)
    result.add_argument("--forget", default="8", metavar="DIGIT", help="the digit to forget; default: 8")
    default = "child eating hamburger"
    result.add_argument("--relation", default=default, metavar="TUPLE", help=f"the tuple to forget; default: {default}")
    return result


def stages(forget: str) -> list[Job]:
    """The jobs of the table, in the order in which they run."""
    request = ["--data.forget", f"[{forget}]"]
    original, retrained = ROOT / "original/model.safetensors", [ROOT / f"retrained-{n}/model.safetensors" for n in (0, 1)]
    references = ["--model.original", str(original), "--model.retrained", f"[{', '.join(map(str, retrained))}]"]
    return [
        Job(ROOT / "original", CONFIGS / "original.yaml", 0, [], []),
        *(Job(ROOT / f"retrained-{n}", CONFIGS / "retrained.yaml", 100 + n, request, []) for n in (0, 1)),
        *(Job(ROOT / name, CONFIGS / f"{name}.yaml", 0, [*request, *references], [original, *retrained]) for name in LABELS),
    ]


def relation_job(text: str) -> Job:
    """The job that forgets a tuple with the default recipe for relations."""
    from oro_unlearn.networks.clip_weights import SCENES

    shipped = SCENES / "open_clip_model.safetensors"
    return Job(RELATION, Path("scenes/shield.yaml"), 0, ["--data.forget", text], [shipped])


def main(words: Sequence[str]) -> None:
    """Run all stages and print the comparison.

    Args:
        words: The words after ``demo``.

    Raises:
        UserError: If the digit or the tuple does not exist.
    """
    from rich.console import Console

    options = parser().parse_args(words)
    console, start = Console(), time.perf_counter()
    plan, relation = stages(options.forget), relation_job(options.relation)
    reused = relation.usable()  # only then the report is printed below: a new run prints it itself
    for job in (*plan, relation):
        if job.usable():
            console.print(f"[green]✓[/green] {job.folder.name}: finished already, reused ({job.folder})")
            continue
        console.rule(job.folder.name)
        console.print("oro-unlearn", *job.command, style="dim", highlight=False)
        job.run()
    from oro_unlearn.report.relation_report import report_table as relation_table
    from oro_unlearn.report.tables import comparison_rows, markdown_table, rich_table

    reports = [{**job.report(), "label": LABELS[job.folder.name]} for job in plan if job.folder.name in LABELS]
    rows = comparison_rows(reports)
    console.rule("comparison")
    console.print(rich_table(rows, f"The digit {options.forget} forgotten", CAPTION))
    if reused:
        console.rule("relation")
        console.print(relation_table(relation.report()))
    write_text(f"{markdown_table(rows)}\n\n{CAPTION}\n", ROOT / "comparison.md")
    console.print(f"{time.perf_counter() - start:.0f} s; table in {ROOT}/comparison.md, pictures in {ROOT}/*/redirection.png")
    console.print(f"the relation's report, adapter and pictures (closest.png first) in {relation.folder}")
