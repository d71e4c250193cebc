"""Machine unlearning for vision models: forget, and show that it was forgotten."""

__version__ = "0.1.0"
