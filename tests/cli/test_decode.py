"""`chainrule decode`, as people use it."""

from __future__ import annotations

import json
import math
import shlex
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from commands import everything, failed

from chainrule.decode import NGram, Tree, beam_search, sample

TREE = """
{"a": [-0.51, {"red": [-1.9, {"circle": -0.5, "square": -0.95}], "blue": [-2.1, {"circle": -0.7}]}],
 "the": [-0.92, {"red": [-0.05, {"square": -0.1, "circle": -2.4}]}]}
"""
INDENTED = "a −0.6\n  red −0.4\nthe −0.9\n  red −0.4\n"
CHAIN = '{"words": ["dry", "rain"], "start": "dry", "P": [[0.9, 0.1], [0.4, 0.6]]}'
HMM = """
{"initial": [0.6, 0.4], "transition": [[0.7, 0.3], [0.4, 0.6]], "emission": [[0.1, 0.4, 0.5], [0.6, 0.3, 0.1]],
 "states": ["rainy", "sunny"], "words": ["walk", "shop", "clean"]}
"""
CORPUS = """The cat sat on the mat. The dog sat on the log.

The cat saw the dog. The dog saw the cat, and the cat ran.
"""
FILES = {"tree.json": TREE, "tree.txt": INDENTED, "chain.json": CHAIN, "hmm.json": HMM, "corpus.txt": CORPUS}
PYTHON = ("beam_search", "limit=", "max_words", "min_count", "eos=", "MarkovChain(", "from_text", "()", "given(")


@pytest.fixture
def decode(chainrule, here):
    """Run the command on the files above: `decode("tree.json", "--width", "2")`."""
    (here / "net.py").unlink()
    for name, content in FILES.items():
        (here / name).write_text(content, encoding="utf-8")
    return lambda *args, **more: chainrule("decode", *args, **more)


@pytest.fixture
def found(decode):
    """What `--json` prints."""

    def run(*args: str, **more):
        result = decode(*args, "--json", **more)
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    return run


def texts(facts) -> list[str]:
    return [s["text"] for s in facts["sequences"]]


# Decoders ------------------------------------------------------------------------------------------------------------


def test_the_beam_of_a_tree(decode):
    result = decode("tree.json", "--decoder", "beam", "--width", "2", "--length", "3")
    head, best, second, empty, cost = result.stdout.splitlines()
    assert head.split() == ["log", "p", "sequence"]
    assert best.split() == ["-1.0700", "the", "red", "square"] and second.split() == ["-2.9100", "a", "red", "circle"]
    assert empty == "" and result.stderr == ""
    assert cost.startswith("Beam search of width 2: 3 calls of the model, 9 extensions scored; the maximum is proved: ")


def test_a_beam_that_is_too_narrow_says_what_is_not_known(decode):
    cost = decode("tree.json", "--width", "1").stdout.splitlines()[-1]
    assert "the maximum is not proved: a prefix of" in cost and cost.endswith("no sequence has log p above -0.9200.")


def test_json_has_what_python_answers(found, here):
    facts = found("tree.json", "--width", "2", "--length-penalty", "0.7")
    best = beam_search(Tree.load(here / "tree.json"), 3, 2, length_penalty=0.7)
    assert [tuple(s["words"]) for s in facts["sequences"]] == [s.words for s in best]
    assert [s["length_normalised"] for s in facts["sequences"]] == [s.length_normalised for s in best]
    search = best[0].search
    for name in ("decoder", "length", "calls", "extensions", "exact", "why", "bound"):
        assert facts[name] == getattr(search, name), name
    assert facts["settings"] == {
        "prompt": [], "eos": None, "length_penalty": 0.7, "groups": 1, "diversity": None, "width": 2,
    }  # fmt: skip
    assert facts["model"] == {"kind": "tree", "words": 6, "file": "tree.json", "depth": 3, "branches": 10}


