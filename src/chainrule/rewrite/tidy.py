from .fast import hasten
def tidy(n, named): return hasten([n])[n]
