"""Comparisons of the product with its sources: transcribed equations, and well-kept libraries."""
