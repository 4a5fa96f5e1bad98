"""Trees: what they answer, how they are written, and every fault by its words and its line."""

from __future__ import annotations

import itertools
import json
import math
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.decode import MarkovChain, NoSequence, NotMarkov, after, beam_search, exhaustive, viterbi
from chainrule.decode.tree import Tree
from chainrule.graph.errors import DataError, InputError, NamingError

INF = math.inf
PHRASES: dict[str, Any] = {
    "the": (-0.9, {"red": (-1.5, {"circle": -0.4}), "dog": -1.1}),
    "a": (-0.7, {"red": (-1.2, {"circle": -0.5, "cat": -2.0})}),
}


def same(a: Tree, b: Tree) -> bool:
    return a.vocabulary == b.vocabulary and a.text() == b.text() and len(a) == len(b) and a.depth == b.depth


def row(tree: Tree, *words: Any) -> dict[Any, float]:
    """The branches after these words."""
    prefix = tree.vocabulary.numbers(words)[None] if words else np.zeros((1, 0), np.int64)
    found = tree.log_probs(prefix, None)[0]
    assert found.shape == (1, len(tree.vocabulary))
    return {w: float(x) for w, x in zip(tree.vocabulary, found[0]) if x > -INF}


def looked_up(branches: dict[Any, Any], words: tuple[Any, ...]) -> dict[Any, float]:
    """The same by looking it up in the dictionaries, one after the other."""
    for word in words:
        value = branches.get(word, -INF)
        p, branches = value if isinstance(value, tuple) else (value, {})
        if p == -INF:
            return {}
    first = {w: v[0] if isinstance(v, tuple) else v for w, v in branches.items()}
    return {w: p for w, p in first.items() if p > -INF}


@st.composite
def trees(draw: st.DrawFn, depth: int = 4) -> dict[str, Any]:
    """Branches whose siblings sum to at most 1, some of them impossible; with at least one."""
    return grown(np.random.default_rng(draw(st.integers(0, 2**32 - 1))), draw(st.integers(1, depth)))


def siblings(rng: np.random.Generator, words: str) -> dict[str, float]:
    chosen = rng.permutation(list(words))[: rng.integers(1, len(words) + 1)].tolist()
    shares = rng.integers(0, 9, len(chosen))
    whole = shares.sum() + rng.integers(1, 4)
    return {w: math.log(share / whole) if share else -INF for w, share in zip(chosen, shares)}


def grown(rng: np.random.Generator, depth: int) -> dict[str, Any]:
    more = lambda: depth > 1 and rng.random() < 0.6
    return {w: (p, grown(rng, depth - 1)) if more() else p for w, p in siblings(rng, "abcd").items()}


