"""What a user holds: graphs, derivations, programs. Thin: the work is done in the layers below."""
