#!/usr/bin/env python3
"""A small random GPT-2 as Hugging Face's transformers stores it, and what it answers.

    python3 -m venv peer && peer/bin/pip install torch numpy
    peer/bin/python Tests/Golden/make_gpt2_import.py            # writes gpt2-import*.safetensors
    peer/bin/python Tests/Golden/make_gpt2_import.py --check    # writes nothing; exit code 1 when a number differs

The model is written out with the names, the layouts and the arithmetic of `GPT2LMHeadModel` (gelu_new, layer norms with an
epsilon of 1e-5, Conv1D weights of [in, out], the head tied to wte). gpt2-import.safetensors holds its weights, and the masks
that old files hold as well; gpt2-import-answer.safetensors a prompt, `tokens`, and its `logits`.
"""
import math
import sys
from pathlib import Path

import numpy
import torch
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Benchmarks"))
import tensor_file  # noqa: E402

FOLDER = Path(__file__).resolve().parent
FILE, ANSWER = FOLDER / "gpt2-import.safetensors", FOLDER / "gpt2-import-answer.safetensors"
VOCABULARY, CONTEXT, WIDTH, LAYERS, HEADS, TOKENS = 256, 24, 32, 2, 4, 21
TOLERANCE = 1e-5


def make_weights():
    random = numpy.random.default_rng(2019)
    def normal(*shape, deviation=0.25):
        return (random.standard_normal(shape) * deviation).astype(numpy.float32)
    weights = {"wte.weight": normal(VOCABULARY, WIDTH), "wpe.weight": normal(CONTEXT, WIDTH)}
    def norm(name):
        weights[f"{name}.weight"], weights[f"{name}.bias"] = 1 + normal(WIDTH), normal(WIDTH)
    for layer in range(LAYERS):
        h = f"h.{layer}"
        norm(f"{h}.ln_1")
        norm(f"{h}.ln_2")
        for name, inputs, outputs in [("attn.c_attn", WIDTH, 3 * WIDTH), ("attn.c_proj", WIDTH, WIDTH),
                                      ("mlp.c_fc", WIDTH, 4 * WIDTH), ("mlp.c_proj", 4 * WIDTH, WIDTH)]:
            weights[f"{h}.{name}.weight"], weights[f"{h}.{name}.bias"] = normal(inputs, outputs), normal(outputs)
        weights[f"{h}.attn.bias"] = numpy.tril(numpy.ones((1, 1, CONTEXT, CONTEXT), numpy.float32))
    norm("ln_f")
    return weights


def logits(weights, tokens):
    w = {name: torch.from_numpy(value).double() for name, value in weights.items()}
    T = len(tokens)

    def conv1d(name, x):
        return x @ w[f"{name}.weight"] + w[f"{name}.bias"]

    def norm(name, x):
        return functional.layer_norm(x, (WIDTH,), w[f"{name}.weight"], w[f"{name}.bias"], 1e-5)

    x = w["wte.weight"][tokens] + w["wpe.weight"][:T]
    for layer in range(LAYERS):
        h = f"h.{layer}"
        q, k, v = (y.view(T, HEADS, -1).transpose(0, 1) for y in conv1d(f"{h}.attn.c_attn", norm(f"{h}.ln_1", x)).split(WIDTH, -1))
        scores = q @ k.transpose(-1, -2) / math.sqrt(WIDTH // HEADS)
        scores = scores.masked_fill(w[f"{h}.attn.bias"][0, :, :T, :T] == 0, -math.inf)
        x = x + conv1d(f"{h}.attn.c_proj", (scores.softmax(-1) @ v).transpose(0, 1).reshape(T, WIDTH))
        x = x + conv1d(f"{h}.mlp.c_proj", functional.gelu(conv1d(f"{h}.mlp.c_fc", norm(f"{h}.ln_2", x)), approximate="tanh"))
    return (norm("ln_f", x) @ w["wte.weight"].T).float().numpy()


def main():
    weights = make_weights()
    tokens = numpy.random.default_rng(7).integers(0, VOCABULARY, TOKENS)
    answer = logits(weights, torch.from_numpy(tokens))
    if "--check" in sys.argv:
        difference = abs(tensor_file.read(ANSWER)["logits"] - answer).max()
        print(f"largest difference {difference:.2e}")
        sys.exit(difference > TOLERANCE)
    tensor_file.write(FILE, weights)
    tensor_file.write(ANSWER, {"tokens": tokens.astype(numpy.int32), "logits": answer})
    print(f"{FILE.name}: {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
