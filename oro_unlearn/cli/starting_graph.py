"""A relation graph and a first configuration (YAML) for pictures with captions."""

import json
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from oro_unlearn.cli.starting_config import Start
from oro_unlearn.data.relations.caption_files import STEMS, caption_files
from oro_unlearn.data.relations.caption_tables import SUFFIXES, read_table
from oro_unlearn.report.names import printable
from oro_unlearn.user_error import UserError

ARTICLES = ("a", "an", "the", "is", "are", "some")
TWO_WORDS = ("next to", "standing on", "looking at", "pointing at", "sitting on", "in front", "on top")  # relations
LONGEST = 4  # maximum number of words in a tuple
GRAPH = """\
# Objects and relations of the captions; docs/relation_graph.md describes the other parts of a graph.
# {counted}
objects:  # is_a: [another] puts one below another; synonyms: [other, words]
{objects}
relations:  # subjects: [objects] and objects: [objects] restrict what a relation can connect
{relations}
edges: []  # what to forget, such as - {{edge: {first}, status: unsafe}}; or name it with --data.forget
"""
CONFIG = """\
# Forget a relation of a CLIP model: docs/relation_pairs.md.
# {counted}
# most often: {often}
seed_everything: 0
trainer:
  default_root_dir: {run}
  max_epochs: 8
  gradient_clip_val: 1.0
model:
  class_path: RelationUnlearning
  init_args:
    network:
      class_path: oro_unlearn.networks.OpenCLIP
      init_args: {{name: ViT-B-32-quickgelu, pretrained: {pretrained}}}  # name of the architecture, and weights or a file
    optimizer:
      class_path: torch.optim.AdamW
      init_args: {{lr: 1.0e-3, weight_decay: 0.01}}
data:
  class_path: RelationPairs
  init_args:
    graph: {graph}
    root: {root}
    manifest: {manifest}
    image_size: 224
    batch_size: 32
"""


def caption_start(place: Path, model: str, output: Path) -> Start:
    """A graph of the objects and relations in a table of captions, and a first configuration for it.

    Args:
        place: The table, or a folder that contains one.
        model: Weights of a CLIP model; empty: OpenAI's weights.
        output: Path of the YAML file. The graph is written to the same folder.

    Raises:
        UserError: If no caption or edge can be read as subject, relation and object.
    """
    root, manifest = (place.parent, place.name) if place.is_file() else (place, "")
    rows = [values for file in caption_files(root, manifest) for _, values in read_table(file.path).records]
    texts = [str(row.get("edge") or row.get("caption") or "") for row in rows]
    tuples = Counter(parsed for text in texts if (parsed := split_tuple(text)))
    if not tuples:
        raise UserError(f"{place}: no caption has the form 'subject relation object', such as 'a child holding a ball'")
    counted = f"{len(rows)} rows, {sum(tuples.values())} read as subject, relation and object, {len(tuples)} different ones"
    first, graph = " ".join(next(iter(tuples))), output.with_name(f"{output.stem}_graph.yaml")
    often = ", ".join(f"{' '.join(triple)} ({count})" for triple, count in tuples.most_common(5))
    files = {
        graph: GRAPH.format(
            counted=counted,
            objects=_lines(name for subject, _, thing in tuples for name in (subject, thing)),
            relations=_lines(relation for _, relation, _ in tuples),
            first=first,
        ),
        output: CONFIG.format(
            counted=counted,
            often=printable(often),
            run=json.dumps(f"runs/{root.resolve().name}/forgotten"),
            pretrained=json.dumps(model) if model else "openai",
            graph=json.dumps(str(graph)),
            root=json.dumps(str(root)),
            manifest=json.dumps(manifest),
        ),
    }
    runs = [["oro-unlearn", command, "--config", str(output), "--data.forget", first] for command in ("check", "fit")]
    commands = [shlex.join(words) for words in (["oro-unlearn", "graph", str(graph), "--forget", first], *runs)]
    return Start(files, [f"captions      {counted}", f"most often    {printable(often)}"], commands)


def has_captions(place: Path) -> bool:
    """Whether a path is a table of captions, or a folder that contains one."""
    if place.is_file():
        return place.suffix.lower() in SUFFIXES
    names = {f"{stem}{suffix}" for stem in STEMS for suffix in SUFFIXES}
    return any(path.name.casefold() in names for path in [*place.glob("*"), *place.glob("*/*")] if path.is_file())


def split_tuple(text: str) -> tuple[str, str, str] | None:
    """Subject, relation and object of a short caption.

    Args:
        text: A caption, such as ``A child is holding a ball.``

    Returns:
            Subject, relation and object; None if the caption has another form.

    Example:
        >>> split_tuple("A red circle above a blue square."), split_tuple("a dog next to the cat"), split_tuple("at dawn")
        (('red circle', 'above', 'blue square'), ('dog', 'next to', 'cat'), None)
    """
    phrases = _between_articles(text.lower().strip(" .!").split())
    words = [word for phrase in phrases for word in phrase]
    for size in (2, 1):
        for place in range(1, len(words) - size):
            relation = " ".join(words[place : place + size])
            if (size == 2 and relation in TWO_WORDS) or (size == 1 and len(words) == 3):
                return " ".join(words[:place]), relation, " ".join(words[place + size :])
    if len(phrases) == 2 and len(phrases[0]) > 1 and len(words) <= LONGEST + 1:
        return " ".join(phrases[0][:-1]), phrases[0][-1], " ".join(phrases[1])
    return None


def _between_articles(words: Sequence[str]) -> list[list[str]]:
    """Split words into groups. Each article starts a new group and is dropped."""
    groups: list[list[str]] = [[]]
    for word in words:
        if word in ("is", "are"):
            continue
        if word in ARTICLES:
            groups.append([])
        else:
            groups[-1].append(word)
    return [group for group in groups if group]


def _lines(names: Iterable[Any]) -> str:
    return "\n".join(f"  {json.dumps(name, ensure_ascii=False)}: {{}}" for name in dict.fromkeys(names))
