"""Derivatives: a graph in, a graph out."""
