"""Machine unlearning for vision models: edit a trained model, and measure what it still knows."""

__version__ = "0.1.0"
