"""Equations, oriented left to right, and the engine that applies them."""
