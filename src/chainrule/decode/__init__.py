"""Decoding: the likeliest sequence of a model p(w_1 … w_T | w_0 = <BOS>), exactly or not, with its search shown.

    from chainrule.decode import MarkovChain, Tree, beam_search, viterbi

    viterbi(MarkovChain(P, start=0), length=5)                  the maximum, in O(T N²)
    beam_search(Tree.load("tree.json"), length=3, width=2)      the best that it finds, best first
"""

from __future__ import annotations

from .beam import beam_search
from .chain import MarkovChain, Trellis
from .errors import NoSequence, NotMarkov, TooMany
from .exhaustive import ExhaustiveSearch, exhaustive
from .function import Function
from .greedy import greedy
from .hmm import HMM, HiddenPath
from .k_best import k_best
from .load import load
from .model import Model, after, log_likelihood
from .ngram import NGram
from .sampling import sample
from .search import Departure, PrefixSearch, Search, Step, TrellisSearch
from .sequence import Sequence
from .smoothing import AddK, KneserNey, WittenBell
from .tree import Tree
from .viterbi import viterbi
from .vocabulary import Vocabulary

__all__ = [
    "AddK", "Departure", "ExhaustiveSearch", "Function", "HMM", "HiddenPath", "KneserNey", "MarkovChain", "Model",
    "NGram", "NoSequence", "NotMarkov", "PrefixSearch", "Search", "Sequence", "Step", "TooMany", "Tree", "Trellis",
    "TrellisSearch", "Vocabulary", "WittenBell", "after", "beam_search", "exhaustive", "greedy", "k_best", "load",
    "log_likelihood", "sample", "viterbi",
]  # fmt: skip
