"""Unlearning methods: one LightningModule each."""

from oro_unlearn.methods.classes.amun import AMUN
from oro_unlearn.methods.classes.bad_teacher import BadTeacher
from oro_unlearn.methods.classes.boundary_expand import BoundaryExpand
from oro_unlearn.methods.classes.boundary_shrink import BoundaryShrink
from oro_unlearn.methods.classes.cf_k import CFk
from oro_unlearn.methods.classes.class_unlearning import ClassUnlearning
from oro_unlearn.methods.classes.closed_form_class import ClosedFormClass
from oro_unlearn.methods.classes.eu_k import EUk
from oro_unlearn.methods.classes.fine_tune import FineTune
from oro_unlearn.methods.classes.graded_reset import GradedReset
from oro_unlearn.methods.classes.gradient_ascent import GradientAscent
from oro_unlearn.methods.classes.l1_sparse import L1Sparse
from oro_unlearn.methods.classes.logit_mask import LogitMask
from oro_unlearn.methods.classes.neg_grad_plus import NegGradPlus
from oro_unlearn.methods.classes.random_labels import RandomLabels
from oro_unlearn.methods.classes.rwft import RWFT
from oro_unlearn.methods.classes.sal_un import SalUn
from oro_unlearn.methods.classes.scrub import SCRUB
from oro_unlearn.methods.classes.ssd import SSD
from oro_unlearn.methods.classes.svd_unlearning import SVDUnlearning
from oro_unlearn.methods.classes.training import Retraining, Training
from oro_unlearn.methods.classes.unsir import UNSIR
from oro_unlearn.methods.graphs.gpl import GPL
from oro_unlearn.methods.graphs.graph_training import GraphTraining
from oro_unlearn.methods.graphs.ses import SES
from oro_unlearn.methods.personas.grad_diff import GradDiff
from oro_unlearn.methods.personas.kl_min import KLMin
from oro_unlearn.methods.personas.manu import MANU
from oro_unlearn.methods.personas.mip_editor import MIPEditor
from oro_unlearn.methods.personas.npo import NPO
from oro_unlearn.methods.personas.persona_training import PersonaPretraining, PersonaRetraining, PersonaTraining
from oro_unlearn.methods.personas.persona_unlearning import PersonaUnlearning
from oro_unlearn.methods.personas.refusal_tuning import RefusalTuning
from oro_unlearn.methods.personas.retain_fine_tuning import RetainFineTuning
from oro_unlearn.methods.relations.causal_pruning import CausalPruning
from oro_unlearn.methods.relations.closed_form_relation import ClosedFormRelation
from oro_unlearn.methods.relations.neuron_path_relation import NeuronPathRelation
from oro_unlearn.methods.relations.pretraining import Pretraining
from oro_unlearn.methods.relations.push_only import PushOnly
from oro_unlearn.methods.relations.relation_removal import RelationRemoval
from oro_unlearn.methods.relations.relation_unlearning import RelationUnlearning
from oro_unlearn.methods.relations.relational_unlearning import RelationalUnlearning
from oro_unlearn.methods.unlearning_module import Batch, UnlearningModule

__all__ = [
    "AMUN",
    "GPL",
    "MANU",
    "NPO",
    "RWFT",
    "SCRUB",
    "SES",
    "SSD",
    "UNSIR",
    "BadTeacher",
    "Batch",
    "BoundaryExpand",
    "BoundaryShrink",
    "CFk",
    "CausalPruning",
    "ClassUnlearning",
    "ClosedFormClass",
    "ClosedFormRelation",
    "EUk",
    "FineTune",
    "GradDiff",
    "GradedReset",
    "GradientAscent",
    "GraphTraining",
    "KLMin",
    "L1Sparse",
    "LogitMask",
    "MIPEditor",
    "NegGradPlus",
    "NeuronPathRelation",
    "PersonaPretraining",
    "PersonaRetraining",
    "PersonaTraining",
    "PersonaUnlearning",
    "Pretraining",
    "PushOnly",
    "RandomLabels",
    "RefusalTuning",
    "RelationRemoval",
    "RelationUnlearning",
    "RelationalUnlearning",
    "RetainFineTuning",
    "Retraining",
    "SVDUnlearning",
    "SalUn",
    "Training",
    "UnlearningModule",
]