@st.composite
def markov_trees(draw: st.DrawFn, depth: int = 4) -> dict[str, Any]:
    """Trees whose siblings are the same after the same word at the same depth, but for a few."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    odd = draw(st.sampled_from([0.0, 0.2, 0.7]))
    rows = {(t, w): siblings(rng, "abc") if rng.random() < 0.9 else {} for t in range(depth) for w in "abc"}

    def build(t: int, last: str) -> dict[str, Any]:
        row = dict(rows[t, last])
        if row and rng.random() < odd:
            word = next(iter(row))
            row = [{w: p - 0.5 for w, p in row.items()}, {w: p for w, p in row.items() if w != word}][rng.integers(2)]
        further = {w: build(t + 1, w) if t + 1 < depth else {} for w in row}
        return {w: (p, further[w]) if further[w] else p for w, p in row.items()}

    return build(0, "a") or {"a": -1.0}


def test_the_branches_after_a_prefix():
    tree = Tree(PHRASES)
    assert tuple(tree.vocabulary) == ("the", "a", "red", "dog", "circle", "cat")  # level by level
    assert (len(tree), tree.depth, repr(tree)) == (8, 3, "Tree of 6 words: depth 3, 8 branches")
    assert repr(Tree({7: -1})) == "Tree of 1 word: depth 1, 1 branch"
    assert row(tree) == {"the": -0.9, "a": -0.7}
    assert row(tree, "the") == {"red": -1.5, "dog": -1.1}
    assert row(tree, "a", "red") == {"circle": -0.5, "cat": -2.0}
    for words in (["the", "dog"], ["a", "dog"], ["dog"], ["the", "red", "circle", "the"], ["cat", "the", "red"]):
        assert row(tree, *words) == {}  # below a leaf, and where there is no branch


def test_many_prefixes_at_once_and_their_state():
    tree = Tree(PHRASES)
    numbers = tree.vocabulary.numbers
    prefixes = np.array(
        [numbers(w) for w in (["a", "red"], ["the", "dog"], ["dog", "a"], ["the", "red"], ["a", "red"])]
    )
    found, nodes = tree.log_probs(prefixes, None)
    assert found.dtype == np.float64 and nodes.shape == (5,)
    assert np.exp(found).sum(1) == pytest.approx([math.exp(-0.5) + math.exp(-2), 0, 0, math.exp(-0.4), 0.741865943])
    _, before = tree.log_probs(prefixes[:, :1], None)
    kept = before.copy()
    carried, again = tree.log_probs(prefixes, before)
    assert (carried == found).all() and (again == nodes).all() and (before == kept).all()
    for bad in (-1, 6):
        with pytest.raises(InputError, match="numbers of words, 0 to 5"):
            tree.log_probs(np.array([[0], [bad]]), None)


@settings(max_examples=60, deadline=None)
@given(trees(), st.lists(st.sampled_from("abcd"), max_size=6))
def test_what_dictionaries_say(branches: dict[str, Any], words: list[str]):
    tree = Tree(branches)
    words = [w for w in words if w in tree.vocabulary]
    state = None
    for t in range(len(words) + 1):
        prefix = tree.vocabulary.numbers(words[:t])[None]
        carried, state = tree.log_probs(prefix, state)
        scratch, nodes = tree.log_probs(prefix, None)
        assert (carried == scratch).all() and (state == nodes).all()
        assert row(tree, *words[:t]) == looked_up(branches, tuple(words[:t]))


@settings(max_examples=60, deadline=None)
@given(trees())
def test_a_tree_reads_back(tmp_path_factory: pytest.TempPathFactory, branches: dict[str, Any]):
    tree = Tree(branches)
    folder = tmp_path_factory.getbasetemp()
    (folder / "tree.txt").write_text(tree.text(), encoding="utf-8")
    (folder / "tree.JSON").write_text(json.dumps(branches, indent=1), encoding="utf-8")  # a tuple is a list there
    for other in (Tree.parse(tree.text()), Tree.load(folder / "tree.txt"), Tree.load(str(folder / "tree.JSON"))):
        assert same(tree, other)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(), min_size=1, max_size=5, unique=True), st.floats(max_value=-2))
def test_any_word_reads_back_or_is_refused(words: list[str], log_p: float):
    tree = Tree({w: log_p for w in words})
    try:
        text = tree.text()
    except InputError as why:
        assert "cannot be written in indented text" in str(why)
        odd = [w for w in words if not w or w != w.strip() or w[0] in "#\ufeff" or "\n" in w or "\r" in w]
        assert odd
    else:
        assert same(tree, Tree.parse(text))
        assert same(Tree.parse(text.replace("-", "−")), Tree({w.replace("-", "−"): log_p for w in words}))


def test_text_as_people_write_it():
    wanted = Tree({"the cat": (-1.0, {"sat down": (-2.0, {"5": -0.5}), "is": -3.0}), "a": -1.25})
    lines = ["# phrases", "the cat −1", "\tsat down\t-2.0", "", "\t\t5 -.5", "   # one more", "\tis -3e0", "a -1.25"]
    for end in ("\n", "\r\n", "\r"):
        assert same(wanted, Tree.parse(end.join(lines)))
        spaces = end.join(["      " + line.replace("\t", " " * 3) for line in lines]).replace("down   ", "down ")
        assert same(wanted, Tree.parse(spaces + end))
    uneven = Tree.parse("a -1\n   b -1\n       c -1\n   b2 -1\nd -1\n c -2")
    assert uneven.text() == "a -1.0\n  b -1.0\n    c -1.0\n  b2 -1.0\nd -1.0\n  c -2.0\n"


def test_words_that_are_no_texts():
    tree = Tree({3: (-1.0, {(1, 2): -0.5}), "x": -1.5})
    assert tuple(tree.vocabulary) == (3, "x", (1, 2)) and row(tree, 3) == {(1, 2): -0.5}
    assert tree.text() == "3 -1.0\n  (1, 2) -0.5\nx -1.5\n"


@settings(max_examples=60, deadline=None)
@given(trees(), st.lists(st.sampled_from("abcd"), min_size=1, max_size=3))
def test_the_tree_after_words(branches: dict[str, Any], words: list[str]):
    tree = Tree(branches)
    words = [w for w in words if w in tree.vocabulary]
    steps = [looked_up(branches, tuple(words[:t])) for t in range(len(words) + 1)]
    there = all(w in step for w, step in zip(words, steps))
    inside: Any = branches
    for w in words if there else ():
        inside = inside[w][1] if isinstance(inside[w], tuple) else {}
    if not there or not inside:
        with pytest.raises(NoSequence, match="no branch"):
            after(tree, words)
        return
    later = tree.after(words)
    assert later.vocabulary == tree.vocabulary and later.text() == Tree(inside).text()
    assert (len(later), later.depth) == (len(Tree(inside)), Tree(inside).depth)
    for more in itertools.chain([()], itertools.product(tree.vocabulary, repeat=2)):
        assert row(later, *more) == row(tree, *words, *more)


def test_why_there_is_no_tree_after_words():
    tree = Tree({**PHRASES, "no": (-INF, {"dog": -1.0})})
    assert tree.after([]) is tree
    for words, why in (
        (["dog"], 'at the root of the tree, there is no branch "dog" of positive probability; there are the, a and no'),
        (["a", "dog"], 'below "a", there is no branch "dog" of positive probability; there is red'),
        (["no", "dog"], 'at the root of the tree, there is no branch "no" of positive'),
        (["the", "red", "circle"], 'the tree ends with "the red circle": it has no branch below'),
        (
            ["the", "dog", "dog"],
            'below "the dog", there is no branch "dog" of positive probability; the tree ends here',
        ),
    ):
        with pytest.raises(NoSequence, match=why):
            tree.after(words)
    with pytest.raises(NamingError, match="did you mean `red`"):
        tree.after(["the", "rad"])


@settings(max_examples=60, deadline=None)
@given(trees())
def test_normalised(branches: dict[str, Any]):
    tree, scaled = Tree(branches), Tree(branches).normalised()
    assert scaled.vocabulary == tree.vocabulary
    for words in itertools.chain([()], *(itertools.product(tree.vocabulary, repeat=t) for t in (1, 2, 3))):
        old, new = row(tree, *words), row(scaled, *words)
        assert old.keys() == new.keys() and all(x <= 0 for x in new.values())
        if old:
            whole = sum(map(math.exp, old.values()))
            assert new == pytest.approx({w: x - math.log(whole) for w, x in old.items()}, abs=1e-12)


def test_normalised_does_not_underflow():
    tree = Tree({"a": (-1000.0, {"b": -INF}), "c": -1000.0 - math.log(3)}).normalised()
    assert row(tree) == pytest.approx({"a": math.log(0.75), "c": math.log(0.25)}) and row(tree, "a") == {}
    assert row(Tree({"a": -0.3, "b": -20}).normalised())["a"] <= 0


# Markov trees


def rows_alike(branches: dict[str, Any], length: int) -> list[list[dict[str, float]]]:
    """The rows after all prefixes of positive probability, those of one length and one last word together.

    None are left where no sequence has this length.
    """
    prefixes: list[tuple[str, ...]] = [()]
    rows: dict[Any, list[dict[str, float]]] = {}
    for t in range(length):
        for prefix in prefixes:
            rows.setdefault((t, prefix[-1:]), []).append(looked_up(branches, prefix))
        prefixes = [(*prefix, w) for prefix in prefixes for w in looked_up(branches, prefix)]
    return list(rows.values()) if prefixes else []


@settings(max_examples=150, deadline=None)
@given(markov_trees(), st.sampled_from([1, 3, 4, 5]))
def test_a_trellis_is_the_tree_or_the_tree_is_not_markov(branches: dict[str, Any], length: int):
    tree = Tree(branches)
    groups = rows_alike(branches, length)
    if not groups:
        with pytest.raises(NoSequence, match=f"no sequence of length {length} .* probability: the tree ends after"):
            tree.trellis(length)
        return
    close = lambda a, b: a.keys() == b.keys() and all(abs(a[w] - b[w]) <= 1e-9 for w in a)
    if not all(close(rows[0], other) for rows in groups for other in rows[1:]):
        with pytest.raises(NotMarkov):
            tree.trellis(length)
        return
    trellis = tree.trellis(length)
    n = len(tree.vocabulary)
    assert (
        trellis.vocabulary is tree.vocabulary and trellis.length == length and trellis.steps.shape == (length - 1, n, n)
    )
    for path in itertools.product(range(n), repeat=length):
        words = tree.vocabulary.words(path)
        exact = sum(looked_up(branches, words[:t]).get(words[t], -INF) for t in range(length))
        total = trellis.first[path[0]] + sum(trellis.step(t)[path[t - 2], path[t - 1]] for t in range(2, length + 1))
        assert total == pytest.approx(exact, abs=1e-8)


def unrolled(chain: MarkovChain, depth: int) -> dict[str, Any]:
    """The tree of a chain."""

    def below(first: np.ndarray, t: int) -> dict[str, Any]:
        found = {}
        for k in np.flatnonzero(first > -INF):
            found[chain.vocabulary[k]] = (first[k], below(chain.log_step(t + 1)[k], t + 1)) if t < depth else first[k]
        return found

    return below(chain.log_first, 1)


def test_viterbi_on_the_tree_of_a_chain():
    rng = np.random.default_rng(5)
    P = rng.dirichlet(np.ones(3), size=(4, 3))
    P[1, 2] = [0.3, 0, 0.7]
    chain = MarkovChain(P, start="x", words=["x", "y", "z"])
    tree = Tree(unrolled(chain, 4))
    assert len(tree) == 3 + 8 + 24 + 72 and tree.depth == 4
    for length in (1, 2, 3, 4):
        found = viterbi(tree, length)
        assert found.words == exhaustive(chain, length).words == beam_search(tree, length, 99)[0].words
        assert found.log_likelihood == pytest.approx(viterbi(chain, length).log_likelihood, abs=1e-6)
    for length in (5, 10**12):
        with pytest.raises(NoSequence, match=f"no sequence of length {length} .*: the tree ends after 4 words"):
            viterbi(tree, length)


def test_two_prefixes_show_that_a_tree_is_not_markov():
    red = lambda p: {"red": (-1.0, {"circle": p})}
    tree = Tree({"a": (-1.0, red(math.log(0.0037))), "the": (-1.0, red(math.log(0.006)))})
    assert tree.trellis(2).step(2)[1].tolist() == [-INF, -INF, -1.0, -INF]
    with pytest.raises(NotMarkov) as caught:
        tree.trellis(3)
    assert str(caught.value) == (
        "p(circle | the red) = 0.006, and p(circle | a red) = 0.0037: p(w_3 | w_0..w_2) does not depend on w_2 alone"
    )
    for p, message in (
        (-5.1159957, r"^log p\(circle \| a red\) = -5.1159957, and log p\(circle \| the red\) = -5.115995809754082:"),
        (-INF, r"p\(circle \| the red\) = 0.006, and p\(circle \| a red\) = 0 \(no branch\):"),
    ):
        with pytest.raises(NotMarkov, match=message):
            Tree({"a": (-1.0, red(p)), "the": (-1.0, red(math.log(0.006)))}).trellis(3)
    assert Tree({"a": (-1.0, red(-5 - 5e-10)), "the": (-1.0, red(-5.0))}).trellis(3).step(3)[2, 3] == -5 - 5e-10
    with pytest.raises(NotMarkov, match=r"^log p\(circle \| the red\) = -800.0, and log .* a red\) = -900.0:"):
        Tree({"a": (-1.0, red(-900)), "the": (-1.0, red(-800))}).trellis(3)


def test_a_branch_that_only_one_prefix_has():
    more = {"x": (-1.0, {"z": -1.0, "y": -1.5})}
    for first, second in ((more, {"x": (-1.0, {"z": -1.0})}), ({"x": (-1.0, {"z": -1.0})}, more), (more, {"x": -1.0})):
        tree = Tree({"one": (-1.0, first), "two": (-1.0, second)})
        with pytest.raises(
            NotMarkov, match=r"p\([yz] \| .* x\) = 0\.\d+, and p\([yz] \| .* x\) = 0 \(no branch\): p\(w_3"
        ):
            tree.trellis(3)
        impossible = Tree({"one": (-1.0, first), "two": (-INF, second)})
        assert impossible.trellis(3).length == 3  # what cannot come is no witness


def test_a_trellis_larger_than_the_memory(monkeypatch: pytest.MonkeyPatch):
    full = np.full

    def small(shape: tuple[int, ...], value: float):
        if len(shape) == 3:
            raise MemoryError
        return full(shape, value)

    monkeypatch.setattr(np, "full", small)
    tree = Tree({"a": (-1.0, {"b": (-1.0, {"c": -1.0})})})
    with pytest.raises(InputError, match=r"a trellis needs 144 bytes, \(T−1\)·N² numbers, more than the memory holds"):
        tree.trellis(3)


@pytest.mark.parametrize("length", [0, -1, 2.0, True, None])
def test_the_length_of_a_trellis(length: Any):
    with pytest.raises(InputError, match="length must be a whole number of at least 1"):
        Tree(PHRASES).trellis(length)


# Faults


def below_the_red(x: Any) -> dict[str, Any]:
    return {"the": (-1, {"red": [-3, {"circle": x}]})}


@pytest.mark.parametrize(
    "x, kept",
    [
        (-5.1, -5.1), (-5, -5), (0, 0), (-0.0, 0), (np.float32(-1), -1), (np.array(-2.0), -2), (np.int64(-3), -3),
        (-INF, -INF), (-(10**400), -INF), (1e-13, 0),
    ],
)  # fmt: skip
def test_log_probabilities_that_are_fine(x: Any, kept: float):
    assert Tree(below_the_red(x)).log_probs(np.array([[0, 1]]), None)[0].tolist() == [[-INF, -INF, kept]]


def test_log_probabilities_in_tensors():
    torch = pytest.importorskip("torch")
    branches = {"a": torch.tensor(-1.5, requires_grad=True), "b": (torch.tensor(-1), {"c": torch.tensor(-2.5)})}
    assert Tree(branches).text() == "a -1.5\nb -1.0\n  c -2.5\n"
    for wrong, why in ((torch.tensor(0.5), "0.5, above 0"), (torch.tensor(True), "True, and not a number")):
        with pytest.raises(InputError, match=rf"log p\(a\) is {why}"):
            Tree({"a": wrong})


HIGH = "a log-probability is a number of at most 0"


@pytest.mark.parametrize(
    "x, why",
    [
        (0.3, "0.3, above 0; it looks like a probability, and its natural logarithm is −1.204"),
        (1, "1, above 0; it looks like a probability, and its natural logarithm is 0"),
        (np.float64(1e-9), "1e-09, above 0; it looks like a probability, and its natural logarithm is −20.72"),
        (5.1, "5.1, above 0, which would be a probability above 1; is the minus sign missing?"),
        (math.nan, f"nan; {HIGH}, and −inf for what is impossible"),
        (INF, f"inf; {HIGH}, and −inf for what is impossible"),
        pytest.param(10**5000, f"int too long to show; {HIGH}, and −inf for what is impossible", id="many digits"),
        (None, f"None, and not a number; {HIGH}; leave out what is missing"),
        ("-5.1", f"'-5.1', and not a number; {HIGH}"),
        (False, f"False, and not a number; {HIGH}"),
        (np.array([-1.0, -2.0]), f"array([-1., -2.]), and not a number; {HIGH}"),
        (1j, f"1j, and not a number; {HIGH}"),
    ],
)
def test_a_log_probability_that_is_none(x: Any, why: str):
    with pytest.raises(InputError) as caught:
        Tree(below_the_red(x))
    assert str(caught.value) == f'below "the red", log p(circle) is {why}'
    with pytest.raises(InputError, match=r"^log p\(dog\) is"):
        Tree({"dog": x})


@pytest.mark.parametrize("x", [(-1,), (-1, -2), [], [-1, {}, {}], ({}, -1)])
def test_a_branch_that_is_none(x: Any):
    with pytest.raises(
        InputError, match=r'below "the red", "circle" has .*; a branch is a number, or a pair \(log p, '
    ):
        Tree(below_the_red(x))
    with pytest.raises(InputError, match='below "the red", "circle" has branches and no log-probability; write a pair'):
        Tree(below_the_red({"x": -1}))


def test_what_is_no_tree():
    for nothing, why in (
        ([], "a tree is a dictionary such as {'the': -1.2}, and not list"),
        ("t.json", "and not str; Tree.load reads a file, Tree.parse a text"),
        ({}, "a tree needs at least one branch, a word and its log-probability"),
    ):
        with pytest.raises(InputError) as caught:
            Tree(nothing)  # type: ignore
        assert why in str(caught.value)
    assert Tree({"a": (-1, {})}).depth == 1
    endless: dict[str, Any] = {}
    endless["again"] = (-1, {"and": (-1, endless)})
    with pytest.raises(InputError, match='below "again", "and" leads back to a dictionary that it lies in'):
        Tree(endless)
    shared = {"x": -1}
    assert len(Tree({"a": (-1, shared), "b": (-1, shared)})) == 4
    with pytest.raises(InputError, match="parse takes a text"):
        Tree.parse(b"a -1")  # type: ignore


def test_siblings_sum_to_at_most_1():
    for more, fine in ((9e-7, True), (2e-6, False)):
        branches = {"x": (-1.0, {"a": math.log(0.25), "b": math.log(0.75 + more)})}
        if fine:
            assert len(Tree(branches)) == 3
            continue
        with pytest.raises(InputError) as caught:
            Tree(branches)
        assert str(caught.value) == (
            'below "x", the probabilities of a and b sum to 1.000002, 2e-06 above 1; '
            "the next word is one of them, so that 1 is the most"
        )
    with pytest.raises(InputError, match=r"probabilities of 0, 1, 2, 3 and 3 more sum to 6.33386193, 5.33 above 1;"):
        Tree({k: -0.1 for k in range(7)})
    with pytest.raises(
        InputError, match=r"sum to 1.82996416, 0.83 above 1; as logarithms to the base 10 they would sum"
    ):
        Tree({"a": math.log10(0.2), "b": math.log10(0.5), "c": math.log10(0.3)})


@pytest.mark.parametrize(
    "text, why",
    [
        ("", "a tree needs at least one branch"),
        ("# only this\n\n", "a tree needs at least one branch"),
        ("the", "line 1: `the` does not end in a number; a branch is a word and its log-probability"),
        ("x -1\n  a -2\n  the -1_0", 'line 3: below "x", `the -1_0` does not end in a number'),
        ("the -1,25", "line 1: `the -1,25` ends in '-1,25', where a point is needed; write -1.25"),
        ("the -1  # most", "line 1: `the -1  # most` does not end in a number; a comment needs a line of its own"),
        ('{"the": -1}', 'line 1: `{"the": -1}` does not end in a number; JSON is read from a file that ends in .json'),
        ("x -1\n\n -1.5", 'line 3: below "x", -1.5 is a number without a word; a branch has both, such as `the -1.5`'),
        ("the -1\n  red 0.4", 'line 2: below "the", log p(red) is 0.4, above 0; it looks like a probability'),
        ("a -1\n b -1\n  c -1\n  d nan", 'line 4: below "a b", log p(d) is nan; a log-probability'),
        ("the -1\n\nthe -2", 'line 3: the word "the" has two branches, first in line 1; siblings are different words'),
        ("x -1\n a -1\n b -2\n  c -3\n a -4", 'line 5: below "x", the word "a" has two branches, first in line 2'),
        ("x -1\n a -0.1\n  c -3\n b -0.2", 'line 2: below "x", the probabilities of a and b sum to 1.72356817, 0.724'),
        (
            "a -1\n    b -2\n  c -3",
            "line 3: is indented by 2 spaces, and the branch above it by 4 spaces; indent it further, or exactly as "
            "far as one above it, by spaces alone or by tabs alone",
        ),
        ("a -1\n\t\tb -2\n\tc -3", "line 3: is indented by 1 tab, and the branch above it by 2 tabs; indent it"),
        ("  a -1\nb -2", "line 2: is indented by 0 spaces, and the branch above it by 2 spaces; indent it"),
        ("a -1\n    b -2\n\tc -3", "line 3: is indented by 1 tab, and the branch above it by 4 spaces; indent it"),
        ("a -1\n \tb -2\n  c -3", r"line 3: is indented by 2 spaces, and the branch above it by ' \t'; indent it"),
        ("a -1\n b -2\n\xa0c -2", r"line 3: is indented by '\xa0', and the branch above it by 1 space; indent it"),
    ],
)
def test_faults_of_indented_text(tmp_path: Path, text: str, why: str):
    with pytest.raises(InputError) as caught:
        Tree.parse(text)
    assert str(caught.value).startswith(why)
    path = tmp_path / "tree.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as read:
        Tree.load(path)
    assert str(read.value) == f"{path}: {caught.value}"


@pytest.mark.parametrize(
    "text, why",
    [
        ("{}", "a tree needs at least one branch"),
        ("\n", "line 2, column 1: is not JSON (expecting value)"),
        ("[-1, {}]", "a tree is a dictionary such as {'the': -1.2}, and not list"),
        ("the -1", "line 1, column 1: is not JSON (expecting value); indented text is read from a file of another end"),
        ('{"a": -1,}', "line 1, column 10: is not JSON (expecting property name enclosed in double quotes)"),
        ('{"a"\n -1}', "line 2, column 2: is not JSON (expecting ':' delimiter)"),
        ('{"a', "line 1, column 2: is not JSON (unterminated string starting)"),
        ('{"a": -1}\n{"b": -1}', "line 2, column 1: is not JSON (extra data)"),
        ('{"x": [-1,\n{"a": null}]}', 'below "x", log p(a) is None, and not a number'),
        ('{"x": [-1,\n{"a": {"b": -1}}]}', 'below "x", "a" has branches and no log-probability; write a pair'),
        ('{"a": [-1]}', '"a" has [-1]; a branch is a number, or a pair (log p, {…})'),
        ('{"a": [-1, -2]}', '"a" has [-1, -2]; a branch is a number, or a pair'),
        ('{"a": [-1, {"b": -2}, 3]}', "\"a\" has [-1, {'b': -2}, 3]; a branch is"),
        ('{"a": [[1], {}]}', "log p(a) is [1], and not a number"),
        ('{"a": -1,\n"b": -2,\n"a": -3}', 'the word "a" has two branches; siblings are different words'),
        ('{"x": [-1, {"a": -1,\n"a": -2}]}', 'below "x", the word "a" has two branches'),
        ('{"x": [-1,\n{"a": NaN}]}', 'below "x", log p(a) is nan'),
        ('{"x": [-1,\r\n{"a": 0.5}]}', 'below "x", log p(a) is 0.5, above 0; it looks like a probability'),
        ("[" * 99999, "goes too deep for JSON; write a tree as indented text"),
    ],
)
def test_faults_of_json(tmp_path: Path, text: str, why: str):
    path = tmp_path / "tree.json"
    path.write_bytes(text.encode())
    with pytest.raises(DataError) as caught:
        Tree.load(path)
    assert str(caught.value).startswith(f"{path}: {why}")


def test_json_that_is_fine(tmp_path: Path):
    path = tmp_path / "tree.json"
    path.write_text(
        '\ufeff{"the": [-1.0, {"r\\u00e9d \\"x\\"": [-3, {"circle": -5.1}]}],\n\t"a": -1.2, "no": -Infinity}'
    )
    tree = Tree.load(path)
    assert tuple(tree.vocabulary) == ("the", "a", "no", 'réd "x"', "circle")
    assert row(tree) == {"the": -1.0, "a": -1.2} and row(tree, "the", 'réd "x"') == {"circle": -5.1}
    path.write_text(f'{{"a": -{"1" * 5000}, "b": [-1.0, {{}}]}}')
    assert row(Tree.load(path)) == {"b": -1.0}


def test_files_that_cannot_be_read(tmp_path: Path):
    for path in (tmp_path / "none.json", tmp_path, "a\0b", "a" * 300 + ".json"):
        with pytest.raises(DataError, match=r"cannot be read \(.+\); a model was expected, as JSON or indented text"):
            Tree.load(path)
    with pytest.raises(InputError, match="given by its path, and not from dict"):
        Tree.load({"a": -1})  # type: ignore
    path = tmp_path / "latin.txt"
    path.write_bytes("a -1\r\n\nréd -2".encode("latin-1"))
    with pytest.raises(DataError, match=r"latin\.txt: line 3: is not text in UTF-8 .*; save it in UTF-8"):
        Tree.load(path)
    if hasattr(os, "geteuid") and os.geteuid():
        path.chmod(0)
        with pytest.raises(DataError, match="cannot be read"):
            Tree.load(path)


def test_trees_deeper_than_recursion_goes():
    depth = 3 * sys.getrecursionlimit()
    branches: dict[str, Any] = {"end": -0.5}
    for _ in range(depth - 1):
        branches = {"a": (-0.1, branches), "b": -3.0}
    tree = Tree(branches)
    assert (tree.depth, len(tree)) == (depth, 2 * depth - 1)
    assert row(tree, *["a"] * (depth - 1)) == {"end": -0.5}
    assert tree.after(["a"] * (depth - 3)).text() == "a -0.1\n  a -0.1\n    end -0.5\n  b -3.0\nb -3.0\n"
    part = tree.after(["a"] * (depth // 2))
    assert same(part, Tree.parse(part.text()))
    branches["b"] = (-3.0, {"c": 0.2})
    with pytest.raises(InputError, match=r'below "b", log p\(c\) is 0.2'):
        Tree(branches)


def test_the_guard_counts_the_ways_through_the_tree():
    """Not N^T: 26 words and 6 levels, and two ways through."""
    letters = [chr(ord("a") + k) for k in range(26)]
    branches: dict[str, Any] = {"y": -1.0, "z": -1.0}
    for letter in letters[:23]:
        branches = {letter: (-0.5, branches)}
    tree = Tree(branches)
    assert [tree.sequences(t) for t in (1, 23, 24, 25, 10**15)] == [1, 1, 2, 0, 0]
    assert exhaustive(tree, 24).words == (*letters[22::-1], "y")
