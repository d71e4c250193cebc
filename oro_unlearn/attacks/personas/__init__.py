"""Attacks on models that forgot people: training again, other names, parts of pictures, few bits, and a look at every layer."""

from oro_unlearn.attacks.personas.altered_questions import cropped, renamed
from oro_unlearn.attacks.personas.logit_lens import logit_lens
from oro_unlearn.attacks.personas.relearning import relearn_people

__all__ = ["cropped", "logit_lens", "relearn_people", "renamed"]
