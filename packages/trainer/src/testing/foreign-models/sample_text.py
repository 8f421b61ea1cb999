"""The text on which the models are evaluated, and their sizes."""

import numpy as np

WORDS = ["<unk>", "<eos>", "the", "a", "dog", "cat", "bird", "sees", "hears", "and", "never", "sleeps"]
TEXT = "the dog sees a cat and the cat never sleeps\na bird hears the dog\nthe bird sleeps and a dog hears the zebra\n"
VOCAB, EMBED, HIDDEN = len(WORDS), 6, 5


def token_ids():
    ids = {word: index for index, word in enumerate(WORDS)}
    return [ids.get(word, 0) for line in TEXT.splitlines() for word in [*line.split(), "<eos>"]]


def mean_loss(logits, targets):
    logits = logits - logits.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(targets)), targets]))


TARGETS = token_ids()
INPUTS = [1, *TARGETS[:-1]]
