"""The examples of docs/decode.md that make a network a model, taken out of it; and tiny GPT-2s to give them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from chainrule.decode import Function

DOCUMENT = Path(__file__).parents[1] / "docs" / "decode.md"
FENCE = re.compile(r"^```py(?:thon)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def example(*containing: str) -> str:
    """The one example with these words in it."""
    found = [text for text in FENCE.findall(DOCUMENT.read_text(encoding="utf-8")) if all(c in text for c in containing)]
    assert len(found) == 1, f"{len(found)} examples of {DOCUMENT.name} hold {containing}"
    return found[0]


def scope_of(text: str, **given: Any) -> dict[str, Any]:
    """The names that an example leaves behind."""
    scope = {"Function": Function, **given}
    exec(compile(text, str(DOCUMENT), "exec"), scope)
    return scope


def gpt2(seed: int, words: int = 29) -> Any:
    """A random GPT-2 of so many words that says different things in different places; 0 begins a text."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(seed)
    shape = dict(vocab_size=words, n_embd=12, n_layer=2, n_head=3, n_positions=24, bos_token_id=0, eos_token_id=1)
    return GPT2LMHeadModel(GPT2Config(**shape, initializer_range=0.4, tie_word_embeddings=False)).eval()


def cached(network: Any) -> Function:
    """The network as a model, with its key-value cache as the state."""
    return scope_of(example("DynamicCache"), gpt2=network)["model"]


def uncached(network: Any) -> Function:
    """The same, which reads each prefix again."""
    import numpy as np
    import torch

    scope = scope_of(example("gpt2(torch.as_tensor("), gpt2=network, np=np, torch=torch)
    return Function(scope["next_word"], range(network.config.vocab_size), logits=True)
