"""Relational data for the tests: drawn, and from a folder."""

from pathlib import Path

import pytest

from oro_unlearn.data import Scenes
from oro_unlearn.data.relations.relation_data import RelationData
from tests.data.pictures import write_folder
from tests.data.relation_world import FEW, MINOR, pairs_of
from tests.small_world import world


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    return write_folder(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(params=["scenes", "small scenes", "several requests", "no propagation", "pairs"])
def data(request, folder) -> RelationData:
    if request.param == "scenes":
        return Scenes(forget=MINOR, withheld=0.3, **FEW)
    if request.param == "several requests":
        return Scenes(forget=["child eating hamburger", "cat next to dog"], rewordings=1, **FEW)
    if request.param == "no propagation":
        return Scenes(propagate=False, listed={"subject": 99, "relation": 99, "object": 99}, **{**FEW, "pairs": 600})
    return world() if request.param == "small scenes" else pairs_of(folder)


@pytest.fixture(params=["scenes", "pairs"])
def small(request, folder) -> RelationData:
    return world() if request.param == "scenes" else pairs_of(folder)
