"""Running printed programs: NumPy, and XLA through JAX."""
