"""Compares the package with its sources: transcribed equations and well-maintained libraries."""
