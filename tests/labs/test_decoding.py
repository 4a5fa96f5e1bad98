"""The decoding experiment: its searches by hand, its counts and fits on known numbers, words that fit the numbers."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from page import Page

from chainrule.decode import beam_search
from chainrule.decode.ngram import NGram
from chainrule.decode.tokens import words as tokens_of
from chainrule.graph.errors import DataError
from chainrule.labs import decoding
from chainrule.labs import decoding_lesson as lesson
from chainrule.labs import decoding_scaling as scaling
from chainrule.labs import decoding_words as words
from chainrule.labs.decoding import Settings, Sizes
from chainrule.labs.decoding_exact import KINDS, TREE, agreements, random_model, widths
from chainrule.labs.decoding_report import html_page
from chainrule.labs.decoding_result import scaling_csv, sequences_csv
from chainrule.labs.decoding_scaling import Plan, Sweep
from chainrule.labs.decoding_tables import comes_again
from chainrule.labs.decoding_text import NGRAMS, REAL, Corpus, Known, Output, per_token, prompts
from chainrule.labs.decoding_tree import TREE as BRANCHES
from chainrule.labs.decoding_tree import answers
from chainrule.labs.power_law import PowerLaw, power_law
from chainrule.labs.repetition import longest_repeated, repeated
from chainrule.labs.settings import SettingError

TINY = Sizes(
    models=3, repeats=2, divisor=60, prompts=2, words=12, characters=40, vocabulary=60, context=3, hidden=(8,),
    epochs=1, engine="numpy",
)  # fmt: skip


def made_up_text(sentences=700, seed=3) -> str:
    """Sentences of a small grammar, with rare names in them."""
    dice = np.random.default_rng(seed)
    nouns, verbs = ["cat", "dog", "owl", "hen", "fox"], ["sees", "hears", "fears", "likes"]
    pick = lambda items: items[min(int(dice.exponential(1.2)), len(items) - 1)]
    lines = []
    for k in range(sentences):
        name = f"Mr{chr(97 + k % 26)}{chr(97 + k // 26)}" if k % 9 == 0 else f"the {pick(nouns)}"
        lines.append(f"{name} {pick(verbs)} the {pick(nouns)}{' and the ' + pick(nouns) if k % 4 else ''}.")
    return "\n".join(lines)


@pytest.fixture(scope="module")
def corpus():
    text = made_up_text()
    cut = len(text) - len(text) // 10
    return Corpus(text[:cut], text[cut:], "made-up text")


@pytest.fixture(scope="module")
def result(corpus):
    return decoding.run(Settings(seed=5, sizes=TINY), corpus)


@pytest.fixture(scope="module")
def page(result):
    return html_page(result)


# The small tree -------------------------------------------------------------------------------------------------------


def leaves(branches, path=(), total=0.0):
    for word, value in branches.items():
        log_p, below = value if isinstance(value, list) else (value, None)
        if below is None:
            yield (*path, word), total + log_p
        else:
            yield from leaves(below, (*path, word), total + log_p)


def test_three_answers_by_hand():
    a = answers()
    every = dict(leaves(BRANCHES))
    assert len(every) == 24 and a.best.words == max(every, key=every.__getitem__) == ("a", "blue", "square")
    assert a.greedy.words == ("the", "red", "circle") and a.beam.words == ("a", "red", "circle")
    for found, log_p in ((a.greedy, -9.1), (a.beam, -9.3), (a.best, -8.2)):
        assert found.log_likelihood == pytest.approx(log_p) == every[found.words]
    assert [round(s.log_likelihood, 6) for _, s in a.by_width] == [-9.1, -9.3, -9.1, -9.1, -9.1, -8.2]
    assert a.enough == a.proved == 6 and [(n.words, w.words) for n, w in a.falls()] == [(a.greedy.words, a.beam.words)]


def test_what_is_said_of_the_tree_is_computed():
    a = answers()
    first, second = words.departures(a)
    assert first.startswith("At step 2 the beam keeps “a red” (−3.7) and “a green” (−3.8)")
    assert "drops “the red” (−4.0)" in first and "“the red circle”, −9.1" in first and "−9.3 or below" in first
    assert "At the same step it drops “a blue” (−4.7)" in second and "−8.2" in second and "has −3.8" in second
    assert "`search.exact` is False" in words.known(a) and "between −9.3 and −4.0" in words.known(a)
    said = words.sufficient(a)
    assert "A width of 6" in said and "all 6 prefixes" in said and "with 2 prefixes it finds −9.3 and with 1" in said


def test_it_would_say_otherwise_of_another_tree():
    wide = answers(width=6)
    assert words.departures(wide) == ["The beam of 6 keeps the beginning of the maximum to the end, and finds it."]
    assert "can tell that this is the maximum: nothing was dropped" in words.known(wide)
    # Here greedy search is right from the first step, so that any beam is.
    easy = answers({"x": [-0.15, {"y": -0.2, "z": -3.0}], "v": [-2.5, {"y": -0.1}], "w": [-4.0, {"z": -0.1}]})
    assert easy.enough == 1 and not easy.falls() and "that need not be so" in words.sufficient(easy)
    # And here greedy search misses it, the beam finds more, and loses the maximum later than at the second step.
    deep = {"p": [-1.0, {"q": [-1.0, {"r": -9.0}]}], "s": [-1.1, {"q": [-1.0, {"r": -8.0}], "r": [-1.2, {"q": -0.1}]}]}
    found = answers(deep)
    assert found.beam.log_likelihood > found.greedy.log_likelihood and found.left(found.best).step == 2
    first, second = words.departures(found)
    assert "no less than greedy" in first and "At step 2 the beam keeps “p q” (−2.0) and “s q” (−2.1)" in second
    assert "It drops “s r” (−2.3)" in second


# Exactness ------------------------------------------------------------------------------------------------------------


def test_decoders_agree_with_the_enumeration():
    found = agreements(7, 4, {"chain": ((3, 4),), TREE: ((2, 5),)})
    chain, tree = found
    assert (chain.viterbi, chain.k_best, chain.full) == (4, 4, 4) and (tree.viterbi, tree.full) == (None, 4)
    assert list(chain.gaps) == [1, 2, 3, 4, 6, 8, 12, 16, 24, 27] and chain.found(27) == 4 and chain.apart < 1e-12
    assert all((gaps >= -1e-12).all() for a in found for gaps in a.gaps.values())
    said = words.exactness(found)
    assert "Viterbi's algorithm found the maximum in all 4 models" in said and "in all 8 models" in said
    broken = words.exactness([replace(chain, viterbi=3), tree])
    assert "in 3 of 4 models" in broken and "a mistake in the library" in broken and "mistake" not in said


def test_random_models_are_distributions_over_whole_sequences():
    dice = np.random.default_rng(0)
    for kind, sizes in KINDS.items():
        N, T = min(sizes, key=lambda pair: pair[0] ** pair[1])
        model, total = random_model(kind, N, T, dice), 0.0
        for found in beam_search(model, T, N**T):
            total += math.exp(found.log_likelihood)
        assert total == pytest.approx(1), kind
    assert widths(2, 3) == [1, 2, 3, 4] and widths(9, 1) == [1]


def test_words_on_misses():
    a = agreements(7, 1, {"chain": ((3, 4),)})[0]
    gaps = {1: np.array([0.0, 0.5]), 4: np.array([0.75, 0.0]), 16: np.array([0.0, 0.0])}
    said = words.misses([replace(a, models=2, gaps=gaps)])
    assert "Greedy search misses it in 50\u00a0% of them, by 0.5 nats" in said and "a beam of 4 misses it in 50" in said
    assert "a beam of 16 misses it in 0\u00a0%" in said and "In 1 of the 2 models some beam finds less" in said


# Costs ----------------------------------------------------------------------------------------------------------------


@given(st.sampled_from(["exhaustive", "greedy", "beam", "viterbi", "k-best"]), st.integers(1, 5), st.integers(1, 5),
       st.integers(1, 9), st.integers(1, 9))  # fmt: skip
@settings(deadline=None, max_examples=60)
def test_counts_are_those_of_the_formulas(decoder, N, T, B, k):
    sizes = {"N": N, "T": T, "B": B, "k": k}
    found = scaling.call(decoder, scaling.model(decoder, N, 0), sizes)()
    assert found.extensions == scaling.predicted(decoder, sizes)[1]


def test_predicted_counts_by_hand():
    each = {d: scaling.predicted(d, {"N": 3, "T": 4, "B": 5, "k": 2})[1] for d in ("exhaustive", "beam", "viterbi")}
    assert each == {"exhaustive": 3 + 9 + 27 + 81, "beam": 3 + 9 + 15 + 15, "viterbi": 3 + 3 * 9}


@given(st.floats(-3, 3), st.floats(0.01, 100), st.integers(0, 99))
@settings(deadline=None, max_examples=30)
def test_power_laws(exponent, factor, seed):
    x = np.geomspace(2, 90, 7)
    noise = np.exp(0.05 * np.random.default_rng(seed).normal(size=7))
    law = power_law(x, factor * x**exponent * noise)
    (slope, _), cov = np.polyfit(np.log(x), np.log(law.factor * x**exponent * noise), 1, cov=True)
    assert law.exponent == pytest.approx(slope, abs=1e-9) and law.error == pytest.approx(math.sqrt(cov[0, 0]))
    exact = power_law(x, factor * x**exponent)
    np.testing.assert_allclose(exact(x), factor * x**exponent, rtol=1e-9)
    assert exact.agrees(exponent) and not exact.agrees(exponent + 0.06)
    assert PowerLaw(1.0, 2.0, 0.2).agrees(2.39) and math.isnan(power_law([1, 2], [3, 5]).error)


def swept(cost, values, expected=1.0, quantity="time", floor=0.0, varies="N", decoder="beam", **fixed) -> Sweep:
    plan = Plan(decoder, quantity, varies, tuple(values), fixed or {"T": 2, "B": 3}, expected)
    cost = np.array(cost, float)
    return Sweep(plan, cost, cost, cost, floor)


def test_a_fit_counts_what_stands_clear_of_the_floor():
    x = (10, 20, 40, 80, 160)
    s = swept([1 + 0.5 * v for v in x], x, floor=2.5)
    assert s.clear.tolist() == [False, False, True, True, True] and s.enough
    assert "beam search over N (2 of 5)" in words.fitted([s])
    flat = swept([1.0, 1.1, 1.3, 1.7, 2.5], x, floor=1.0)
    assert flat.clear.all() and not flat.enough and "Too few such points" in words.fitted([flat])
    memory = swept([100 + 8 * v for v in x], x, quantity="memory", floor=100.0)
    assert memory.law.exponent == pytest.approx(1) and memory.clear.all()
    growth = swept(3.0 ** np.arange(4, 9), range(4, 9), None, varies="T", decoder="exhaustive", N=3)
    assert np.exp(growth.law.exponent) == pytest.approx(3) == np.exp(growth.expected)
    assert words.agrees(growth) and words.law(growth).startswith("3.00")


def test_words_on_exponents_that_depart():
    x = (10, 20, 40, 80)
    assert words.departs(swept([v**1.0 for v in x], x)) == ""
    above = words.departs(swept([1, 2, 8, 16], x))
    assert above.startswith("Beam search, time over N: the exponent is 1.40") and "not 1.00" in above
    assert "steepest from N = 20 to 40 (2.00)" in above and "cache" in above and "480 B" not in above
    below = words.departs(swept([11, 12.5, 16, 24], x, floor=9.0))
    assert "Between the two smallest sizes it is 0.18" in below and "the two largest 0.58" in below
    assert "less the larger they are" in below and "Without the 9 s" in below and "cache" not in below


def test_peaks_are_those_of_arrays():
    size = 300_000
    assert 8 * size <= scaling.peak(lambda: np.zeros(size)) < 8 * size + 20_000
    assert scaling.peak(lambda: None) < 20_000
    m = scaling.model("viterbi", 40, 0)
    long, short = (scaling.peak(scaling.call("viterbi", m, {"T": T})) for T in (2000, 1000))
    assert long - short == pytest.approx(8 * 40 * 1000, rel=0.1)  # δ


def test_plans_shrink_and_stay_distinct():
    for plan in scaling.PLANS:
        small = plan.smaller(60)
        assert len(set(small.values)) == len(small.values) >= 2 and min(small.values) > plan.floor
        assert plan.smaller(1) == plan and list(plan.values) == sorted(plan.values)


def test_selection_finds_what_sorting_finds(result):
    assert result.selected.same and "and gives the same" in words.chosen(result.selected)
    assert "that is a mistake" in words.chosen(replace(result.selected, same=False))
    assert words.counted(result.counts) == "All 9 counts are exactly those of the formulas."
    wrong = [replace(result.counts[0], counted=1), *result.counts[1:]]
    assert words.counted(wrong).startswith("1 of 9 counts")


# Repetition -----------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.text("abc", max_size=14), st.integers(1, 5))
def test_repetition_by_brute_force(text, n):
    grams = [text[k : k + n] for k in range(len(text) - n + 1)]
    before = [g in grams[:k] for k, g in enumerate(grams)]
    assert repeated(text, n) == pytest.approx(np.mean(before) if grams else 0)
    marks = comes_again(text, n)
    assert marks == [any(before[max(j - n + 1, 0) : j + 1]) for j in range(len(text))]
    twice = [b - a for a in range(len(text)) for b in range(a, len(text) + 1) if text.find(text[a:b], a + 1) > a]
    assert longest_repeated(text) == max(twice, default=0)


# Text -----------------------------------------------------------------------------------------------------------------


def test_prompts_lie_in_the_held_out_text(corpus):
    s = Settings(seed=5, sizes=replace(TINY, prompts=5))
    found = prompts(corpus, s)
    assert len(found) == 5 and found == prompts(corpus, s) != prompts(corpus, replace(s, seed=6))
    for p in found:
        assert p.text + p.following in corpus.held and p.following[0].isspace() and not p.text[0].isspace()
        assert len(p.following) >= 40 and len(tokens_of(p.following)) >= 12 and len(p.text) <= 80
    with pytest.raises(DataError, match=r"made-up text is too short: it has [\d,]+ characters"):
        prompts(corpus, replace(s, sizes=replace(TINY, words=900)))
    with pytest.raises(DataError, match="too short"):
        prompts(Corpus("a b " * 30, "c d", "three words"), s)


def test_a_text_of_ones_own(tmp_path):
    (tmp_path / "mine.txt").write_text(made_up_text(300), encoding="utf-8")
    found = decoding.load(Settings(text=str(tmp_path / "mine.txt"), sizes=TINY))
    assert found.train + found.held == made_up_text(300) and len(found.held) == len(made_up_text(300)) // 10
    with pytest.raises(DataError, match=r"none\.txt"):
        decoding.load(Settings(text=str(tmp_path / "none.txt"), sizes=TINY))


def test_a_model_that_never_says_unknown():
    base = NGram.from_text("the cat sat, the cat ran, the dog sat and the hen ran off", 2, min_count=2)
    known, unknown = Known(base), base.vocabulary.number("<unk>")
    prefixes = np.array([[0], [unknown], [2]])
    rows, plain = known.log_probs(prefixes, None)[0], base.log_probs(prefixes, None)[0]
    assert (rows[:, unknown] == -np.inf).all() and np.exp(rows).sum(axis=1) == pytest.approx(1)
    others = np.delete(np.arange(rows.shape[1]), unknown)
    expected = np.exp(plain[:, others]) / np.exp(plain[:, others]).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.exp(rows[:, others]), expected)
    later = known.after(["the", "zebra"])
    np.testing.assert_allclose(later.log_probs(np.zeros((1, 0), int), None)[0][0], rows[1])
    np.testing.assert_allclose(later.trellis(3).step(2)[2], rows[2])
    assert later.trellis(3).steps is known.trellis(5).steps  # made once


def test_words_that_are_new_where_none_was_rare():
    train = "the cat sat on the cat and the dog sat on the dog and . " * 12
    held = "the zebra sat on the cat and the dog sat on the owl and . " * 6
    found = decoding.run(Settings(sizes=replace(TINY, divisor=200, models=1)), Corpus(train, held, "new words"))
    for m in found.models[:2]:
        assert "<unk>" not in m.model.vocabulary and "zebra" not in m.model.vocabulary and 0 < m.nats < m.uniform
    assert all(math.isfinite(o.per_token) for o in found.outputs)


def test_outputs_are_scored_as_they_were_found(result):
    assert len(result.outputs) == 2 * (9 + 3 * 8)
    for m in result.models[:3]:
        for o in result.made(m):
            place = result.prompts[o.prompt].text
            given = m.model.after(tokens_of(place) if m.unit == "word" else place)
            assert per_token(given, o.tokens) == pytest.approx(o.per_token) and "<unk>" not in o.tokens
            assert len(o.tokens) == (12 if m.unit == "word" else 40)
    best = {o.prompt: o.per_token for o in result.made(result.models[0], "Viterbi")}
    for o in result.made(result.models[0]):
        assert o.per_token <= best[o.prompt] + 1e-9
    assert all(o.exact for o in result.made(result.models[0], "Viterbi"))


def test_models_know_more_than_their_unigrams(result):
    assert [m.unit for m in result.models] == ["word", "word", "character", "character"]
    for m in result.models[:3]:
        assert m.nats < m.unigram < m.uniform
    assert result.models[3].nats < result.models[3].uniform


def test_real_text_is_scored_where_the_model_knows_it(result, corpus):
    m = result.models[0]
    for o in result.made(m, REAL):
        assert o.tokens == tuple(tokens_of(result.prompts[o.prompt].following)[:12])
        assert -m.uniform * 3 < o.per_token < 0
    scores = lambda p, s: (np.where(np.arange(60) == m.model.unknown, -np.inf, -2.0)[None], None)
    flat = SimpleNamespace(vocabulary=m.model.vocabulary, log_probs=scores)
    assert per_token(flat, ["the", "nothing", "cat"]) == -2.0


# What it teaches ------------------------------------------------------------------------------------------------------


def outputs_of(m, decoder, scores):
    """Outputs with a log p per token and so many tokens, of 12, that repeat the same word."""
    made = []
    for k, (per, same) in enumerate(scores):
        tokens = tuple(["x"] * same + [f"w{j}" for j in range(60 - same)])
        made.append(Output(m.key, m.unit, decoder, k, tokens, per, False, 0.0))
    return made


def taught(result, scores, real=((-5.0, 0), (-5.0, 0))):
    """The result with other outputs for its bigram: decoder -> (log p, how much it repeats) for each prompt."""
    m = result.models[0]
    made = [o for name, values in scores.items() for o in outputs_of(m, name, values)]
    return replace(result, models=[m], outputs=made + outputs_of(m, REAL, real)), m


ALL = ("greedy", "beam, 4", "beam, 16", "beam, 64", "Viterbi", "sampling")


def test_correlation_is_spearmans(result):
    from scipy.stats import spearmanr

    made = result.made(result.models[0])
    expected = spearmanr([o.per_token for o in made], [o.repetition for o in made]).statistic
    assert lesson.correlation(made) == pytest.approx(expected)
    assert math.isnan(lesson.correlation(outputs_of(result.models[0], "x", [(-1.0, 5), (-2.0, 5)])))


RISING, FALLING, LOOSE = (10, 20, 30, 40, 50, 60), (60, 50, 40, 30, 20, 10), (30, 20, 40, 10, 30, 40)


@pytest.mark.parametrize(
    "repeats, verdict, said",
    [
        (RISING, "together", "What a model finds likelier repeats itself more:"),
        (FALLING, "against", "What is likelier does not repeat itself more here:"),
        (LOOSE, "loosely", "What a model finds likelier tends to repeat itself more:"),
    ],
)
def test_the_lesson_follows_from_the_numbers(result, repeats, verdict, said):
    r, m = taught(result, scored(repeats))
    rho = lesson.correlation(r.made(m))
    assert lesson.verdict(rho) == verdict
    assert lesson.overall(r).startswith(said) and f"{rho:.2f} (bigram".replace("-", "−") in lesson.overall(r)


def test_the_lesson_over_several_models(result):
    one, other = result.models[:2]
    for first, second, said in (
        (RISING, RISING, "repeats itself more, in every model"),
        (RISING, LOOSE, "tends to repeat itself more, in every model"),
        (RISING, FALLING, "repeats itself more in 1 of 2 models, not in the others"),
    ):
        made = []
        for m, repeats in ((one, first), (other, second)):
            for name, values in scored(repeats).items():
                made += outputs_of(m, name, values)
        assert said in lesson.overall(replace(result, models=[one, other], outputs=made))


def scored(repeats):
    """Each decoder's outputs are likelier than those of the one before, and repeat so many tokens."""
    return {name: [(-3.0 + k / 2, r), (-2.9 + k / 2, r)] for k, (name, r) in enumerate(zip(ALL, repeats))}