def test_every_decoder(found):
    best = {}
    for decoder in ("greedy", "beam", "viterbi", "k-best", "exhaustive"):
        facts = found("chain.json", "--decoder", decoder, "--length", "4")
        assert facts["decoder"] == decoder
        assert facts["sequences"][0]["log_likelihood"] == pytest.approx(4 * math.log(0.9))
        best[decoder] = texts(facts)
    assert [len(answers) for answers in best.values()] == [1, 5, 1, 5, 5]
    assert best["k-best"] == best["exhaustive"]
    assert texts(found("chain.json", "--k", "3", "--length", "4")) == best["k-best"][:3]
    facts = found("chain.json", "--decoder", "sample", "--count", "3", "--length", "4", "--seed", "7")
    assert len(texts(facts)) == 3 and facts["exact"] is False and facts["settings"]["temperature"] == 1.0


@pytest.mark.parametrize(
    "args, decoder",
    [
        (["tree.json"], "beam"),
        (["chain.json"], "viterbi"),
        (["hmm.json"], "beam"),
        (["hmm.json", "--observed", "walk shop"], "viterbi"),
        (["--text", "corpus.txt"], "beam"),
        (["chain.json", "--width", "2"], "beam"),
        (["chain.json", "--top-k", "2"], "sample"),
        (["chain.json", "--k", "2"], "k-best"),
        (["chain.json", "--limit", "2000"], "exhaustive"),
        (["tree.json", "--k", "2"], "exhaustive"),
        (["tree.json", "--end", "circle"], "exhaustive"),
        (["--text", "corpus.txt", "--end", "."], "viterbi"),
        (["--text", "corpus.txt", "--order", "3", "--length", "3", "--end", "."], "exhaustive"),
    ],
)
def test_the_decoder_that_is_meant(found, args, decoder):
    assert found(*args)["decoder"] == decoder


def test_end_and_length(found):
    assert texts(found("chain.json", "--length", "5", "--end", "rain")) == ["dry dry dry dry rain"]
    assert texts(found("tree.json", "--end", "circle", "--k", "1")) == ["a red circle"]
    assert found("tree.json")["length"] == 3 and found("tree.json", "--prompt", "the")["length"] == 2
    assert found("chain.json")["length"] == 10


def test_a_penalty_has_a_column_of_its_own(decode):
    head, best, *_ = decode("--text", "corpus.txt", "--eos", "<eos>", "--length-penalty", "0.6").stdout.splitlines()
    assert head.strip().split("   ") == ["log p", "log p / T^0.6", "sequence"] and best.endswith(" <eos>")
    log_p, normalised = map(float, best.split()[:2])
    assert normalised == pytest.approx(log_p / len(best.split()[2:]) ** 0.6, abs=1e-3)


def test_groups_widen_the_beam_to_their_multiple(found):
    facts = found("--text", "corpus.txt", "--groups", "3")
    assert facts["settings"]["width"] == 6 and facts["settings"]["groups"] == 3


# Models --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name, args", [("tree.txt", []), ("tree.json", []), ("hmm.json", ["--observed", "shop"])])
def test_a_model_on_stdin(found, name, args):
    piped, read = found("-", *args, stdin=FILES[name]), found(name, *args)
    assert piped.pop("model") == read.pop("model") | {"file": None} and piped == read


def test_a_text_on_stdin(found):
    assert texts(found("--text", "-", stdin=CORPUS)) == texts(found("--text", "corpus.txt"))


def test_indented_trees_may_be_markov(found):
    facts = found("tree.txt", "--decoder", "viterbi")
    assert texts(facts) == ["a red"] and facts["exact"] is True


