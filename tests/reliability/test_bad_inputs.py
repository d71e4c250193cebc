"""Every known bad input: an error of one line, exit code 2, no code run, and an earlier run unchanged."""

import pytest

from tests.reliability.attempts import BadInput, attempt
from tests.reliability.bad_inputs import TABLE

DRAWN = ("names of class folders", "names of graph objects")  # whose pictures can go wrong
ENTRIES = [
    pytest.param(entry, id=f"{kind}: {ascii(entry.name)[1:-1][:60]}", marks=[pytest.mark.pictures] if kind in DRAWN else [])
    for kind, entries in TABLE.items()
    for entry in entries
]


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_bad_input_is_one_line_and_leaves_what_was_there(entry: BadInput, tmp_path):
    assert attempt(entry, tmp_path) == []


def test_the_table_is_large_and_its_names_differ():
    for kind, entries in TABLE.items():
        names = [entry.name for entry in entries]
        assert len(set(names)) == len(names), kind
    assert sum(map(len, TABLE.values())) >= 70


def test_only_a_disk_that_fills_up_later_costs_the_earlier_run():
    started = [entry.name for entries in TABLE.values() for entry in entries if entry.started]
    assert all("full at" in name for name in started)
    assert len(started) < 10
