"""Text in: what a person writes as mathematics becomes a graph. Nothing that is read is ever evaluated as Python."""