def test_words_on_a_model(result):
    r, m = taught(result, {
        "greedy": [(-2.0, 40)] * 2, "beam, 4": [(-1.9, 50)] * 2, "beam, 16": [(-1.8, 50), (-1.9, 50)],
        "beam, 64": [(-1.7, 50), (-2.0, 50)], "Viterbi": [(-1.5, 60), (-2.0, 60)], "sampling": [(-4.0, 0)] * 2,
    })  # fmt: skip
    text = lesson.of_model(r, m)
    assert "log p of −5.000 per word" in text and "those of Viterbi, are likelier (−1.750) and repeat more (98" in text
    assert "repetition is sampling (0\u00a0%), and it is nearest to its likelihood as well" in text
    assert "Even what is drawn from p itself is likelier than the text (−4.000)" in text
    text = lesson.widths(r, m)
    assert "−2.000 → −1.900 → −1.850 → −1.850" in text and "After 1 of 2 prompts a wider beam found less" in text
    assert "the beam of 64 finds as likely ones after 1 of 2 prompts" in text
    r, m = taught(result, dict.fromkeys(ALL, [(-6.0, 0)] * 2), real=[(-5.0, 30)] * 2)
    text = lesson.of_model(r, m)
    assert "are less likely (−6.000) and repeat no more (0" in text and "Even what" not in text
    assert "After none of the 2 prompts" in lesson.widths(r, m)


