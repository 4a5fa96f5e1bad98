"""The model of `chainrule decode`: of a file, of stdin, or counted in a text; with the words that come before."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import typer

from ..decode import (
    HMM,
    AddK,
    HiddenPath,
    KneserNey,
    MarkovChain,
    NGram,
    NoSequence,
    Tree,
    Vocabulary,
    WittenBell,
    after,
    load,
)  # fmt: skip
from ..decode.smoothing import Smoothing
from ..decode.tokens import UNK, Reader
from ..graph.errors import DataError, InputError, NamingError
from ..graph.spelling import meant, visible
from .decode_request import flag, in_flags, wrong
from .stdin import stdin_bytes

_OF_TEXT = ("order", "characters", "smoothing", "min_count", "max_words")
_USUAL = 10  # words, where nothing else says how long
_SIGNS = {r"\n": "\n", r"\t": "\t", r"\r": "\r"}  # characters that are hard to type


@dataclass(frozen=True)
class Subject:
    """What is decoded.

    model      given the prompt
    kind       a tree, a Markov chain, …
    about      what `--json` tells of it
    length     how long a sequence is, unless it is said
    markov     whether Viterbi's algorithm is the usual decoder
    prompt     the words before
    posterior  makes what is drawn from, where that is another model
    observed   log p of the words behind which states are decoded
    """

    model: Any
    kind: str
    about: dict[str, Any] = field(default_factory=dict)
    length: int = _USUAL
    markov: bool = False
    prompt: tuple[Any, ...] = ()
    posterior: Callable[[], Any] | None = None
    observed: float | None = None

    @property
    def bigram(self) -> bool:
        """Whether it is Markov by its kind. A tree may be as well, which is known when it was looked through."""
        return self.markov or self.about.get("order", 3) <= 2

    @property
    def to_draw(self) -> Any:
        """What is drawn from: scores of hidden states are no distribution."""
        return self.model if self.posterior is None else self.posterior()

    def word(self, text: str, hint: str) -> Any:
        """The word that is written so. Raises BadParameter for one that there is not."""
        return _word(self.model.vocabulary, text, hint)


def read(options: Mapping[str, Any]) -> Subject:
    """The model of the options, given what comes before. Raises BadParameter and DataError."""
    if "text" in options:
        if "model" in options:
            raise wrong("text", f"a model is read from {options['model']} already; leave out one of the two")
        subject, reader = _counted(options)
    else:
        for name in _OF_TEXT:
            if options.get(name):
                there = f"; {options['model']} is a model already" if "model" in options else ""
                raise wrong(name, f"it says how a text is counted, --text FILE{there}")
        if "model" not in options:
            raise typer.BadParameter("name a file, or a text with --text FILE", param_hint="'MODEL'")
        subject, reader = _loaded(options["model"]), None
    if isinstance(subject.model, (HMM, HiddenPath)):
        subject = _hidden(subject, options)
    elif "observed" in options:
        raise wrong("observed", f"it goes with a hidden Markov model, and this is {subject.model.noun}")
    if options["normalise"]:
        if not isinstance(subject.model, Tree):
            what = subject.model.noun
            raise wrong("normalise", f"it goes with a tree, and the probabilities of {what} sum to 1 already")
        subject = replace(subject, model=subject.model.normalised(), about=subject.about | {"normalised": True})
    return _prompted(subject, options["prompt"], reader) if "prompt" in options else subject


# Files ---------------------------------------------------------------------------------------------------------------


def _loaded(name: str) -> Subject:
    model: Any = _piped() if name == "-" else _file(name)
    about = {"file": None if name == "-" else name}
    if isinstance(model, Tree):
        return Subject(model, "tree", about | {"depth": model.depth, "branches": len(model)}, model.depth)
    if isinstance(model, MarkovChain):
        return Subject(model, "Markov chain", about, model.longest or _USUAL, markov=True)
    return Subject(model, "hidden Markov model", about)


def _file(name: str) -> Any:
    path = _existing(name, "'MODEL'", ".json", ".txt")
    try:
        return load(path)
    except DataError as error:
        text = f"; a text to count words in is given as --text {name}" if path.suffix.lower() != ".json" else ""
        raise DataError(f"{error}{text}") from None


def _piped() -> Any:
    """The model on stdin: JSON where it begins with a brace."""
    raw = stdin_bytes("'MODEL'")
    with tempfile.TemporaryDirectory() as folder:
        json = raw.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
        file = Path(folder, "stdin.json" if json else "stdin.txt")
        file.write_bytes(raw)
        try:
            return load(file)
        except DataError as error:
            raise DataError(str(error).replace(str(file), "stdin")) from None


def _existing(name: str, hint: str, *endings: str) -> Path:
    path = Path(name)
    if path.is_file() or (path.exists() and not path.is_dir()):
        return path
    folder = path.parent
    near = [p.name for p in folder.iterdir() if p.suffix.lower() in endings] if folder.is_dir() else []
    what = "is a folder; name a file in it" if path.is_dir() else f"does not exist{meant(path.name, near)}"
    raise typer.BadParameter(f"the file {visible(name)} {what}", param_hint=hint)


# Texts ---------------------------------------------------------------------------------------------------------------


def _counted(options: Mapping[str, Any]) -> tuple[Subject, Reader]:
    level = "character" if options["characters"] else "word"
    smoothing, name = _smoothing(options.get("smoothing", "kneser-ney")), options["text"]
    called, raw = _raw(name)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{called} is no text in UTF-8, at byte {error.start}; save it as UTF-8") from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    # An end in angle brackets that is no word of the text is put at the end of each paragraph.
    eos = options.get("eos", "")
    eos = eos if level == "word" and re.fullmatch(r"<.+>", eos) and eos != UNK and eos not in text else None
    try:
        model = NGram.from_text(
            text, options.get("order", 2), level, smoothing, options.get("min_count", 1), options.get("max_words"),
            eos=eos,
        )  # fmt: skip
    except InputError as error:
        raise DataError(f"{called}: {in_flags(str(error))}") from None
    about = {
        "file": None if name == "-" else name, "tokens": model.counted, "order": model.order, "level": level,
        "smoothing": repr(model.smoothing),
    }  # fmt: skip
    return Subject(model, "n-gram model", about), Reader(level)


def _raw(name: str) -> tuple[str, bytes]:
    """What the text is called, and its bytes."""
    if name == "-":
        return "stdin", stdin_bytes(flag("text"))
    path = _existing(name, flag("text"), ".txt", ".md", "")
    try:
        return visible(name), path.read_bytes()
    except OSError as error:
        raise DataError(f"{visible(name)} cannot be read: {error.strerror or error}") from None


def _smoothing(text: str) -> Smoothing:
    name, equals, number = text.partition("=")
    if name == "add-k":
        try:
            return AddK(float(number)) if equals else AddK()
        except InputError as error:
            raise wrong("smoothing", str(error)) from None
        except ValueError:
            raise wrong("smoothing", f"{number!r} is no number; write add-k=0.01, say") from None
    known: dict[str, Smoothing] = {"kneser-ney": KneserNey(), "witten-bell": WittenBell()}
    if text in known:
        return known[text]
    if name in known:
        raise wrong("smoothing", f"{name} takes no number; add-k does")
    near = meant(text, [*known, "add-k"]) or "; there are kneser-ney, witten-bell and add-k"
    raise wrong("smoothing", f"{text!r} is not known{near}")


# Words ---------------------------------------------------------------------------------------------------------------


def _prompted(subject: Subject, prompt: str, reader: Reader | None) -> Subject:
    words = _words(subject.model.vocabulary, prompt, "prompt", reader)
    try:
        model: Any = after(subject.model, words)
    except InputError as error:
        raise wrong("prompt", str(error)) from None
    length = subject.length
    if isinstance(model, Tree):
        length = model.depth
    elif isinstance(model, MarkovChain):
        length = model.longest or length
    return replace(subject, model=model, length=length, prompt=words)


def _hidden(subject: Subject, options: Mapping[str, Any]) -> Subject:
    """The words of a hidden Markov model, or its states, where the words are known."""
    path = subject.model if isinstance(subject.model, HiddenPath) else None
    hmm: Any = subject.model if path is None else path.hmm
    subject = replace(subject, about=subject.about | {"states": len(hmm.states), "words": len(hmm.vocabulary)})
    if "observed" in options:
        words = _words(hmm.vocabulary, options["observed"], "observed", None)
        try:
            path = hmm.given(words)
        except NoSequence as error:
            raise wrong("observed", str(error)) from None
    if path is None:
        if options.get("decoder") in ("viterbi", "k-best"):
            seen = " ".join(str(hmm.vocabulary[k]) for k in range(min(len(hmm.vocabulary), 3)))
            raise wrong(
                "decoder", "the words of a hidden Markov model are not Markov, its states are: say behind which words, "
                f'as in --observed "{seen}"; for the words themselves there are --decoder beam and exhaustive',
            )  # fmt: skip
        return subject
    for name, why in (("eos", "last as long as the words that were observed"), ("prompt", "begin with the first word")):
        if name in options:
            raise wrong(name, f"hidden states {why}; leave it out")
    words = path.observed[: options.get("length")]
    path, total = hmm.given(words), hmm.log_likelihood(words)
    return replace(
        subject, model=path, markov=True, length=len(words), posterior=lambda: hmm.posterior(words),
        about=subject.about | {"observed": words, "log_likelihood_observed": total}, observed=total,
    )  # fmt: skip


def _words(vocabulary: Vocabulary, text: str, option: str, reader: Reader | None) -> tuple[Any, ...]:
    """What is written as words: as the text was read, or characters, or with spaces between."""
    if reader is not None:
        tokens: Sequence[str] = reader(text)
    elif vocabulary.characters:
        tokens = [c for c in text if c in vocabulary or not c.isspace()]
    else:
        tokens = text.split()
    if not tokens:
        raise wrong(option, "it has no word; leave it out" if option == "prompt" else "it has no word")
    return tuple(_word(vocabulary, token, flag(option), rare=True) for token in tokens)


def _word(vocabulary: Vocabulary, text: str, hint: str, rare: bool = False) -> Any:
    """The word that is written so: a text, or a number; `rare`: <unk> if there is none."""
    for word in (text, _SIGNS.get(text)):
        if word is not None and word in vocabulary:
            return word
    found = next((word for word in vocabulary if not isinstance(word, str) and str(word) == text), None)
    if found is not None:
        return found
    if rare and UNK in vocabulary:
        what = f"{visible(repr(text))} is not among the {len(vocabulary):,} words, and counts as {UNK}"
        print(f"chainrule: {what}", file=sys.stderr)
        return UNK
    try:
        vocabulary.number(text)
    except NamingError as error:
        raise typer.BadParameter(str(error), param_hint=hint) from None


__all__ = ["Subject", "read"]
