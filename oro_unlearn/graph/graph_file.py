"""Read a relation graph from its YAML file."""

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import cast, get_args

import yaml

from oro_unlearn.graph.checks import check_edges, check_hierarchy, check_relations, check_wordings
from oro_unlearn.graph.relation_graph import Edge, Node, Relation, RelationGraph, Status, Triple
from oro_unlearn.graph.wording import BANKS, brief, closest, wording_key
from oro_unlearn.graph.yaml_lines import YamlFile, is_null, line_of

SCENES = Path(__file__).with_name("scenes.yaml")
# Keys and limits are defined once, in the schema that editors read. jsonschema would find the same mistakes, but its messages
# say less: they do not name the object or suggest a correction, and they print the whole of a list that is too long.
SCHEMA = json.loads(Path(__file__).with_name("graph.schema.json").read_text(encoding="utf-8"))
PARTS, FORMS = SCHEMA["properties"], SCHEMA["$defs"]
NODE_KEYS, RELATION_KEYS, EDGE_KEYS = (tuple(FORMS[form]["properties"]) for form in ("object", "relation", "edge"))
LIMITS = {part: PARTS[part].get("maxProperties", PARTS[part].get("maxItems")) for part in ("objects", "relations", "edges")}
MAX_WORDINGS = FORMS["wordings"]["maxItems"]  # in one bank of one object or relation
Banks = dict[str, tuple[str, ...]]


@brief()
def load_graph(path: str | Path = "") -> RelationGraph:
    """Read and check a graph.

    Args:
        path: A YAML file as described in docs/relation_graph.md; "" or "scenes" for the example that is shipped.

    Raises:
        UserError: If the file is missing or is not a valid graph. The message is one line with file and line number.
    """
    file = YamlFile(SCENES if str(path) in {"", "scenes"} else Path(path))
    parts = file.mapping(file.root, "the graph", tuple(PARTS))
    for part in ("objects", "relations"):
        if part not in parts or is_null(parts[part][1]):
            raise file.error(parts[part][0] if part in parts else 1, f"the graph is empty: it needs {part}")
    graph = RelationGraph(
        path=file.path,
        objects=_objects(file, parts["objects"][1]),
        relations=_relations(file, parts["relations"][1]),
        edges=[],
        contexts=_banks(file, parts["contexts"][1], "contexts") if "contexts" in parts else _empty(),
        templates=_templates(file, parts["templates"][1]) if "templates" in parts else _empty(),
    )
    check_relations(graph)
    check_wordings(graph)
    if "edges" in parts and not is_null(parts["edges"][1]):
        graph.edges += _edges(file, parts["edges"][1], graph)
    check_edges(graph)
    return graph


def _objects(file: YamlFile, node: yaml.Node) -> dict[str, Node]:
    found = {}
    for name, line, what, values in _entries(file, node, "object", NODE_KEYS):
        if "attributes" in values:  # free notes of the user: checked but not stored
            file.texts(values["attributes"], f"attributes of {what}")
        found[name] = Node(
            name=name,
            is_a=file.texts(values["is_a"], f"is_a of {what}") if "is_a" in values else (),
            synonyms=_banks(file, values["synonyms"], f"synonyms of {what}") if "synonyms" in values else _empty(),
            mass="mass" in values and file.flag(values["mass"], f"mass of {what}"),
            abstract="abstract" in values and file.flag(values["abstract"], f"abstract of {what}"),
            line=line,
        )
    check_hierarchy(file.path, found)
    return found


def _relations(file: YamlFile, node: yaml.Node) -> dict[str, Relation]:
    found = {}
    for name, line, what, values in _entries(file, node, "relation", RELATION_KEYS):
        found[name] = Relation(
            name=name,
            phrases=_banks(file, values["phrases"], f"phrases of {what}") if "phrases" in values else _empty(),
            subjects=file.texts(values["subjects"], f"subjects of {what}") if "subjects" in values else (),
            objects=file.texts(values["objects"], f"objects of {what}") if "objects" in values else (),
            symmetric="symmetric" in values and file.flag(values["symmetric"], f"symmetric of {what}"),
            line=line,
        )
    return found