def test_the_states_behind_words(decode, found, here):
    seen = ["--observed", "walk shop clean"]
    result = decode("hmm.json", *seen)
    assert result.stdout.splitlines()[1].split() == ["-4.3095", "sunny", "rainy", "rainy"]
    assert "log p is that of states and words together; of the words alone it is -3.3929." in result.stdout
    drawn = found("hmm.json", *seen, "--decoder", "sample")  # of p(states | words)
    joint = found("hmm.json", *seen, "--decoder", "exhaustive", "--k", "8")
    wanted = {s["text"]: s["log_likelihood"] - joint["model"]["log_likelihood_observed"] for s in joint["sequences"]}
    assert drawn["sequences"][0]["log_likelihood"] == pytest.approx(wanted[texts(drawn)[0]])
    assert sum(map(math.exp, wanted.values())) == pytest.approx(1)
    held = json.loads(HMM) | {"observations": ["walk", "shop", "clean"]}
    (here / "seen.json").write_text(json.dumps(held))
    assert texts(found("seen.json")) == ["sunny rainy rainy"]
    assert texts(found("seen.json", "--observed", "walk walk")) == ["sunny sunny"]
    failed(decode("seen.json", "--prompt", "sunny"), 2, "'--prompt'", "hidden states begin with the first word")
    first = found("seen.json", "--length", "2")  # and the likelihood of those words alone
    both = found("hmm.json", "--observed", "walk shop")
    for name in ("sequences", "log_likelihood_of"):
        assert first[name] == both[name]
    assert first["model"]["log_likelihood_observed"] == both["model"]["log_likelihood_observed"]
    assert (joint["log_likelihood_of"], joint["model"]["words"]) == ("states and words together", 3)
    assert found("hmm.json", *seen, "--decoder", "sample")["log_likelihood_of"] == "the states given the words"


def test_numbers_as_words(found, here):
    (here / "numbers.json").write_text('{"P": [[0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.4, 0.5, 0.1]], "start": 2}')
    facts = found("numbers.json", "--length", "2", "--prompt", "0 1", "--end", "0")
    assert facts["settings"]["prompt"] == [0, 1] and facts["sequences"][0]["words"] == [2, 0]


def test_a_tree_is_scaled_for_sampling(decode, found):
    args = ("tree.json", "--decoder", "sample")
    failed(decode(*args), 1, "below 1; to draw words", "--normalise scales those of a tree")
    facts = found(*args, "--normalise", "--count", "2")
    assert len(texts(facts)) == 2 and facts["model"]["normalised"] is True


# Texts ---------------------------------------------------------------------------------------------------------------


def test_an_n_gram_model_as_python_makes_it(found):
    facts = found("--text", "corpus.txt", "--order", "3", "--prompt", "The cat", "--length", "4", "--width", "2")
    best = beam_search(NGram.from_text(CORPUS, 3).after(["The", "cat"]), 4, 2)
    assert [tuple(s["words"]) for s in facts["sequences"]] == [s.words for s in best]
    assert facts["settings"]["prompt"] == ["The", "cat"] and facts["model"]["order"] == 3


def test_characters(decode, found):
    args = ("--text", "corpus.txt", "--characters", "--order", "4", "--prompt", "The ")
    drawn = ("--decoder", "sample", "--temperature", "0.8", "--top-p", "0.9", "--count", "2", "--seed", "3")
    facts = found(*args, *drawn, "--length", "150")
    model = NGram.from_text(CORPUS, 4, "character").after(list("The "))
    wanted = sample(model, 150, temperature=0.8, top_p=0.9, count=2, seed=3)
    assert texts(facts) == [s.text for s in wanted] and any("\n" in text for text in texts(facts))
    said = decode(*args, *drawn, "--length", "150").stdout
    assert said.startswith("after 'The '\n\nlog p = -")
    for text in texts(facts):  # its lines stay lines, indented
        assert "\n".join(f"  {line}".rstrip() for line in text.split("\n")) in said
    assert decode(*args, "--length", "4", "--width", "1").stdout.splitlines()[1].endswith("   'cat '")


def test_ends_of_paragraphs_and_of_lines(found):
    facts = found("--text", "corpus.txt", "--eos", "<eos>", "--width", "1")
    assert facts["sequences"][0]["words"][-1] == "<eos>" and facts["sequences"][0]["finished"] is True
    assert "<eos>" not in texts(found("--text", "corpus.txt", "--eos", ".", "--width", "1"))[0]
    lines = found("--text", "corpus.txt", "--characters", "--order", "5", "--eos", r"\n", "--length", "80")
    assert lines["settings"]["eos"] == "\n" and lines["sequences"][0]["words"][-1] == "\n"


