"""Ready networks: `TwoLayerMLP`, the network of the well-known course assignment."""

from .two_layer import TwoLayerMLP

__all__ = ["TwoLayerMLP"]
