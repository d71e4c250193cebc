"""Labelled images: data sets, folders of pictures, and requests to forget classes or single pictures."""
