"""What earlier requests have forgotten: in no training split, and measured again."""

import pytest
import torch

from oro_unlearn.data import Digits
from tests import small_world


def labels(data, split):
    part = data.split(split)
    return set(part.labels[part.positions].tolist())


def test_forgotten_classes_are_in_no_training_split():
    data = Digits(forget=["3"], forgotten=["8", 1])
    assert data.forget_classes == [1, 3, 8]
    assert (data.forget_names, data.forgotten_names) == (["3"], ["1", "8"])
    assert labels(data, "forget") == {3}
    assert labels(data, "retain") == {0, 2, 4, 5, 6, 7, 9}
    assert labels(data, "train") == labels(data, "retain") | {3}
    assert (data.requested_classes, data.earlier_classes) == ([3], [1, 8])
    assert (labels(data, "test_forget"), labels(data, "test_earlier")) == ({3}, {1, 8})
    assert labels(data, "test_retain") == labels(data, "retain")


def test_forgotten_classes_must_exist_and_leave_something():
    with pytest.raises(ValueError, match="forgotten class 'cat' does not exist"):
        _ = Digits(forget=[1], forgotten=["cat"]).forget_classes
    with pytest.raises(ValueError, match="all 10 classes are to be forgotten"):
        _ = Digits(forget=[0], forgotten=list(range(1, 10))).forget_classes


def test_forgotten_tuples_have_no_part_and_are_measured():
    options = {"pairs": 4, "gallery": 1, "probe_pictures": 2, "neighbour_pictures": 1}
    from oro_unlearn.data import Scenes

    before = Scenes(graph=small_world.write_graph(), forget="child eating hamburger", **options)
    earlier = next(t for t in before.listed if t.relation == "eating")
    after = Scenes(graph=small_world.write_graph(), forget="child eating hamburger", forgotten=[str(earlier)], **options)
    assert tuple(earlier) in before.kept
    assert tuple(earlier) not in after.kept
    assert earlier in after.forgotten_concepts
    captions = [text for texts in after.vocabulary.values() for text in texts]
    assert after.captions.plain(earlier) not in captions
    probes = after.measured
    assert probes.forgotten == [probes.concepts.index(triple) for triple in after.forgotten_concepts]
    rows = probes.pairs["forgotten_earlier"][:, 0]
    assert set(probes.picture_concept[rows].tolist()) == set(probes.forgotten)
    assert not torch.isin(probes.pairs["everything_else"][:, 0], rows).any()


def test_a_forgotten_tuple_must_be_allowed():
    from oro_unlearn.data import Scenes

    data = Scenes(forget="child eating hamburger", forgotten=["hamburger eating child"])
    with pytest.raises(ValueError, match="does not allow 'hamburger eating child'"):
        _ = data.roles
