"""Continues a prompt with the same bundle from Python; needs `pip install onnxruntime tokenizers`.

    python3 examples/devices/continue.py BUNDLE "the dogs that"

Any language with ONNX Runtime can do this: the graph is one step, which takes a token and the state and returns logits and
the next state.
"""

import json
import pathlib
import sys
import zlib

import numpy as np
import onnxruntime
import tokenizers

if len(sys.argv) != 3:
    sys.exit("usage: python3 continue.py BUNDLE PROMPT")
bundle, prompt = pathlib.Path(sys.argv[1]), sys.argv[2]

manifest = json.loads((bundle / "manifest.json").read_text())
tokenizer = tokenizers.Tokenizer.from_str(zlib.decompress((bundle / "tokenizer.json.z").read_bytes()).decode())
options = onnxruntime.SessionOptions()
options.add_session_config_entry("session.x64quantprecision", "1")  # for early int8 bundles: docs/engines.md
session = onnxruntime.InferenceSession(bundle / "model.onnx", options, providers=["CPUExecutionProvider"])
line_end = tokenizer.token_to_id("<eos>")


def step(token, state):
    """One token: its successor's logits [vocab] and the next state, by the names in the manifest."""
    outputs = ["logits"] + [tensor["output"] for tensor in manifest["state"]]
    logits, *values = session.run(outputs, {"ids": np.array([token], np.int32), **state})
    return logits[0], dict(zip(state, values))


# Reading starts from the zero state with one end of a line.
state = {tensor["input"]: np.zeros(tensor["shape"], np.float32) for tensor in manifest["state"]}
for token in [line_end, *tokenizer.encode(prompt).ids]:
    logits, state = step(token, state)
words = [prompt]
for _ in range(20):
    token = int(logits.argmax())
    words.append("\n" if token == line_end else tokenizer.id_to_token(token))
    logits, state = step(token, state)
print(" ".join(words).replace(" \n", "\n").replace("\n ", "\n"))
