"""Captions, and a proof that the words of unlearning and those of measuring are apart."""

import itertools
import random

import pytest

from oro_unlearn.graph import Captions, derive_roles, load_graph
from oro_unlearn.graph.captions import TEMPLATES
from oro_unlearn.graph.wording import wording_key

SCENES = load_graph("scenes")
CAPTIONS = Captions(SCENES)
EATING = ("child", "eating", "hamburger")
BANKS = ("train", "eval")


@pytest.fixture(params=["scenes", "flat lists"])
def graph(request, zoo):
    if request.param == "scenes":
        return SCENES
    return zoo("contexts: [at home, in a barn]", "templates: ['see {caption}', 'a photo of {caption}', 'here is {caption}']")


def concepts(graph):
    names = list(graph.objects)
    every = itertools.product(names, graph.relations, names)
    return [*(triple for triple in every if graph.valid(triple)), *((name,) for name in names)]


def misspellings(captions, text, bank):
    return {captions.typo(text, bank, random.Random(seed)) for seed in range(60)}


def test_no_wording_is_in_both_banks_or_plain(graph):
    """Every caption of every concept, abstract ones included, as it is compared: without articles and punctuation."""
    captions = Captions(graph)
    every = {
        bank: {wording_key(text) for concept in concepts(graph) for text in captions.wordings(concept, bank)} for bank in BANKS
    }
    plain = {wording_key(captions.plain(concept)) for concept in concepts(graph)}
    assert every["train"]
    assert every["eval"]
    assert every["train"].isdisjoint(every["eval"])
    assert plain.isdisjoint(every["train"] | every["eval"])


def test_no_word_template_or_context_is_in_both_banks(graph):
    captions = Captions(graph)
    lists = [
        [node.synonyms for node in graph.objects.values()],
        [relation.phrases for relation in graph.relations.values()],
        [captions.templates],
        [graph.contexts],
    ]
    for group in lists:
        train, evaluation = ({wording_key(text) for banks in group for text in banks[bank]} for bank in BANKS)
        assert train
        assert evaluation
        assert train.isdisjoint(evaluation)


def test_no_sentence_is_in_both_banks(graph):
    """Templates and contexts of each bank around every caption of some concepts, the plain one included."""
    captions = Captions(graph)
    some = concepts(graph)[::97]
    said = {bank: set() for bank in BANKS}
    for bank, concept in itertools.product(BANKS, some):
        for text in (captions.plain(concept), *captions.wordings(concept, bank)):
            for context in ("", *graph.contexts[bank]):
                said[bank].update(captions.sentences(f"{text} {context}".strip(), bank))
    assert said["train"]
    assert said["train"].isdisjoint(said["eval"])


def test_no_typo_is_in_both_banks(graph):
    captions = Captions(graph)
    for word in [word for word in captions.vocabulary() if len(word) >= 4 and word.isalpha()]:
        train, evaluation = (misspellings(captions, word, bank) - {word} for bank in BANKS)
        assert train.isdisjoint(evaluation)
        assert {len(typo) for typo in train} <= {len(word)}
        assert {len(typo) for typo in evaluation} == {len(word) - 1, len(word) + 1}


def test_built_in_templates_hold_the_caption_once():
    for text in itertools.chain(*TEMPLATES.values()):
        assert text.count("{caption}") == 1


@pytest.mark.parametrize(
    ("concept", "text"),
    [
        (EATING, "a child eating a hamburger"),
        (("elder", "next to", "apple"), "an elder next to an apple"),
        (("adult", "drinking", "milk"), "an adult drinking milk"),
        (("hamburger",), "a hamburger"),
        (("milk",), "milk"),
    ],
)
def test_plain(concept, text):
    assert CAPTIONS.plain(concept) == text


