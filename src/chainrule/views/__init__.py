"""Readings of one graph: as text, LaTeX, source, cost."""
