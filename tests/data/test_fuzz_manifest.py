"""Random manifests can be used, or are refused in one line."""

import json

import pytest
from hypothesis import HealthCheck, given, settings

from tests.reliability.fuzz_manifests import ROWS, Manifest, check_manifest, manifests, prepare


@pytest.fixture(autouse=True)
def prepared(in_an_empty_folder):
    prepare()


@settings(max_examples=60, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(manifests())
def test_any_file_is_a_manifest_or_refused(manifest):
    check_manifest(manifest)


def test_the_manifest_that_is_changed_is_good():
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    assert check_manifest(Manifest("m.jsonl", lines.encode()))
