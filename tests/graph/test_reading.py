"""What a graph's file may hold, and the one line that every mistake gets."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

import oro_unlearn.graph
from oro_unlearn.graph import derive_roles, load_graph
from oro_unlearn.user_error import UserError

FOLDER = Path(oro_unlearn.graph.__file__).parent
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "relation_graph.md"
OBJECTS = "objects: {cat: {is_a: animal}, dog: {is_a: animal}, kitten: {is_a: cat}, animal: , milk: {mass: true}}\n"
RELATIONS = "relations: {near: }\n"
KINDS = "relations: {near: {symmetric: true}, drinking: {subjects: [animal], objects: [milk]}}\n"
EDGES = OBJECTS + KINDS + "edges:\n"
UNSAFE = EDGES + "  - {edge: cat drinking milk, status: unsafe}\n"

MISTAKES = {  # content, line, message
    "empty file": ("", 1, "the graph is empty"),
    "only a comment": ("# nothing\n", 1, "the graph is empty"),
    "a list": ("- cat\n", 1, "the graph must be a mapping .* not a list"),
    "no relations": ("objects: {cat: }\n", 1, "the graph is empty: it needs relations"),
    "objects left empty": ("relations: {near: }\nobjects:\n", 2, "the graph is empty: it needs objects"),
    "no object": ("objects: {}\n" + RELATIONS, 1, "the graph is empty: it needs objects"),
    "YAML": (OBJECTS + RELATIONS + "edges: [\n", 4, "no valid YAML"),
    "a tab": ("objects:\n\tcat:\n", 2, "no valid YAML"),
    "two documents": (OBJECTS + "---\n" + RELATIONS, 2, "no valid YAML"),
    "a control character": (OBJECTS + "rela\x07tions:\n", 2, "no valid YAML: special characters"),
    "a tag": (
        "objects: {cat: {mass: !!python/name:os.system x}}\n" + RELATIONS,
        1,
        "mass of object 'cat' must be true or false",
    ),
    "a tagged name": (
        "objects: {cat: {is_a: [!!binary aGk=]}}\n" + RELATIONS,
        1,
        "must be text, not a value with the tag '!!binary'",
    ),
    "an impossible bool": ("objects: {cat: {mass: !!bool banana}}\n" + RELATIONS, 1, "must be true or false"),
    "an alias": ("objects:\n  cat: &a {mass: true}\n  dog: *a\n" + RELATIONS, 3, "aliases .* not allowed"),
    "an anchor twice": ("objects: {&a cat: , &a dog: }\n" + RELATIONS, 1, "no valid YAML: found duplicate anchor 'a'"),
    "depth": ("objects: " + "[" * 20_000 + "\n", 1, "nested too deeply"),
    "an unknown part": (OBJECTS + RELATIONS + "edgs: []\n", 3, "unknown key 'edgs' .*did you mean 'edges'"),
    "an unknown key of an object": (
        "objects:\n  cat:\n    isa: dog\n" + RELATIONS,
        3,
        "unknown key 'isa' .*did you mean 'is_a'",
    ),
    "an unknown key of a relation": (OBJECTS + "relations: {near: {subject: cat}}\n", 2, "'subject' .*did you mean 'subjects'"),
    "an unknown key of an edge": (EDGES + "  - {edges: cat near dog}\n", 4, "unknown key 'edges' .*did you mean 'edge'"),
    "an unknown bank": (
        "objects: {cat: {synonyms: {test: [a]}}}\n" + RELATIONS,
        1,
        "unknown key 'test' in synonyms of object 'cat'",
    ),
    "an object twice": ("objects:\n  cat: {}\n  cat: {}\n" + RELATIONS, 3, "'cat' is given twice in objects, first on line 2"),
    "a key twice": ("objects: {cat: {mass: true, mass: false}}\n" + RELATIONS, 1, "'mass' is given twice in object 'cat'"),
    "a part twice": (OBJECTS + RELATIONS + RELATIONS, 3, "'relations' is given twice in the graph, first on line 2"),
    "objects that read alike": ("objects:\n  hot dog: {}\n  Hot-Dog: {}\n" + RELATIONS, 3, "reads as object 'hot dog'"),
    "a name without letters": ("objects: {'!?': }\n" + RELATIONS, 1, "has no letters"),
    "an empty name": ("objects: {'': }\n" + RELATIONS, 1, "must be printable text"),
    "a number for a bool": (
        "objects: {cat: {mass: 1}}\n" + RELATIONS,
        1,
        "mass of object 'cat' must be true or false, not '1'",
    ),
    "a mapping for a text": (
        "objects: {cat: {is_a: [{a: b}]}}\n" + RELATIONS,
        1,
        "is_a of object 'cat' must be text, not a mapping",
    ),
    "nothing for a text": ("objects: {cat: {attributes: [~]}}\n" + RELATIONS, 1, "must be text, not nothing"),
    "a text for an object": ("objects: {cat: animal}\n" + RELATIONS, 1, "object 'cat' must be a mapping .* not 'animal'"),
    "a text for a bank": (
        "objects: {cat: {synonyms: {train: a}}}\n" + RELATIONS,
        1,
        "train of synonyms of object 'cat' must be a list",
    ),
    "a mapping for edges": (OBJECTS + RELATIONS + "edges: {a: b}\n", 3, "edges must be a list"),
    "a text for an edge": (EDGES + "  - cat near dog\n", 4, "an edge must be a mapping"),
    "a long text": ("objects: {cat: {attributes: [" + "a" * 1001 + "]}}\n" + RELATIONS, 1, "has 1001 letters, at most 1000"),
    "an unknown parent": (
        "objects:\n  cat: {}\n  dog: {is_a: [cta]}\n" + RELATIONS,
        3,
        "unknown object 'cta': did you mean 'cat'",
    ),
    "an unknown kind": (
        OBJECTS + "relations:\n  near: {objects: [mlik]}\n",
        3,
        "allows unknown object 'mlik': did you mean 'milk'",
    ),
    "a cycle": (
        "objects:\n  top: {}\n  a: {is_a: [top, b]}\n  b: {is_a: c}\n  c: {is_a: a}\n  low: {is_a: a}\n" + RELATIONS,
        3,
        "is_a goes in a circle: a is_a b is_a c is_a a",
    ),
    "its own parent": ("objects: {a: {is_a: a}}\n" + RELATIONS, 1, "circle: a is_a a"),
    "an unknown object in an edge": (
        EDGES + "  - {edge: cta near dog, status: safe}\n",
        4,
        "unknown object 'cta' .*did you mean 'cat'",
    ),
    "an unknown relation in an edge": (
        EDGES + "  - {edge: cat nea dog, status: safe}\n",
        4,
        "unknown relation 'nea' .*mean 'near'",
    ),
    "an unknown part of an edge": (
        EDGES + "  - subject: cat\n    relation: near\n    object: dgo\n    status: safe\n",
        6,
        "unknown object 'dgo': did you mean 'dog'",
    ),
    "half an edge": (
        EDGES + "  - {subject: cat, object: dog, status: safe}\n",
        4,
        "an edge needs either edge: .*, or subject, relation",
    ),
    "both forms of an edge": (EDGES + "  - {edge: cat near dog, subject: cat, status: safe}\n", 4, "an edge needs either"),
    "no status": (EDGES + "  - {edge: cat near dog}\n", 4, "needs a status"),
    "an unknown status": (EDGES + "  - {edge: cat near dog,\n     status: bad}\n", 5, "unsafe, safe or neutral, not 'bad'"),
    "a kind that is not allowed": (
        EDGES + "  - {edge: cat drinking dog, status: safe}\n",
        4,
        "object of 'drinking' must be one of milk",
    ),
    "a subject that is not allowed": (
        EDGES + "  - {edge: milk drinking milk, status: safe}\n",
        4,
        "subject and object must differ",
    ),
    "an edge twice": (UNSAFE + "  - {edge: cat drinking milk, status: unsafe}\n", 5, "given twice, first on line 4"),
    "two statuses": (UNSAFE + "  - {edge: cat drinking milk, status: safe}\n", 5, "is given safe and unsafe, first on line 4"),
    "two statuses of one meaning": (
        EDGES + "  - {edge: cat near dog, status: unsafe}\n  - {edge: dog near cat, status: safe, override: true, reason: a}\n",
        5,
        "means the same as the unsafe 'cat near dog' on line 4",
    ),
    "safe below unsafe": (
        UNSAFE + "  - {edge: kitten drinking milk, status: safe}\n",
        5,
        "follows from the unsafe .* on line 4",
    ),
    "neutral below unsafe": (UNSAFE + "  - {edge: kitten drinking milk, status: neutral}\n", 5, "override: true and a reason"),
    "safe below a mirrored unsafe": (
        EDGES + "  - {edge: cat near dog, status: unsafe}\n  - {edge: dog near kitten, status: safe}\n",
        5,
        "follows from the unsafe 'cat near dog'",
    ),
    "an override without reason": (
        UNSAFE + "  - {edge: kitten drinking milk, status: safe, override: true}\n",
        5,
        "needs a reason",
    ),
    "an unsafe override": (
        EDGES + "  - {edge: cat near dog, status: unsafe, override: true, reason: a}\n",
        4,
        "is for safe and neutral",
    ),
    "a name as synonym": (
        "objects:\n  cat: {}\n  dog: {synonyms: [the Cat]}\n" + RELATIONS,
        3,
        "'the Cat' .* is the name of object 'cat'",
    ),
    "its own name as synonym": ("objects: {cat: {synonyms: [a cat]}}\n" + RELATIONS, 1, "is the name of object 'cat'"),
    "a synonym of two objects": (
        "objects:\n  cat: {synonyms: {train: [pet]}}\n  dog: {synonyms: {train: [a pet]}}\n" + RELATIONS,
        3,
        "'a pet' of object 'dog' is also a wording of object 'cat'",
    ),
    "a synonym in both banks": (
        "objects:\n  cat: {synonyms: {train: [pet],\n    eval: [a pet]}}\n" + RELATIONS,
        3,
        "'a pet' of synonyms of object 'cat' is in both train and eval",
    ),
    "a synonym in both banks of relatives": (
        "objects:\n  cat: {synonyms: {train: [pet]}}\n  kitten: {is_a: cat, synonyms: {eval: [pet]}}\n" + RELATIONS,
        3,
        "is in eval here and in train of object 'cat'",
    ),
    "a synonym twice": ("objects: {cat: {synonyms: {train: [pet, Pet]}}}\n" + RELATIONS, 1, "'Pet' .* is given twice in train"),
    "a phrase of two relations": (
        OBJECTS + "relations:\n  at: {phrases: [by]}\n  near: {phrases: [by]}\n",
        4,
        "'by' of relation 'near' is also a wording of relation 'at'",
    ),
    "a relation as phrase": (
        OBJECTS + "relations:\n  at: {}\n  near: {phrases: [at]}\n",
        4,
        "'at' .* is the name of relation 'at'",
    ),
    "a context in both banks": (
        OBJECTS + RELATIONS + "contexts:\n  train: [in a park]\n  eval: [in a Park]\n",
        5,
        "is in both train and eval",
    ),
    "a template in both banks": (
        OBJECTS + RELATIONS + "templates:\n  train: ['see {caption}']\n  eval: ['See, {caption}!']\n",
        5,
        "is in both train and eval",
    ),
    "a template without slot": (OBJECTS + RELATIONS + "templates: [a photo, 'a {caption}']\n", 3, "needs {caption} once"),
    "a template without words": (OBJECTS + RELATIONS + "templates: ['{caption}', 'see {caption}']\n", 3, "and words around it"),
    "templates for one bank": (OBJECTS + RELATIONS + "templates: ['see {caption}']\n", 3, "at least one sentence for train"),
    "many wordings": (
        "objects: {cat: {synonyms: {train: [" + ", ".join(f"cat{i}" for i in range(51)) + "]}}}\n" + RELATIONS,
        1,
        "51 train items in synonyms of object 'cat' are too many: at most 50",
    ),
    "many objects": (
        "objects: {" + ", ".join(f"cat{i}: " for i in range(2001)) + "}\n" + RELATIONS,
        1,
        "2001 objects are too many",
    ),
    "many edges": (EDGES + "  - {edge: cat near dog, status: safe}\n" * 2001, 4, "2001 edges are too many"),
    "a tall hierarchy": (
        "objects:\n  a0: {}\n" + "".join(f"  a{i}: {{is_a: a{i - 1}}}\n" for i in range(1, 102)) + "relations: {near: }\n",
        102,
        "'a100' has more than 100 objects above it",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_gets_one_line_with_its_place(tmp_path, name):
    content, line, message = MISTAKES[name]
    path = tmp_path / "graph.yaml"
    path.write_text(content)
    with pytest.raises(ValueError, match=rf"graph\.yaml:{line}: .*{message}") as caught:
        load_graph(path)
    assert "\n" not in str(caught.value)
    assert type(caught.value) is UserError


def test_too_many_triples(tmp_path):
    path = tmp_path / "graph.yaml"
    path.write_text("objects: {" + ", ".join(f"cat{i}: " for i in range(1000)) + "}\nrelations: {near: }\n")
    with pytest.raises(ValueError, match=r"graph\.yaml: the relations allow 1000000 triples, at most 500000"):
        load_graph(path)


def test_edges_that_stand_for_too_many_triples(tmp_path):
    names = [f"cat{i}" for i in range(703)]
    edges = "".join(
        f"  - {{edge: {end}, status: unsafe}}\n" for end in ("top near top2", *(f"top near cat{i}" for i in range(9)))
    )
    objects = "".join(f"  {name}: {{is_a: [top, top2]}}\n" for name in names)
    path = tmp_path / "graph.yaml"
    path.write_text(f"objects:\n  top: {{}}\n  top2: {{}}\n{objects}relations: {{near: }}\nedges:\n{edges}")
    with pytest.raises(ValueError, match=r"graph\.yaml: the edges stand for \d+ triples, at most 500000"):
        load_graph(path)


def test_too_many_items(tmp_path, monkeypatch):
    monkeypatch.setattr("oro_unlearn.graph.yaml_limits.MAX_NODES", 20)
    path = tmp_path / "graph.yaml"
    path.write_text("objects:\n  a: {}\n  b: [" + "a," * 20 + "]\n")
    with pytest.raises(ValueError, match=r"graph\.yaml:3: no valid YAML: more than 20 keys, values and items"):
        load_graph(path)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match=r"no graph file .*none\.yaml: give the path"):
        load_graph(tmp_path / "none.yaml")
    with pytest.raises(ValueError, match="is not a file"):
        load_graph(tmp_path)
    path = tmp_path / "graph.yaml"
    path.write_bytes(b"objects:\n  caf\xe9: {}\n")
    with pytest.raises(ValueError, match=r"graph\.yaml:2: the file is not UTF-8"):
        load_graph(path)
    path.write_bytes(b"#" * 2_000_001)
    with pytest.raises(ValueError, match=r"graph\.yaml is larger than 2 MB"):
        load_graph(path)


def test_names_are_text_whatever_yaml_takes_them_for(tmp_path):
    path = tmp_path / "graph.yaml"
    path.write_text("\ufeffobjects: {yes: , 7: , Café: }\nrelations: {on: {phrases: {train: [off]}}}\nedges:\n")
    graph = load_graph(path)
    assert list(graph.objects) == ["yes", "7", "Café"]
    assert graph.parse("café ON 7") == ("Café", "on", "7")
    assert graph.relations["on"].phrases == {"train": ("off",), "eval": ()}


def test_what_the_zoo_says(zoo):
    graph = zoo(
        "edges:",
        "  - {edge: cat drinking milk, status: unsafe}",
        "  - {subject: kitten, relation: drinking, object: milk, status: safe, override: true, reason: it is young}",
        "contexts: [at home, in a barn, in a zoo]",
        "templates: ['see {caption}', 'photo of {caption}']",
    )
    assert graph.objects["cat"].synonyms == {"train": ("pussy cat",), "eval": ("moggy", "feline")}
    assert graph.objects["dog"].is_a == ("animal",)
    assert graph.contexts == {"train": ("in a barn",), "eval": ("at home", "in a zoo")}
    assert graph.templates == {"train": ("photo of {caption}",), "eval": ("see {caption}",)}
    assert graph.relations["next to"].symmetric
    first, second = graph.edges
    assert (first.triple, first.status, first.override, first.line) == (("cat", "drinking", "milk"), "unsafe", False, 12)
    assert (second.override, second.reason, second.line) == (True, "it is young", 13)
    assert graph.objects["milk"].line == 6


def test_an_ancestor_and_its_descendant_may_share_a_synonym(tmp_path):
    path = tmp_path / "graph.yaml"
    objects = "{kitten: {is_a: cat, synonyms: {train: [pet]}}, cat: {synonyms: {train: [pet]}}, milk: }"
    path.write_text(f"objects: {objects}\nrelations: {{near: }}\n")
    assert load_graph(path).parse("pet near milk") == ("cat", "near", "milk")  # the more general one


def schema():
    return json.loads((FOLDER / "graph.schema.json").read_text())


def test_the_example_satisfies_the_schema_and_names_it():
    text = (FOLDER / "scenes.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=graph.schema.json\n")
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(yaml.safe_load(text), schema())


def test_the_example_of_the_documentation(tmp_path):
    example = DOCUMENTATION.read_text().split("```yaml\n")[1].split("```")[0]
    jsonschema.validate(yaml.safe_load(example), schema())
    path = tmp_path / "graph.yaml"
    path.write_text(example)
    roles = derive_roles(load_graph(path))
    assert ("toddler", "drinking", "wine") in roles.unsafe
    assert ("toddler", "drinking", "sacramental wine") not in roles.unsafe
    assert ("adult", "drinking", "wine") in roles.listed


IN_SCHEMA = """
an unknown part; an unknown key of an object; an unknown bank; a number for a bool; a text for an object; no relations; a list;
half an edge; both forms of an edge; no status; an unknown status; an override without reason; an unsafe override; no object;
a template without slot; templates for one bank; a text for an edge; many wordings; many objects; many edges; a long text"""


@pytest.mark.parametrize("name", " ".join(IN_SCHEMA.split()).split("; "))
def test_the_schema_refuses_what_the_reader_refuses(name):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(MISTAKES[name][0]), schema())