# Report and files -----------------------------------------------------------------------------------------------------


def test_the_report_is_whole(page, result):
    read = Page(page)
    assert read.sections == ["overview", "answers", "exactness", "cost", "text", "again"]
    assert len(read.ids) == len(set(read.ids))
    figures, captions = (sum(tag == name for tag, _ in read.tags) for name in ("figure", "figcaption"))
    assert figures == captions >= 40
    pictures = sum(tag == "svg" for tag, _ in read.tags)
    tables = sum(tag == "table" and attrs.get("class") != "equations" for tag, attrs in read.tags)
    assert figures == pictures + tables  # each has its caption
    assert pictures == 5 + 1 + 2 + len(result.sweeps) + 1 + len(result.models)
    words_only = re.sub(r"base64,[^\"]*", "", page)
    assert "http:" not in words_only and "https:" not in words_only and "<script" not in page
    assert "nan" not in read.text.lower().split() and "`" not in read.text.replace("```", "")
    assert not set("₍₎") & set(page) and "w_t" not in read.text


def test_the_report_tells_what_was_found(page, result):
    text = Page(page).text
    for found in (result.answers.greedy, result.answers.beam, result.answers.best):
        assert words.title_of(found) in text
    assert words.departures(result.answers)[0] in text
    for s in result.sweeps:
        assert words.law(s) in text and words.departs(s) in text
    for c in result.counts:
        assert f"{c.counted:,}" in text
    for m in result.models:
        assert f"{m.nats:.3f}" in text and words.mean_log_p(result.summary(m, REAL).per_token) in text
    assert "--seed 5" in text and "chainrule lab decoding" in text