def test_rare_words_of_a_prompt_are_told(decode):
    result = decode("--text", "corpus.txt", "--min-count", "3", "--prompt", "the zebra")
    assert result.exit_code == 0 and "after the <unk>" in result.stdout
    assert result.stderr == "chainrule: 'zebra' is not among the 6 words, and counts as <unk>\n"
    failed(decode("--text", "corpus.txt", "--min-count", "3", "--eos", "zebra"), 2, "'--eos'", "'zebra' is not in the")


@pytest.mark.parametrize("name, shown", [("add-k", "k=1.0"), ("add-k=0.5", "AddK(k=0.5)"), ("witten-bell", "Witten")])
def test_smoothings(found, name, shown):
    assert shown in found("--text", "corpus.txt", "--smoothing", name)["model"]["smoothing"]


def test_words_with_blanks_are_quoted(decode, here):
    (here / "cities.txt").write_text("New York -0.5\n  at\\night -0.1\nRome -0.95\n  by day -0.2\n")
    first, second = decode("cities.txt").stdout.splitlines()[1:3]
    assert first == "-0.6000   'New York' at\\night" and second == "-1.1500   Rome 'by day'"


# Pictures ------------------------------------------------------------------------------------------------------------


def test_the_picture_in_the_terminal(decode, here):
    said = decode("tree.json", "--width", "2", "--show").stdout
    picture = beam_search(Tree.load(here / "tree.json"), 3, 2)[0].search.text()
    assert said.count("log p   sequence") == 1 and said.rstrip().endswith(picture.strip()) and "\x1b" not in said
    assert "Beam search of width 2:" not in said  # the picture says it
    assert decode("tree.json", "--width", "2", "--out", "-").stdout == said
    assert json.loads(decode("tree.json", "--width", "2", "--show", "--json").stdout)["picture"] == picture


@pytest.mark.parametrize("model, more", [("tree.json", ["--width", "2"]), ("chain.json", ["--length", "5"])])
def test_the_picture_in_a_file(decode, here, model, more):
    result = decode(model, *more, "--out", "a.svg")
    assert result.stderr == "wrote a.svg\n" and result.stdout == decode(model, *more).stdout
    ET.fromstring((here / "a.svg").read_text("utf-8"))
    facts = json.loads(decode(model, *more, "--out", "a.txt", "--json").stdout)
    assert facts["file"] == "a.txt" and "log p" in (here / "a.txt").read_text("utf-8")


# Mistakes ------------------------------------------------------------------------------------------------------------

