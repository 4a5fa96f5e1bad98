"""n-gram models: by brute force on tiny corpora, as distributions after every context, on real text."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from decoding import everything
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chainrule.data import python_reference
from chainrule.decode import NotMarkov, Vocabulary, after, beam_search, viterbi
from chainrule.decode.ngram import NGram
from chainrule.decode.smoothing import AddK, Counts, KneserNey, WittenBell
from chainrule.decode.tokens import Reader, characters, frequent, read, words
from chainrule.graph.errors import InputError, NamingError

BOS = "<BOS>"
EMPTY = np.empty((1, 0), np.int64)
SMOOTHINGS = [KneserNey(), KneserNey(0.75), WittenBell(), AddK(1.0), AddK(0.25)]


def rows(model: NGram, prefixes: Any) -> np.ndarray:
    """(B, N) probabilities after prefixes of words."""
    numbers = np.array([model.vocabulary.numbers(list(prefix)) for prefix in prefixes], np.int64)
    return np.exp(model.log_probs(numbers.reshape(len(prefixes), -1), None)[0])


# --- Definitions by brute force: n-grams are tuples, a count is a search through all of them.


def all_grams(tokens, starts, k: int) -> list[tuple]:
    running = [tuple(tokens[i : i + k]) for i in range(len(tokens) - k + 1)]
    opening = [(BOS, *tokens[s : s + k - 1]) for s in {0, *starts}] if k > 1 else []
    return running + [g for g in opening if len(g) == k]


def brute(tokens, vocabulary, order, smoothing, starts=()):
    """p(word, context) in exact fractions (of the given floats), straight from the equations."""
    N = len(vocabulary)
    seen = {k: all_grams(tokens, starts, k) for k in range(1, order + 2)}

    @cache
    def count(g: tuple) -> int:
        k = len(g)
        if isinstance(smoothing, KneserNey) and k < order and g[0] != BOS:
            return len({left[0] for left in seen[k + 1] if left[1:] == g})
        return seen[k].count(g)

    @cache
    def discount(k: int) -> Fraction:
        if smoothing.discount is not None:
            return Fraction(smoothing.discount)
        counts = [count(g) for g in set(seen[k])]
        n1, n2 = counts.count(1), counts.count(2)
        return Fraction(n1, n1 + 2 * n2) if n1 > 0 and n2 > 0 else Fraction(1, 2)

    @cache
    def p(word, context: tuple) -> Fraction:
        after_it = [count((*context, v)) for v in vocabulary]
        whole, kinds, c = sum(after_it), sum(n > 0 for n in after_it), count((*context, word))
        if isinstance(smoothing, AddK):
            return (c + Fraction(smoothing.k)) / (whole + Fraction(smoothing.k) * N)
        lower = p(word, context[1:]) if context else Fraction(1, N)
        if whole == 0:
            return lower
        if isinstance(smoothing, WittenBell):
            return (c + kinds * lower) / (whole + kinds)
        D = discount(len(context) + 1)
        return (max(c - D, 0) + D * kinds * lower) / whole

    return p


@st.composite
def corpora(draw):
    """Tokens of a small alphabet, an order, a smoothing, the words (one may never come), and starts."""
    letters = "abcd"[: draw(st.integers(1, 4))]
    tokens = draw(st.lists(st.sampled_from(letters), min_size=1, max_size=14))
    order = draw(st.integers(1, min(4, len(tokens))))
    vocabulary = sorted({*tokens, *draw(st.sampled_from(["", "z"]))})
    starts = draw(st.lists(st.integers(0, len(tokens) - 1), max_size=3))
    return tokens, order, draw(st.sampled_from(SMOOTHINGS)), vocabulary, starts


@settings(deadline=None, max_examples=80)
@given(corpora())
def test_every_context_has_the_distribution_of_the_definition(corpus):
    tokens, order, smoothing, vocabulary, starts = corpus
    model = NGram(tokens, order, smoothing, vocabulary, starts=starts)
    p = brute(tokens, vocabulary, order, smoothing, starts)
    for t in range(min(order, 3) + 1):  # shorter than the context, as long, and longer
        prefixes = list(itertools.product(vocabulary, repeat=t))
        found = rows(model, prefixes)
        assert found.shape == (len(vocabulary) ** t, len(vocabulary))
        np.testing.assert_allclose(found.sum(axis=1), 1, rtol=0, atol=1e-12)
        assert (found > 0).all()  # nothing is impossible
        for row, prefix in zip(found, prefixes):
            context = (BOS, *prefix)[max(t + 2 - order, 0) :] if order > 1 else ()
            np.testing.assert_allclose(row, [float(p(w, context)) for w in vocabulary], rtol=1e-12)


@settings(deadline=None, max_examples=60)
@given(corpora(), st.lists(st.sampled_from("abcdz"), min_size=1, max_size=7), st.integers(0, 4))
def test_log_likelihood_is_the_sum_along_the_prefixes_and_after_goes_on(corpus, sentence, cut):
    tokens, order, smoothing, vocabulary, starts = corpus
    assume(set(sentence) <= set(vocabulary))
    model = NGram(tokens, order, smoothing, vocabulary, starts=starts)
    numbers = model.vocabulary.numbers(sentence)
    one_by_one = [model.log_probs(numbers[None, :t], None)[0][0, w] for t, w in enumerate(numbers)]
    assert model.log_likelihood(sentence) == pytest.approx(sum(one_by_one), rel=1e-12, abs=1e-14)
    assert model.perplexity(sentence) == pytest.approx(math.exp(-sum(one_by_one) / len(sentence)), rel=1e-12)
    later = model.after(sentence[:cut])
    assert later.log_likelihood(sentence[cut:]) == pytest.approx(sum(one_by_one[cut:]), rel=1e-12, abs=1e-14)
    np.testing.assert_array_equal(later.log_probs(EMPTY, None)[0], model.log_probs(numbers[None, :cut], None)[0])
    np.testing.assert_array_equal(model.after("").log_probs(EMPTY, None)[0], model.log_probs(EMPTY, None)[0])


@settings(deadline=None, max_examples=40)
@given(corpora())
def test_the_trellis_has_the_same_rows_and_a_higher_order_none(corpus):
    tokens, order, smoothing, vocabulary, starts = corpus
    model = NGram(tokens, order, smoothing, vocabulary, starts=starts)
    if order > 2:
        with pytest.raises(NotMarkov) as told:
            model.trellis(3)
        assert len(vocabulary) == 1 or "does not depend on w_{t-1} alone" in str(told.value) or flat(model)
        return
    trellis = model.trellis(3)
    N = len(vocabulary)
    assert trellis.length == 3 and trellis.vocabulary is model.vocabulary
    np.testing.assert_allclose(trellis.first, model.log_probs(EMPTY, None)[0][0], rtol=1e-14)
    np.testing.assert_allclose(trellis.steps, model.log_probs(np.arange(N)[:, None], None)[0], rtol=1e-13, atol=1e-15)


def flat(model: NGram) -> bool:
    """Whether the next word depends on the last one alone after all, as in a text of few words."""
    N, n = len(model.vocabulary), model.order - 1
    contexts = np.array(list(itertools.product(range(N), repeat=n)))
    found = np.exp(model.log_probs(contexts, None)[0])
    return all(np.ptp(found[contexts[:, -1] == w], axis=0).max() < 1e-3 for w in range(N))


# --- By hand


def test_kneser_ney_by_hand():
    """a b a b a c: bigrams ab 2, ba 2, ac 1, <BOS>a 1, so D_2 = 2 / (2 + 2·2) = 1/3. Before a stand b and <BOS>, before
    b and c one word each, so c_1 = 2, 1, 1 and D_1 = 2 / (2 + 2·1) = 1/2:
    p_1(a) = (2 − 1/2)/4 + (1/2)(3/4)/3 = 1/2, p_1(b) = p_1(c) = (1 − 1/2)/4 + 1/8 = 1/4.
    p(b|a) = (2 − 1/3)/3 + (1/3)(2/3)/4 = 11/18; p(a|c) = p_1(a), for nothing came after c."""
    model = NGram("ababac")
    assert list(model.vocabulary) == ["a", "b", "c"]
    np.testing.assert_allclose(rows(model, "a")[0], [2 / 18, 11 / 18, 5 / 18], rtol=1e-15)
    np.testing.assert_allclose(rows(model, "c")[0], [1 / 2, 1 / 4, 1 / 4], rtol=1e-15)
    np.testing.assert_allclose(rows(model, [""])[0], [2 / 3 + 1 / 6, 1 / 12, 1 / 12], rtol=1e-15)


def test_kneser_neys_own_example():
    """Francisco comes often, but after San alone: after a new context it is less likely than glasses, which is rarer
    and comes after several words."""
    text = "San Francisco . " * 9 + "my glasses . your glasses . his glasses . a cat"
    kneser_ney, witten_bell = (NGram(text.split(), 2, s) for s in (KneserNey(), WittenBell()))
    after_cat = {m: dict(zip(m.vocabulary, rows(m, [["cat"]])[0])) for m in (kneser_ney, witten_bell)}  # none came
    assert after_cat[kneser_ney]["Francisco"] < after_cat[kneser_ney]["glasses"]
    assert after_cat[witten_bell]["Francisco"] > after_cat[witten_bell]["glasses"]


def test_laplace_by_hand():
    model = NGram("ababac", 2, AddK(1.0))
    np.testing.assert_allclose(rows(model, "a")[0], [1 / 6, 3 / 6, 2 / 6], rtol=1e-15)
    np.testing.assert_allclose(rows(model, "c")[0], [1 / 3] * 3, rtol=1e-15)


def test_witten_bell_by_hand():
    """c(a ·) = 3 with two kinds; p_1 = (3 + 1)/9, (2 + 1)/9, (1 + 1)/9 of c = 3, 2, 1 with three kinds."""
    model = NGram("ababac", 2, WittenBell())
    expected = [2 / 5 * 4 / 9, 2 / 5 + 2 / 5 * 3 / 9, 1 / 5 + 2 / 5 * 2 / 9]
    np.testing.assert_allclose(rows(model, "a")[0], expected, rtol=1e-15)


def test_paragraphs_are_counted_twice_only_with_their_beginning():
    """Running on: xy, yx, xx. The beginnings x (twice) stand after <BOS>, and add nothing to the other bigrams."""
    model = NGram("xyxx", 2, AddK(1.0), starts=[2])
    np.testing.assert_allclose(rows(model, [""])[0], [3 / 4, 1 / 4], rtol=1e-15)
    np.testing.assert_allclose(rows(model, "xy"), [[2 / 4, 2 / 4], [2 / 3, 1 / 3]], rtol=1e-15)


def test_order_one_does_not_look_back():
    model = NGram("ababac", 1)
    np.testing.assert_array_equal(rows(model, ["", ]), rows(model, ["c"]))  # fmt: skip
    np.testing.assert_allclose(rows(model, ["ab"])[0], [1 / 2, 1 / 3, 1 / 6], rtol=1e-14)


# --- With the decoders


@settings(deadline=None, max_examples=25)
@given(corpora(), st.integers(1, 3))
def test_decoders_find_the_likeliest_sequence(corpus, length):
    tokens, order, smoothing, vocabulary, starts = corpus
    model = NGram(tokens, order, smoothing, vocabulary, starts=starts)
    best = max(score for score, _ in everything(model, length))
    found = beam_search(model, length, len(vocabulary) ** (length - 1))[0]
    assert found.log_likelihood == pytest.approx(best, rel=1e-12)
    assert model.log_likelihood(found.words) == pytest.approx(best, rel=1e-12)
    if order <= 2 or length == 1:
        assert viterbi(model, length).log_likelihood == pytest.approx(best, rel=1e-12)
    elif "does not depend on" in reason(model):
        with pytest.raises(NotMarkov, match=re.escape(reason(model)[:30])):
            viterbi(model, length)


def reason(model: NGram) -> str:
    with pytest.raises(NotMarkov) as told:
        model.trellis(2)
    return str(told.value)


def test_the_witness_against_viterbi_is_true():
    model = NGram.from_text("it was a dog and it was the cat and it is a cat", 3)
    found = re.fullmatch(
        r"a trigram model is not Markov in its words: p\('(\w+)'\) is (\S+) after \"(.+)\" and (\S+) after \"(.+)\"\. "
        r"Both end in '(\w+)', so p\(w_t \| w_0\.\.t-1\) does not depend on w_\{t-1\} alone",
        reason(model),
    )
    assert found
    word, p, one, q, two, last = found.groups()
    assert one.split()[-1] == two.split()[-1] == last and one != two and p != q
    table = rows(model, [one.split(), two.split()])[:, model.vocabulary.number(word)]
    assert [f"{x:.5g}" for x in table] == [p, q]


def test_a_witness_may_differ_at_any_place_before_the_last():
    """abb and bbb are alike: only another word in the middle makes a difference."""
    assert "after 'bbb' and 0.95833 after 'bab'. Both end in 'b', so" in reason(NGram("abbbb", 4))


def test_after_by_the_function_and_by_the_method():
    model = NGram.from_text("the cat sat on the mat . the dog sat on the cat .", 3)
    assert rows(after(model, ["sat", "on"]), [[]]).tolist() == rows(model, [["sat", "on"]]).tolist()
    assert model.after("sat on").log_likelihood("the") == math.log(rows(model, [["sat", "on"]])[0, 0])
    with pytest.raises(NamingError, match="'sit' is not in the vocabulary"):
        model.after(["sit"])


# --- Text


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Don't stop-- well-known 'tis", ["Don't", "stop", "--", "well-known", "'", "tis"]),
        ("pi=3.14, 1,000 or 1st.", ["pi", "=", "3.14", ",", "1,000", "or", "1st", "."]),
        ("a <unk> word...!?", ["a", "<unk>", "word", "...", "!", "?"]),
        ("o’clock “so” __init__()", ["o’clock", "“", "so", "”", "__init__", "(", ")"]),
        ("cafe\u0301 हिन्दी naïve", ["cafe\u0301", "हिन्दी", "naïve"]),  # combining marks stay with their letter
        ("x\t\n y", ["x", "y"]),
        ("-- ''", ["--", "''"]),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]):
    assert words(text) == expected


@settings(deadline=None)
@given(st.text(max_size=30))
def test_words_lose_nothing_but_white_space(text: str):
    assert "".join(words(text)) == re.sub(r"\s", "", text)
    assert "".join(characters(text)) == text


def test_lower_case_is_asked_for():
    assert words("The CAT") == ["The", "CAT"] and words("The CAT", lower=True) == ["the", "cat"]
    assert list(NGram.from_text("The the THE", 1, lower=True).vocabulary) == ["the"]
    assert NGram.from_text("The the THE cat", 1, lower=True).log_likelihood("CAT the") < 0  # read in the same way


def test_paragraphs_lines_and_their_ends():
    text = "\n\n one two\nthree\n \t\n\n  four\r\n\r\nfive\n"
    found = read(text, Reader("word"), eos="¶")
    assert found.tokens == ["one", "two", "three", "¶", "four", "¶", "five", "¶"] and found.starts == [0, 4, 6]
    assert read(text, Reader("word"), "line").starts == [0, 2, 3, 4]
    found = read("ab\n\ncd\ne\n\n", Reader("character"))
    assert "".join(found.tokens) == "ab\n\ncd\ne\n\n" and found.starts == [0, 4]
    assert read("ab\n\ncd\ne\n", Reader("character"), "line").starts == [0, 4, 7]


def test_eos_ends_what_is_decoded():
    model = NGram.from_text("a cat sat\n\na cat sat\n\na cat ran", 2, min_count=2, eos="<end>")
    assert list(model.vocabulary) == ["<end>", "a", "cat", "sat", "<unk>"]
    found = viterbi(model, 9, eos="<end>")
    assert found.words == ("a", "cat", "sat", "<end>") and found.finished


def test_rare_words_become_unk():
    tokens = list("babcabd")
    assert list(frequent(tokens)) == ["b", "a", "c", "d"]
    assert list(frequent(tokens, 2)) == ["b", "a", "<unk>"]
    assert list(frequent(tokens, max_words=3)) == ["b", "a", "<unk>"]
    assert list(frequent(tokens, max_words=4)) == ["b", "a", "c", "d"]
    assert list(frequent([*tokens, "<unk>"], max_words=4)) == ["b", "a", "c", "<unk>"]
    assert list(frequent([*tokens, "$"], 3, eos="$")) == ["$", "b", "<unk>"]
    model = NGram.from_text("b a b c a b d", 1, smoothing=AddK(1), min_count=2)
    np.testing.assert_allclose(rows(model, [[]])[0], [4 / 10, 3 / 10, 3 / 10])
    assert model.log_likelihood(["never seen"]) == pytest.approx(math.log(3 / 10))
    assert model.vocabulary.number("<unk>") == 2


def test_the_given_vocabulary():
    with pytest.raises(NamingError, match="'c' is not in the vocabulary of 2 words"):
        NGram("abc", vocabulary=["a", "b"])
    model = NGram("abc", vocabulary=Vocabulary(["b", "a", "<unk>", "z"]))
    assert model.log_likelihood("c") == model.log_likelihood(["<unk>"]) > model.log_likelihood("z")
    model = NGram(np.array([3, 1, 3, 3]), vocabulary=range(5))
    assert rows(model, [[3]])[0].argmax() == 3 and len(model.vocabulary) == 5


def test_none_may_be_a_word():
    assert list(frequent([None, "a", None])) == [None, "a"]
    assert rows(NGram([None, None, "a"], 1, AddK(1)), [[]])[0].tolist() == pytest.approx([3 / 5, 2 / 5])


@pytest.mark.parametrize("smoothing", [KneserNey(1e-200), KneserNey(1e-320), AddK(5e-324), AddK(1e100), WittenBell()])
@pytest.mark.parametrize("order", [1, 2, 3, 150])
def test_no_probability_is_0(smoothing: Any, order: int):
    """However small the shares are that are multiplied: after aaa… z has 10⁻³ of the rest at each length."""
    model = NGram("a" * 1000 + "ba", order, smoothing, ["a", "b", "z"])
    found = model.log_probs(np.array([[0] * 150, [1] * 150]), None)[0]
    assert np.isfinite(found).all() and model.after("a" * 150).log_likelihood("z") == found[0, 2]
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1, rtol=1e-12)
    if order < 3:
        np.testing.assert_allclose(model.trellis(2).steps[0], found[0], rtol=1e-12)


def test_one_word_is_markov_at_any_order():
    for order in (1, 2, 3, 5):
        model = NGram("it was a cat and it was a dog", order)
        trellis = model.trellis(1)
        assert trellis.length == 1 and trellis.steps.shape == (0, len(model.vocabulary), len(model.vocabulary))
        assert viterbi(model, 1).words == beam_search(model, 1, 1)[0].words
    assert viterbi(NGram(range(11_181)), 1).words == (0,)  # no matrix of a gigabyte


def test_real_text():
    text = python_reference()
    model = NGram.from_text(text, 3)
    N = len(model.vocabulary)
    prefixes = model.vocabulary.numbers(words(text)[5000:5100]).reshape(10, 10)
    found = np.exp(model.log_probs(prefixes, None)[0])
    assert found.shape == (10, N)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=0, atol=1e-12)
    cut = len(text) * 9 // 10
    seen, unseen = text[:cut], text[cut:]
    perplexity = {
        (order, type(s)): NGram.from_text(seen, order, smoothing=s, min_count=2).perplexity(unseen)
        for order in (1, 2, 3)
        for s in (KneserNey(), AddK(0.01))
    }
    by_kneser_ney = [perplexity[order, KneserNey] for order in (1, 2, 3)]
    assert by_kneser_ney == sorted(by_kneser_ney, reverse=True)  # a longer context helps
    assert all(perplexity[order, KneserNey] < perplexity[order, AddK] for order in (2, 3))
    assert "depend on w_{t-1} alone" in reason(model)


def test_counts_of_a_real_text():
    folder = Path(__file__).parents[3] / "shared" / "data" / "text"
    if not (file := folder / "tinyshakespeare.txt").is_file():
        pytest.skip(f"{file} is not there")
    text = file.read_text(encoding="utf-8")
    model = NGram.from_text(text, 2, "character", smoothing=AddK(1e-9))
    pairs, N = Counter(itertools.pairwise(text)), len(set(text))
    counts = np.array([pairs["q", c] for c in model.vocabulary])
    assert N == 65 and counts.sum() == text.count("q") and counts.argmax() == model.vocabulary.number("u")
    np.testing.assert_allclose(rows(model, "q")[0], (counts + 1e-9) / (counts.sum() + N * 1e-9), rtol=1e-9)
    beginnings = Counter(re.findall(r"(?:^|\n\n)(.)", text))
    assert model.after("").log_likelihood("F") == pytest.approx(
        math.log(beginnings["F"] / sum(beginnings.values())), rel=1e-6
    )


# --- Names, and what is refused


def test_what_it_is_called():
    nouns = [NGram("abcabc", order).noun for order in (1, 2, 3, 4)]
    assert nouns == ["a unigram model", "a bigram model", "a trigram model", "an n-gram model of order 4"]
    assert repr(NGram("abcab", 3, AddK(0.5))) == "NGram of order 3 over 3 words: AddK(k=0.5), counted in 5 tokens"


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: NGram(""), "the text is empty"),
        (lambda: NGram([]), "the text is empty"),
        (lambda: NGram("abc", 0), "order must be a whole number of at least 1, and it is 0"),
        (lambda: NGram("abc", 2.0), "order must be a whole number"),
        (lambda: NGram("abc", 4), "a text of 3 words is too short for an n-gram model of order 4; it needs at least 4"),
        (lambda: NGram("abc", 2, "laplace"), "smoothing='laplace' is none; write KneserNey"),
        (lambda: NGram("abc", 2, KneserNey), "KneserNey'> is none; write KneserNey(), WittenBell() or AddK(1.0)"),
        (lambda: NGram(5), "the tokens are the words of a text, in a list, say, and not 5"),  # type: ignore
        (lambda: NGram(np.array(5)), "the tokens are the words of a text, in a list, say, and not array(5)"),
        (lambda: NGram("ab", vocabulary=5), "a vocabulary is made of hashable words"),  # type: ignore
        (lambda: NGram("ab").after(5), "a list of words is needed"),  # type: ignore
        (lambda: NGram("ab").log_likelihood(None), "a list of words is needed"),  # type: ignore
        (lambda: NGram([["a"], ["b"]]), "the tokens must be hashable"),
        (lambda: NGram("abc", starts=[3]), "starts are numbers of tokens, from 0 to 2"),
        (lambda: NGram("abc", starts=[0.5]), "starts are numbers of tokens"),
        (lambda: NGram.from_text(" \n"), "there is no word in the text"),
        (lambda: NGram.from_text(""), "the text is empty"),
        (lambda: NGram.from_text(["a"]), "of type list; a str is needed"),  # type: ignore
        (lambda: NGram.from_text("a b", level="letter"), "level='letter' is unknown; write 'word' or 'character'"),
        (lambda: NGram.from_text("a b", beginnings="page"), "beginnings='page' is unknown; write 'paragraph'"),
        (lambda: NGram.from_text("a b a", min_count=3), "leaves no word of the text; the commonest, 'a', comes 2"),
        (lambda: NGram.from_text("<unk> <unk>"), "leaves no word of the text; the commonest is '<unk>' alone"),
        (lambda: NGram.from_text("a b", max_words=1), "max_words must be a whole number of at least 2"),
        (lambda: NGram.from_text("a b", eos="b"), "eos='b' is a word of the text itself"),
        (lambda: NGram.from_text("a b", level="character", eos="$"), "give the decoder eos="),
        (lambda: NGram("abc").perplexity(""), "the perplexity of no words"),
        (lambda: NGram("abc").trellis(0), "length must be a whole number"),
        (lambda: AddK(0), "k = 0 leaves every word impossible that was not seen after its context"),
        (lambda: AddK(-1), "k must be a finite number above 0"),
        (lambda: AddK(math.nan), "k must be a finite number"),
        (lambda: AddK(1e308), "k must be a finite number above 0 and at most 1e+100, and it is 1e+308"),
        (lambda: KneserNey(0), "discount must be a finite number above 0"),
        (lambda: KneserNey(1.0), "discount = 1 leaves nothing"),
        (lambda: KneserNey(1.5), "at most 1"),
    ],
)  # fmt: skip
def test_what_is_refused(make, message: str):
    with pytest.raises(InputError) as told:
        make()
    assert message in str(told.value)


def test_a_text_is_no_list_of_words():
    for vocabulary in (["the", "a", "cat"], ["the", "a", "<unk>"]):
        with pytest.raises(NamingError, match=r"'the a' is one text; give a list of words, such as \['the'\]"):
            NGram(["the", "a", "the"], vocabulary=vocabulary).log_likelihood("the a")


def test_a_trellis_that_would_be_too_large():
    model = NGram(range(11_181))
    with pytest.raises(InputError, match=r"over 11,181 words needs 1,000,118,088 bytes .*max_words=11180, .*beam"):
        model.trellis(2)
    assert NGram(range(300)).trellis(2).steps.shape == (300, 300)


def test_a_smoothing_of_ones_own():
    class Absolute:
        """The relative frequencies, halved; the other half is uniform."""

        backs_off: ClassVar[bool] = False
        continuation: ClassVar[bool] = False

        def shared(self, counts: Counts):
            return counts.counts / np.maximum(counts.sums, 1)[counts.contexts] / 2, np.full(len(counts.sums), 0.5)

    model = NGram("ababac", 2, Absolute())
    np.testing.assert_allclose(rows(model, "ac"), [[1 / 6, 1 / 3 + 1 / 6, 1 / 6 + 1 / 6], [1 / 3] * 3], rtol=1e-15)
    with pytest.raises(InputError, match=r"smoothing=.* is none"):
        NGram("ab", 2, object())  # type: ignore


def test_long_contexts_do_not_overflow():
    """Keys of n-grams are made of the number of the context, not of its words: 30,000⁷ does not fit 64 bits."""
    tokens = np.random.default_rng(3).integers(0, 30_000, 400)
    model = NGram(tokens, 7, vocabulary=range(30_000))
    found = np.exp(model.log_probs(tokens[None, 100:150], None)[0])
    assert found[0].argmax() == tokens[150] and found.sum() == pytest.approx(1, abs=1e-12)
