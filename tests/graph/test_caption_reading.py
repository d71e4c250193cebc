"""Captions as people write them, read in the words of a graph."""

from pathlib import Path

import pytest

from oro_unlearn.graph import CaptionReader, load_graph
from tests.small_world import GRAPH

EATING = ("child", "eating", "hamburger")


@pytest.fixture
def reader() -> CaptionReader:
    Path("graph.yaml").write_text(GRAPH)
    return CaptionReader(load_graph("graph.yaml"))


@pytest.mark.parametrize(
    ("caption", "concept"),
    [
        ("child eating hamburger", EATING),
        ("A child eating a hamburger.", EATING),
        ("The KID, munching some burger!", EATING),
        ("A photo of a child eating a hamburger", EATING),
        ("we can see a youngster biting into a cheeseburger", EATING),
        ("There is a child eating a hamburger here.", EATING),
        ("A child is eating a hamburger", EATING),
        ("There is a child who eats a hamburger", None),
        ("A child eating a hamburger in a kitchen", EATING),
        ("a child is eating a hamburger at the birthday party of a friend", EATING),
        ("a child eating a hamburger in the long and winding corridor of an old school", None),
        ("a child eating a hamburger next to a dog", None),
        ("a child eating a hamburger in front of a dog", None),
        ("a child eating a hamburger and a ball", None),
        ("two children eating hamburgers", None),
        ("a small child eating a hamburger", None),
        ("a dog next to an adult", ("dog", "next to", "adult")),
        ("a puppy near the grown-up", ("dog", "next to", "adult")),
        ("hamburger eating child", None),
        ("the puppy", ("dog",)),
        ("a picture of the puppy in a garden", ("dog",)),
        ("a harbour at dawn", None),
        ("", None),
        ("a", None),
        ("the the the", None),
        ("child eating hamburger " * 30, None),
    ],
)
def test_a_caption_is_read_into_a_tuple_or_not_at_all(caption, concept, reader):
    found = reader.read(caption)
    assert (found and found.concept) == concept


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("A photo of the kid eating a burger in a kitchen.", "kid eating burger"),
        ("the puppy", "puppy"),
    ],
)
def test_the_words_that_say_it_are_without_place_and_opening(caption, words, reader):
    assert reader.read(caption).words == words


def test_two_readings_are_none():
    text = GRAPH.replace("  ball:", "  dog eating: {is_a: [agent]}\n  ball:").replace(
        "  holding:", "  eating holding: {}\n  holding:"
    )
    Path("graph.yaml").write_text(text)
    reader = CaptionReader(load_graph("graph.yaml"))
    assert reader.read("dog eating holding ball") is None
    assert reader.read("dog holding ball").concept == ("dog", "holding", "ball")


def test_templates_of_the_graph_are_read():
    Path("graph.yaml").write_text(GRAPH + "templates: {train: ['seen today: {caption}, at last'], eval: ['so {caption}']}\n")
    reader = CaptionReader(load_graph("graph.yaml"))
    assert reader.read("Seen today: a child eating a hamburger, at last!").concept == EATING
    assert reader.read("seen today: a child eating a hamburger") is None


@pytest.mark.parametrize(
    ("caption", "names"),
    [
        ("Two children eat hamburgers", set(EATING)),
        ("puppies at play", {"dog"}),
        ("the youngsters were biting into something", {"child", "eating"}),
        ("a child held two balls", {"child", "holding", "ball"}),
        ("a harbour at dawn", set()),
        ("", set()),
    ],
)
def test_mentions_do_not_depend_on_endings(caption, names, reader):
    assert reader.mentions(caption) == names