MISTAKES = [
    ([], 2, "'MODEL'", "name a file, or a text with --text FILE"),
    (["tre.json"], 2, "'MODEL'", "the file tre.json does not exist; did you mean `tree.json`?"),
    (["."], 2, "'MODEL'", "is a folder"),
    (["corpus.txt"], 1, "corpus.txt: line 1: ", "a text to count words in is given as --text corpus.txt"),
    (["tree.json", "--text", "corpus.txt"], 2, "'--text'", "a model is read from tree.json already"),
    (["tree.json", "--order", "2"], 2, "'--order'", "how a text is counted", "tree.json is a model already"),
    (["tree.json", "--characters"], 2, "'--characters'", "how a text is counted"),
    (["tree.json", "--decoder", "beem"], 2, "'--decoder'", "'beem'"),
    (["tree.json", "--decoder", "viterbi"], 1, "--decoder viterbi needs a model in which",
     "p(w_3 | w_0..w_2) does not depend on w_2 alone", "--decoder beam takes any model", "up to 6^3"),
    (["tree.json", "--decoder", "viterbi", "--width", "3"], 2, "'--width'",
     "it is beam search's; with --decoder viterbi it has no meaning", "--decoder k-best finds more"),
    (["tree.json", "--decoder", "beam", "--k", "3"], 2, "'--k'", "k-best's and exhaustive search's", "There --width"),
    (["tree.json", "--decoder", "greedy", "--count", "3"], 2, "'--count'", "sampling's", "It finds one sequence"),
    (["tree.json", "--decoder", "greedy", "--seed", "0"], 2, "'--seed'", "sampling's"),
    (["tree.json", "--decoder", "beam", "--end", "circle"], 2, "'--end'", "given as --eos"),
    (["tree.json", "--width", "3", "--temperature", "1"], 2, "'--temperature'", "--width is beam search's; no decoder"),
    (["tree.json", "--width", "0"], 2, "'--width'", "must be at least 1, and it is 0"),
    (["tree.json", "--length", "1" + "0" * 30], 2, "'--length'", "at most 1,000,000,000"),
    (["tree.json", "--seed", "-1"], 2, "'--seed'", "at least 0"),
    (["tree.json", "--temperature", "0"], 2, "'--temperature'", "above 0", "--decoder greedy"),
    (["tree.json", "--top-p", "nan"], 2, "'--top-p'", "at most 1, and it is nan"),
    (["tree.json", "--length-penalty", "inf"], 2, "'--length-penalty'", "it is inf"),
    (["tree.json", "--groups", "2", "--width", "5"], 2, "'--groups'", "with --width 4 they do"),
    (["tree.json", "--diversity", "1"], 2, "'--diversity'", "--groups 2 makes two"),
    (["tree.json", "--length", "9"], 1, "none goes beyond w_3; --length 3 is the most"),
    (["chain.json", "--limit", "1000"], 1, "2^10 = 1,024 sequences", "--decoder beam", "a larger --limit allows it"),
    (["tree.json", "--prompt", "teh red"], 2, "'--prompt'", "'teh' is not in the vocabulary", "did you mean `the`?"),
    (["tree.json", "--prompt", "the circle"], 2, "'--prompt'", 'below "the", there is no branch'),
    (["tree.json", "--prompt", "the red circle"], 2, "'--prompt'", "the tree ends with"),
    (["tree.json", "--prompt", " "], 2, "'--prompt'", "it has no word; leave it out"),
    (["tree.json", "--eos", "stop"], 2, "'--eos'", "'stop' is not in the vocabulary of 6 words"),
    (["tree.json", "--observed", "red"], 2, "'--observed'", "this is a tree"),
    (["chain.json", "--normalise"], 2, "'--normalise'", "a Markov chain sum to 1 already"),
    (["hmm.json", "--decoder", "viterbi"], 2, "'--decoder'", '--observed "walk shop clean"'),
    (["hmm.json", "--observed", "walk jog"], 2, "'--observed'", "'jog' is not in the vocabulary"),
    (["hmm.json", "--observed", "walk", "--length", "2"], 2, "'--length'", "behind each word that was observed, 1"),
    (["hmm.json", "--observed", "walk", "--eos", "sunny"], 2, "'--eos'", "hidden states last"),
    (["hmm.json", "--observed", "walk", "--prompt", "sunny"], 2, "'--prompt'"),
    (["--text", "corpus.tx"], 2, "'--text'", "did you mean `corpus.txt`?"),
    (["--text", "corpus.txt", "--order", "99"], 1, "corpus.txt: a text of 31 words is too short"),
    (["--text", "corpus.txt", "--order", "0"], 2, "'--order'", "at least 1"),
    (["--text", "corpus.txt", "--smoothing", "kneserney"], 2, "'--smoothing'", "did you mean `kneser-ney`?"),
    (["--text", "corpus.txt", "--smoothing", "add-k=0"], 2, "'--smoothing'", "k must be above 0"),
    (["--text", "corpus.txt", "--smoothing", "add-k=x"], 2, "'--smoothing'", "'x' is no number"),
    (["--text", "corpus.txt", "--smoothing", "kneser-ney=1"], 2, "'--smoothing'", "takes no number"),
    (["--text", "corpus.txt", "--min-count", "100"], 1, "corpus.txt: --min-count 100 leaves no word"),
    (["--text", "corpus.txt", "--max-words", "1"], 2, "'--max-words'", "at least 2"),
    (["--text", "corpus.txt", "--characters", "--prompt", "Zebra"], 2, "'--prompt'", "'Z' is not in the vocabulary"),
    (["--text", "corpus.txt", "--order", "3", "--decoder", "viterbi"], 1, "a trigram model is not Markov", "--order 2"),
    (["--text", "corpus.txt", "--decoder", "exhaustive"], 1, "the limit is 10,000,000"),
    (["tree.json", "--out", "tree.png"], 2, "'--out'", "this command writes .txt or .svg"),
    (["tree.json", "--out", "nosuch/tree.svg"], 1, "cannot write nosuch/tree.svg"),
]  # fmt: skip