def _entries(
    file: YamlFile, node: yaml.Node, kind: str, known: Collection[str]
) -> Iterator[tuple[str, int, str, dict[str, yaml.Node]]]:
    """Objects or relations: name, line, what messages call it, and its values by key."""
    part = f"{kind}s"
    entries = file.mapping(node, part)
    if not entries:
        raise file.error(node, f"the graph is empty: it needs {part}")
    if len(entries) > LIMITS[part]:
        raise file.error(node, f"{len(entries)} {part} are too many: at most {LIMITS[part]}")
    for name, (line, value) in entries.items():
        what = f"{kind} {name!r}"
        keys = {} if is_null(value) else file.mapping(value, what, known)
        yield name, line, what, {key: item for key, (_, item) in keys.items()}


def _edges(file: YamlFile, node: yaml.Node, graph: RelationGraph) -> list[Edge]:
    items = file.sequence(node, "edges")
    if len(items) > LIMITS["edges"]:
        raise file.error(node, f"{len(items)} edges are too many: at most {LIMITS['edges']}")
    return [_edge(file, item, graph) for item in items]


def _edge(file: YamlFile, node: yaml.Node, graph: RelationGraph) -> Edge:
    keys = {key: value for key, (_, value) in file.mapping(node, "an edge", EDGE_KEYS).items()}
    triple = _triple(file, node, keys, graph)
    status = file.text(keys["status"], "status") if "status" in keys else ""
    if status not in get_args(Status):
        raise file.error(keys.get("status", node), f"'{triple}' needs a status: unsafe, safe or neutral, not {status!r}")
    override = "override" in keys and file.flag(keys["override"], "override")
    reason = file.text(keys["reason"], "reason") if "reason" in keys else ""
    if override and (status == "unsafe" or not reason):
        problem = "is for safe and neutral edges" if status == "unsafe" else "needs a reason"
        raise file.error(keys["override"], f"override of '{triple}' {problem}")
    return Edge(triple, cast(Status, status), override, reason, line_of(node))


def _triple(file: YamlFile, node: yaml.Node, keys: dict[str, yaml.Node], graph: RelationGraph) -> Triple:
    """The triple of an edge, from its one text or from its three parts."""
    parts = [key for key in Triple._fields if key in keys]
    if ("edge" in keys) == bool(parts) or len(parts) not in {0, 3}:
        raise file.error(node, "an edge needs either edge: 'child eating hamburger', or subject, relation and object")
    if "edge" in keys:
        text = file.text(keys["edge"], "edge")
        try:
            return graph.parse(text)
        except ValueError as error:
            raise file.error(keys["edge"], str(error)) from None
    triple = Triple(*(file.text(keys[key], key) for key in parts))
    for key, name in zip(parts, triple, strict=True):
        known = graph.relations if key == "relation" else graph.objects
        if name not in known:
            raise file.error(keys[key], f"unknown {key} {name!r}: {closest(name, known)}")
    return triple


def _banks(file: YamlFile, node: yaml.Node, what: str) -> Banks:
    """Wordings by bank. A flat list is divided: the first wording goes to eval, the second to train, and so on."""
    items: dict[str, list[yaml.Node]] = {bank: [] for bank in BANKS}
    if isinstance(node, yaml.SequenceNode):
        items = {"train": node.value[1::2], "eval": node.value[::2]}
    else:
        for bank, (_, value) in file.mapping(node, what, BANKS).items():
            items[bank] = file.sequence(value, f"{bank} of {what}")
    seen: dict[str, str] = {}
    found: dict[str, list[str]] = {"train": [], "eval": []}
    for bank, item in [(bank, item) for bank, nodes in items.items() for item in nodes]:
        text = file.text(item, f"an item of {what}")
        key = wording_key(text)
        if not key:
            raise file.error(item, f"{text!r} of {what} has no letters")
        if key in seen:
            problem = f"is given twice in {bank}" if seen[key] == bank else "is in both train and eval: keep the banks apart"
            raise file.error(item, f"{text!r} of {what} {problem}")
        seen[key] = bank
        found[bank].append(text)
    for bank, texts in found.items():
        if len(texts) > MAX_WORDINGS:
            raise file.error(node, f"{len(texts)} {bank} items in {what} are too many: at most {MAX_WORDINGS}")
    return {bank: tuple(texts) for bank, texts in found.items()}


def _templates(file: YamlFile, node: yaml.Node) -> Banks:
    found = _banks(file, node, "templates")
    for bank, texts in found.items():
        if not texts:
            raise file.error(node, f"templates need at least one sentence for {bank}, or leave them all out")
        for text in texts:
            if text.count("{caption}") != 1 or not wording_key(text.replace("{caption}", "")):
                raise file.error(node, f"the template {text!r} needs {{caption}} once, and words around it")
    return found


def _empty() -> Banks:
    return dict.fromkeys(BANKS, ())
