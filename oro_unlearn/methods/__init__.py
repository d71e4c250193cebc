"""Unlearning methods: one LightningModule each."""

from oro_unlearn.methods.base import Batch, UnlearningModule
from oro_unlearn.methods.classes.base import ClassUnlearning
from oro_unlearn.methods.classes.logit_mask import LogitMask
from oro_unlearn.methods.classes.rwft import RWFT
from oro_unlearn.methods.classes.training import Retraining, Training
from oro_unlearn.methods.relations.base import RelationalUnlearning
from oro_unlearn.methods.relations.pretraining import Pretraining
from oro_unlearn.methods.relations.push_only import PushOnly
from oro_unlearn.methods.relations.relation_unlearning import RelationUnlearning

__all__ = [
    "RWFT",
    "Batch",
    "ClassUnlearning",
    "LogitMask",
    "Pretraining",
    "PushOnly",
    "RelationUnlearning",
    "RelationalUnlearning",
    "Retraining",
    "Training",
    "UnlearningModule",
]
