"""Unlearning methods: one LightningModule each."""

from oro_unlearn.methods.base import Batch, UnlearningModule
from oro_unlearn.methods.classes.base import ClassUnlearning
from oro_unlearn.methods.classes.logit_mask import LogitMask
from oro_unlearn.methods.classes.rwft import RWFT
from oro_unlearn.methods.classes.training import Retraining, Training

__all__ = ["RWFT", "Batch", "ClassUnlearning", "LogitMask", "Retraining", "Training", "UnlearningModule"]
