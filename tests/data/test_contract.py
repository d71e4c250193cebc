"""What methods and the command line may ask of data."""

import pytest
import torch

from oro_unlearn.data import AnyGraph, Digits, Personas, Scenes
from oro_unlearn.data.contract import Data, GraphData, LabelledData, PersonaData, RelationalData, asked_of, lacking
from oro_unlearn.methods import FineTune
from oro_unlearn.networks import SmallCNN
from oro_unlearn.user_error import UserError


def test_our_data_fulfil_the_contract_of_their_kind_and_no_other():
    assert {LabelledData, RelationalData, PersonaData, GraphData} <= set(Data.__subclasses__())
    assert lacking(Digits(), LabelledData) == lacking(Scenes(), RelationalData) == lacking(Personas(), PersonaData) == []
    captions = ["forget_captions", "earlier_captions"]
    assert lacking(Digits(), RelationalData) == ["graph", "vocabulary", *captions, "slots", "measured", "caption_benchmarks"]
    assert "class_names" in lacking(Scenes(), LabelledData)
    graphs = AnyGraph("torch_geometric.datasets.KarateClub")
    assert lacking(graphs, GraphData) == []
    assert "class_names" in lacking(graphs, LabelledData)
    assert "largest_degree" in lacking(Digits(), GraphData)
    assert lacking(Scenes(), PersonaData) == ["persons", "aliases", "refusals"]


def test_what_data_of_a_kind_do_not_have_is_none():
    assert asked_of(Digits(), "num_classes") == 10
    assert asked_of(Scenes(), "num_classes") is asked_of(Personas(), "num_classes") is None
    with pytest.raises(UserError, match="object is a data module without class_names, num_classes, forget_classes, "):
        asked_of(object(), "num_classes")


def test_nothing_is_read_to_compare_data_with_a_contract(monkeypatch):
    monkeypatch.setattr(Digits, "load", lambda _: pytest.fail("the images are read"))
    assert lacking(Digits(), LabelledData) == []


def test_a_split_is_added_beside_those_of_a_request():
    data = Digits(forget="3")
    data.add_split("first", data.split("retain").subset(torch.arange(4)))
    assert len(data.split("first")) == 4
    for name in ("train", "retain", "test_earlier"):
        with pytest.raises(ValueError, match=f"the split '{name}' is the data's own"):
            data.add_split(name, data.split("first"))


def test_a_method_without_data_says_what_it_needs():
    method = FineTune(network=SmallCNN, num_classes=10, forget_classes=[3])
    assert not method.has_data
    with pytest.raises(UserError, match="FineTune needs a data module"):
        _ = method.data
