"""What torch.nn's recurrent layers compute: outputs and gradients of small cases, for Tests/LayersTests/RecurrentTests.swift.

    peer/bin/python Tests/Golden/make_recurrent_layer_goldens.py            # needs torch; rewrites Layers/recurrent.json
    peer/bin/python Tests/Golden/make_recurrent_layer_goldens.py --check    # compares only

Nothing is drawn: element i of the input is sin(0.7·i), that of parameter number k (in PyTorch's order) 0.6·sin(0.37·i + k + 1),
and the output's gradient cos(0.21·i), all rounded to float32 and then computed with in float64.
"""
import argparse
import json
import sys
from pathlib import Path

import torch

FILE = Path(__file__).resolve().parent / "Layers" / "recurrent.json"
BATCH, STEPS, FEATURES = 3, 5, 4
CASES = [
    {"type": "lstm", "units": 3},
    {"type": "lstm", "units": 3, "layers": 2},
    {"type": "lstm", "units": 2, "layers": 2, "bidirectional": True},
    {"type": "lstm", "units": 3, "bias": False},
    {"type": "gru", "units": 3},
    {"type": "gru", "units": 3, "layers": 3},
    {"type": "gru", "units": 2, "layers": 2, "bidirectional": True},
    {"type": "gru", "units": 3, "bias": False},
    {"type": "rnn", "units": 3},
    {"type": "rnn", "units": 3, "layers": 2, "nonlinearity": "relu"},
    {"type": "rnn", "units": 2, "layers": 2, "bidirectional": True},
]


def wave(function, shape, factor, shift, scale=1.0):
    count = torch.Size(shape).numel()
    angles = factor * torch.arange(count, dtype=torch.float64) + shift
    return (scale * function(angles)).float().double().reshape(shape)


def numbers(tensor):
    return [float(f"{value:.9g}") for value in tensor.detach().flatten().tolist()]


def run(case):
    settings = {"num_layers": case.get("layers", 1), "bidirectional": case.get("bidirectional", False),
                "bias": case.get("bias", True), "batch_first": True}
    if case["type"] == "rnn":
        settings["nonlinearity"] = case.get("nonlinearity", "tanh")
    layer = getattr(torch.nn, case["type"].upper())(FEATURES, case["units"], **settings).double()
    with torch.no_grad():
        for number, parameter in enumerate(layer.parameters()):
            parameter.copy_(wave(torch.sin, parameter.shape, 0.37, number + 1, 0.6))
    x = wave(torch.sin, (BATCH, STEPS, FEATURES), 0.7, 0).requires_grad_()
    y, _ = layer(x)
    y.backward(wave(torch.cos, y.shape, 0.21, 0))
    return {"settings": case, "output": numbers(y), "input_gradient": numbers(x.grad),
            "gradients": {name: numbers(p.grad) for name, p in layer.named_parameters()}}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    lines = ",\n".join(json.dumps(run(case)) for case in CASES)
    text = f'{{"input": {[BATCH, STEPS, FEATURES]}, "cases": [\n{lines}\n]}}\n'
    if not check:
        FILE.write_text(text)
    elif FILE.read_text() != text:
        sys.exit(f"{FILE.name} differs")


main()
