"""Models from files: what is told apart, and what is said of a file that holds none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule.decode.chain import MarkovChain
from chainrule.decode.hmm import HMM, HiddenPath
from chainrule.decode.load import load
from chainrule.decode.tree import Tree
from chainrule.graph.errors import DataError, InputError

P = [[0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]]
WEATHER = {
    "initial": [0.6, 0.4], "transition": [[0.7, 0.3], [0.4, 0.6]], "emission": [[0.1, 0.4, 0.5], [0.6, 0.3, 0.1]],
    "states": ["rainy", "sunny"], "words": ["walk", "shop", "clean"],
}  # fmt: skip


@pytest.fixture
def write(tmp_path: Path):
    def written(held: Any, name: str = "model.json") -> Path:
        file = tmp_path / name
        file.write_text(held if isinstance(held, str) else json.dumps(held, ensure_ascii=False), encoding="utf-8")
        return file

    return written


def without(*keys: str, **others: Any) -> dict[str, Any]:
    return {k: v for k, v in WEATHER.items() if k not in keys} | others


def test_a_chain_with_a_start(write):
    chain = load(write({"P": P, "start": "b", "words": ["a", "b", "c"]}))
    assert isinstance(chain, MarkovChain) and chain.start == "b" and list(chain.vocabulary) == ["a", "b", "c"]
    np.testing.assert_array_equal(chain.log_P, np.log(P))
    np.testing.assert_array_equal(chain.log_first, np.log(P[1]))


def test_a_chain_with_an_initial_distribution_that_varies_in_time(write):
    chain = load(write({"initial": [0.2, 0.3, 0.5], "P": [P, P[::-1]]}))
    assert isinstance(chain, MarkovChain) and chain.longest == 3 and list(chain.vocabulary) == [0, 1, 2]
    np.testing.assert_array_equal(chain.log_first, np.log([0.2, 0.3, 0.5]))
    np.testing.assert_array_equal(chain.log_step(3), np.log(P[::-1]))


def test_a_chain_of_numbers_starts_where_it_does_without_a_file(write):
    assert load(write({"P": P})).start == MarkovChain(P).start == 0
    assert load(write({"P": P, "start": 2})).start == 2


def test_whole_numbers_are_words(write):
    chain = load(write({"P": P, "start": 30, "words": [10, 20, 30]}))
    assert [repr(word) for word in (*chain.vocabulary, chain.start)] == ["10", "20", "30", "30"]


def test_a_file_is_read_once(write, monkeypatch: pytest.MonkeyPatch):
    file, read, times = write(TREES[1]), Path.read_bytes, []
    monkeypatch.setattr(Path, "read_bytes", lambda self: [times.append(self), read(self)][1])
    assert isinstance(load(file), Tree) and times == [file]


def test_a_hidden_markov_model(write):
    hmm = load(write(WEATHER))
    assert isinstance(hmm, HMM) and list(hmm.states) == ["rainy", "sunny"]
    np.testing.assert_array_equal(hmm.log_emission, np.log(WEATHER["emission"]))
    plain = load(write(without("states", "words")))
    assert list(plain.states) == [0, 1] and list(plain.vocabulary) == [0, 1, 2]


def test_observations_make_it_a_model_of_the_states(write):
    path = load(write({**WEATHER, "observations": ["walk", "shop", "clean"]}))
    assert isinstance(path, HiddenPath) and list(path.vocabulary) == ["rainy", "sunny"]
    np.testing.assert_array_equal(path.trellis(3).local, HMM(**WEATHER).given(["walk", "shop", "clean"]).local)


def test_words_may_be_the_characters_of_a_text(write):
    path = load(write(without("words", words="wsc", observations="wws")))
    assert path.trellis(3).local.shape == (3, 2) and list(path.hmm.vocabulary) == ["w", "s", "c"]


TREES = [
    {"the": [-1.0, {"red": -0.1}], "a": -0.5},
    {"P": -1.0, "transition": [-0.5, {"emission": -0.1}]},
    {"P": [-1.0, {"P": [-0.5, {"P": -0.5}]}], "start": -1.5, "words": -2.0},
    {'"P": [[': [-1.0, {"x": -0.1}]},
]


@pytest.mark.parametrize("held", TREES)
@pytest.mark.parametrize("name", ["tree.json", "tree.JSON"])
def test_trees_whatever_their_words_are(write, held, name):
    tree = load(write(held, name))
    assert isinstance(tree, Tree) and set(held) <= set(tree.vocabulary)


def test_indented_text_is_a_tree(write):
    tree = load(write("P -1.0\n  transition -0.5\n", "tree.txt"))
    assert isinstance(tree, Tree) and list(tree.vocabulary) == ["P", "transition"]


def test_a_deep_tree(write):
    text = '{"a": [-0.5, ' * 100 + '{"a": -1}' + "]}" * 100
    assert load(write(text)).depth == 101
    with pytest.raises(DataError, match="goes too deep for JSON; write a tree as indented text"):
        load(write(text.replace("[-0.5, ", "[-0.5, {\"a\": [-0.5, " * 99999)))


def test_a_byte_order_mark_and_a_path_as_text(write):
    file = write("\ufeff" + json.dumps({"P": P}))
    assert isinstance(load(str(file)), MarkovChain)


WRONG = [
    ({"P": P, "strat": 0}, r'"strat" is no key of a Markov chain; did you mean `start`\?; it has "P" and, if wanted, '),
    ({"P": P, "emission": P}, '"emission" is no key of a Markov chain'),
    ({**WEATHER, "name": "rain"}, r'"name" is no key of a hidden Markov model; it has "initial", "transition", "emi'),
    ({**WEATHER, "start": 0}, '"start" is no key of a hidden Markov model'),
    (without("emission"), '"emission" missing; a hidden Markov model has "initial", "transition", "emission"'),
    (without("initial", "transition"), '"initial", "transition" missing'),
    ({"P": P, "start": 0, "initial": [1, 0, 0]}, 'start is w_0, and initial is'),
    ({"P": P, "start": None}, '"start" is null; leave it out'),
    ({**WEATHER, "observations": None}, '"observations" is null'),
    ({"P": P, "start": ["a"]}, r'"start" is \[\'a\'\], and it is a word'),
    ({"P": P, "start": 3}, "3 is not in the vocabulary of 3 words"),
    ({"P": P, "words": 3}, '"words" is 3, and a list such as'),
    ({"P": P, "words": {"a": 1}}, r'"words" is \{\'a\': 1\}'),
    ({"P": P, "words": ["a", ["b"], "c"]}, r'"words" has \[\'b\'\] in it'),
    ({"P": P, "words": ["a", True, "c"]}, '"words" has True in it'),
    ({"P": P, "words": ["a", "b", "a"]}, "'a' comes twice"),
    ({"P": P[:2]}, r"P must have shape \(N, N\)"),
    ({"P": [*P[:2], [1]]}, "P must be an array of numbers"),
    ({"P": [*P[:2], [0.2, 0.2, 0.7]]}, r"row 2 of P sums to 1\.1"),
    ({"P": [*P[:2], ["0.2", "0.2", "0.6"]]}, "P must be an array of numbers"),
    ({**WEATHER, "observations": ["walk", "run"]}, "'run' is not in the vocabulary"),
    ({**WEATHER, "observations": []}, "no words were given"),
    ({**WEATHER, "emission": [[1, 0, 0], [1, 0, 0]], "observations": ["shop"]}, "t = 1: none emits 'shop'"),
    (f'{{"P": {P}, "P": {P}}}', '"P" comes twice'),
    (f'{{"P": {P},\n "start" 0}}', "line 2, column 10: is not JSON .expecting ':' delimiter"),
    (f'{{"P": {P}', "line 1, column [0-9]+: is not JSON"),
    ('{"P": [[NaN]]}', r"P\[0, 0\] is nan"),
    ('{"P": [[' + "1" * 5000 + "]]}", r"P\[0, 0\] is inf"),
    ('{"P": ' + "[" * 50_000 + "]" * 50_000 + "}", "goes too deep for JSON"),
    ({"p": P, "words": "abc"}, '"p" is an array of numbers, and a tree has none; .* a Markov chain is called "P"'),
    ({"Transition": P, "Emission": P}, '"Transition" is an array .*; .* a hidden Markov model has "initial", "transi'),
    ({"initial": [0.5, 0.5], "words": "ab"}, '"initial" is an array of numbers, and a tree has none; .* is called "P"'),
    ({"initial": [1], "transition": [1]}, '"emission" missing; a hidden Markov model has'),
    ({"P": [0.5, 0.5]}, r"P must have shape \(N, N\), .*; it has \(2,\)"),
    ({"P": []}, r"P must have shape \(N, N\), .*; it has \(0,\)"),
    ({"P": [{"a": -1.0}, -1.0]}, r'"P" has \[\{\'a\': -1.0\}, -1.0\]; a branch is a number, or a pair'),
    ({"P": P, "words": [1, 2, 2.5]}, '"words" has 2.5 in it'),
    ({"a": [-1.0, {"p": P}]}, r'below "a", "p" has \[\[0.6'),
    ({"model": {"P": P}}, '"model" has branches and no log-probability'),
    ([{"P": P}], "a tree is a dictionary such as"),
    ({"P": 0.5}, "looks like a probability"),
    ({}, "at least one branch"),
]


@pytest.mark.parametrize("held, wrong", WRONG)
def test_a_file_that_holds_no_model(write, held, wrong):
    file = write(held)
    with pytest.raises(DataError, match=wrong) as caught:
        load(file)
    assert str(caught.value).startswith(f"{file}: ") and str(caught.value).count(str(file)) == 1


def test_files_that_cannot_be_read(tmp_path: Path):
    for path in (tmp_path / "none.json", tmp_path, "a\0b", "a" * 300 + ".json"):
        with pytest.raises(DataError, match=r"cannot be read \(.+\); a model was expected, as JSON or indented text"):
            load(path)
    bad = tmp_path / "latin.json"
    bad.write_bytes(b'{"P": [[1.0]], "words": ["\xe9"]}')
    with pytest.raises(DataError, match=r"latin\.json: line 1: is not text in UTF-8"):
        load(bad)
    with pytest.raises(InputError, match="a model is read from a file, given by its path, and not from dict"):
        load({"P": P})  # type: ignore


def test_chains_are_read_from_json_alone(write):
    with pytest.raises(DataError, match=r"JSON is read from a file that ends in \.json"):
        load(write({"P": P}, "chain.txt"))