@pytest.mark.parametrize("args, code, messages", [(a, c, m) for a, c, *m in MISTAKES], ids=lambda x: None)
def test_mistakes(decode, here, args, code, messages):
    result = decode(*args)
    failed(result, code, *messages)
    assert not any(python in result.stderr for python in PYTHON), result.stderr
    assert everything(here) == sorted(FILES)


BROKEN = [
    ("empty.json", b"", "empty.json: "),
    ("cut.json", b'{"a": -0.1,', "cut.json: line 1, column 12: is not JSON"),
    ("p.json", b'{"a": 0.5}', "it looks like a probability, and its natural logarithm is"),
    ("sum.json", b'{"P": [[0.9, 0.2], [0.4, 0.6]], "words": ["dry", "rain"]}', "row 0 ('dry') of P sums to 1.1"),
    ("key.json", b'{"P": [[0.9, 0.1], [0.4, 0.6]], "begin": 0}', '"begin" is no key of a Markov chain'),
    ("start.json", b'{"P": [[0.9, 0.1], [0.4, 0.6]], "start": "wet"}', "start.json: 'wet' is not in the vocabulary"),
    ("bytes.txt", b"\xff\xfe", "bytes.txt: line 1: is not text in UTF-8"),
]


@pytest.mark.parametrize("name, content, message", BROKEN)
def test_files_that_hold_no_model(decode, here, name, content, message):
    (here / name).write_bytes(content)
    failed(decode(name), 1, name, message)
    piped = decode("-", stdin=content)
    failed(piped, 1, "chainrule: stdin: ")
    assert "/" not in piped.stderr.partition("chainrule: ")[2].partition(":")[0]


@pytest.mark.parametrize("content, message", [(b"", "the text is empty"), (b"\xff", "no text in UTF-8, at byte 0")])
def test_texts_that_cannot_be_counted(decode, here, content, message):
    (here / "t.txt").write_bytes(content)
    failed(decode("--text", "t.txt"), 1, "t.txt", message)
    failed(decode("--text", "-", stdin=content), 1, "stdin", message)


def test_a_failure_leaves_the_picture_of_yesterday(decode, here):
    (here / "a.svg").write_text("of yesterday")
    failed(decode("tree.json", "--length", "4", "--out", "a.svg"), 1, "no sequence of length 4")
    assert (here / "a.svg").read_text() == "of yesterday"


def test_impossible_ends_and_states(decode, here):
    (here / "stay.json").write_text('{"P": [[1, 0], [0, 1]], "words": ["dry", "rain"]}')
    failed(decode("stay.json", "--length", "3", "--end", "rain"), 1, "ends in 'rain'; w_3 can be 'dry'")
    one = {"initial": [1, 0], "transition": np.eye(2).tolist(), "emission": np.eye(2).tolist(), "words": "ab"}
    (here / "one.json").write_text(json.dumps(one))
    failed(decode("one.json", "--observed", "ab"), 2, "'--observed'", "no state can be at t = 2")


def test_the_help_shows_examples_that_run(decode, here):
    said = decode("--help").stdout
    examples = [line.partition("#")[0] for line in said.splitlines() if line.startswith("    chainrule decode ")]
    assert len(examples) == 6
    for line in examples:
        result = decode(*shlex.split(line)[2:])
        mine = "tree.json --decoder viterbi" not in line  # the tree above is not Markov
        assert (result.exit_code == 0) == mine, (line, result.stderr)
    assert (here / "trellis.svg").exists()
