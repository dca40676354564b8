"""Measuring models on a labelled corpus by the published protocols."""
