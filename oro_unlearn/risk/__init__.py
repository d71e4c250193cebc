"""Suggest tuples that a person may have forgotten to mark as unsafe in a relation graph."""

from oro_unlearn.risk.listing import Listing, list_tuples
from oro_unlearn.risk.suggesting import RANKINGS, Suggestion, Suggestions, suggest
from oro_unlearn.risk.yaml_block import yaml_block

__all__ = ["RANKINGS", "Listing", "Suggestion", "Suggestions", "list_tuples", "suggest", "yaml_block"]