def test_files(result, tmp_path, page):
    paths = decoding.save(result, tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(decoding.FILES)
    assert paths["report.html"].read_text("utf-8") == page
    rows = list(csv.DictReader(io.StringIO(scaling_csv(result))))
    assert len(rows) == len(result.counts) + sum(len(s.plan.values) for s in result.sweeps)
    assert rows[0]["decoder"] == "exhaustive" and rows[0]["measured"] == rows[0]["predicted"] == "349524"
    last, s = rows[-1], result.sweeps[-1]
    assert float(last["measured"]) == s.median[-1] and int(last["B"]) == s.plan.values[-1] and last["k"] == ""
    rows = list(csv.DictReader(io.StringIO(sequences_csv(result))))
    assert len(rows) == len(result.outputs)
    for row, o in zip(rows, result.outputs):
        assert row["text"] == o.text and float(row["log_likelihood_per_token"]) == o.per_token
        assert float(row[f"repeated_{NGRAMS[o.unit][-1]}"]) == o.repetition


def test_facts_are_plain(result):
    found = json.loads(json.dumps(decoding.facts(result)))
    assert found["tree"]["beam"]["width"] == 2 and found["tree"]["width_that_suffices"] == 6
    assert all(e["counted"] == e["predicted"] for e in found["extensions"])
    assert [m["key"] for m in found["text"]["models"]] == ["word-2", "word-3", "character-6", "network"]
    assert found["settings"]["sizes"]["prompts"] == 2 and len(found["scaling"]) == len(result.sweeps)


def test_a_seed_fixes_what_is_found(result, corpus):
    again = decoding.run(Settings(seed=5, sizes=replace(TINY, divisor=200)), corpus)
    assert [(o.tokens, o.per_token) for o in again.outputs] == [(o.tokens, o.per_token) for o in result.outputs]
    assert [a.gaps[1].tolist() for a in again.agreements] == [a.gaps[1].tolist() for a in result.agreements]


@pytest.mark.parametrize(
    "changes, setting",
    [({"seed": -1}, "seed"), ({"seed": 2**32}, "seed"), ({"text": ""}, "text"), ({"data_dir": "x"}, "data_dir")],
)
def test_settings_that_cannot_be(changes, setting):
    with pytest.raises(SettingError) as caught:
        Settings(**changes)
    assert caught.value.setting == setting
    assert Settings(text="my text.txt", seed=3).command() == "chainrule lab decoding --text 'my text.txt' --seed 3"