def test_wordings_are_all_combinations_but_the_plain_one():
    assert len(CAPTIONS.wordings(EATING, "train")) == 3 * 3 * 3 - 1
    assert CAPTIONS.wordings(EATING, "train")[:2] == ["a child eating a burger", "a child eating a beef burger"]
    assert "a young child munching on a beef burger" in CAPTIONS.wordings(EATING, "train")
    assert CAPTIONS.wordings(("milk",), "train") == ["fresh milk", "a bottle of milk"]
    assert CAPTIONS.wordings(("robot",), "train") == ["an android", "a machine"]
    assert CAPTIONS.plain(EATING) not in CAPTIONS.wordings(EATING, "train") + CAPTIONS.wordings(EATING, "eval")


@pytest.mark.parametrize("bank", BANKS)
def test_say_uses_its_bank_and_never_the_plain_caption(bank):
    generator = random.Random(0)
    wordings = CAPTIONS.wordings(EATING, bank)
    framed = {text for wording in wordings for text in CAPTIONS.sentences(wording, bank)}
    said = [CAPTIONS.say(EATING, bank, generator) for _ in range(400)]
    assert set(said) <= {*wordings, *framed}
    assert 150 < sum(text in framed for text in said) < 250
    assert CAPTIONS.say(EATING, bank, random.Random(3)) == CAPTIONS.say(EATING, bank, random.Random(3))


def test_say_with_a_context():
    assert CAPTIONS.say(EATING, "plain", random.Random(0), "in a meadow") == "a child eating a hamburger in a meadow"
    said = {CAPTIONS.say(("milk",), "eval", random.Random(seed), "in a city at night") for seed in range(50)}
    assert "look, cow's milk in a city at night" in said
    assert "a carton of milk in a city at night" in said


def test_a_concept_without_wordings_is_put_into_a_template(zoo):
    captions = Captions(zoo())
    assert captions.wordings(("dog",), "train") == []
    said = {captions.say(("dog",), "train", random.Random(seed)) for seed in range(50)}
    assert said == set(captions.sentences("a dog", "train"))


@pytest.mark.parametrize("bank", BANKS)
def test_typo_changes_one_long_word(bank):
    text = "a child eating a hamburger"
    for typo in misspellings(CAPTIONS, text, bank):
        changed = [(a, b) for a, b in zip(text.split(), typo.split(), strict=True) if a != b]
        assert len(changed) == 1
        assert len(changed[0][0]) >= 4
        assert changed[0][1] not in CAPTIONS.vocabulary()


def test_typo_without_a_word_that_can_be_misspelt():
    assert CAPTIONS.typo("a cat", "train", random.Random(0)) == "a cat"
    assert CAPTIONS.typo("zzzz on it", "train", random.Random(0)) == "zzzz on it"
    assert CAPTIONS.typo("zzzz on it", "eval", random.Random(0)) in {"zzz on it", "zzzzz on it"}


def test_hypernyms_stay_within_what_is_given():
    unsafe = derive_roles(SCENES, [SCENES.parse("minor drinking alcohol")]).unsafe
    found = CAPTIONS.hypernyms(("toddler", "drinking", "wine"), unsafe)
    assert found == [
        "a minor drinking alcohol", "a minor drinking wine", "a child drinking alcohol", "a child drinking wine",
        "a toddler drinking alcohol",
    ]  # fmt: skip
    assert CAPTIONS.hypernyms(("minor", "drinking", "alcohol"), unsafe) == []
    within = [("toddler", "drinking", "wine"), ("child", "drinking", "wine"), ("dog", "under", "cat")]
    assert CAPTIONS.hypernyms(("toddler", "drinking", "wine"), within) == ["a child drinking wine"]


def test_the_vocabulary_covers_whatever_is_said(graph):
    captions = Captions(graph)
    words = captions.vocabulary()
    assert words == sorted(set(words))
    generator = random.Random(0)
    for concept, bank in itertools.product(concepts(graph)[::13], ("plain", *BANKS)):
        for context in ("", *itertools.chain(*graph.contexts.values())):
            said = captions.say(concept, bank, generator, context).lower()
            assert {word.strip(",") for word in said.split()} <= set(words)
