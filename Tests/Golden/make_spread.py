#!/usr/bin/env python3
"""How far the loss curves of one network lie apart that differ in nothing but chance, from PyTorch in float32.

    peer/bin/python Tests/Golden/make_spread.py            # writes Spread/resnet-20.json and .safetensors
    peer/bin/python Tests/Golden/make_spread.py --check    # writes nothing; exit code 1 when a number differs

A ResNet-20 learns 96 images for 60 steps from given weights; that curve is `golden.losses`. It learns them again from other
weights and in other orders: `golden.others`. What these curves differ by is the noise of a seed; a run in bfloat16 from the
given weights has to stay well within it (SpreadTests.swift).
"""
import argparse
import copy
import json
import sys

import numpy
import torch

import goldens
import make_resnet_goldens as resnet
import tensor_file

FOLDER = goldens.FOLDER / "Spread"
NAME = "resnet-20"
STEPS, ROWS, OTHERS = 60, 96, 12
# What --check allows at a step, relatively: curves drift apart from rounding alone.
CHECK_TOLERANCE = 0.05

SETTINGS = {
    "model": {"type": "resnet", "inputs": [16, 16, 3], "outputs": resnet.CLASSES, "depth": 20},
    "loss": {"type": "cross_entropy", "label_smoothing": 0},
    "optimizer": {"type": "sgd", "learning_rate": 0.004, "momentum": 0.9, "nesterov": False, "weight_decay": 1e-4},
    "schedule": {"type": "constant"},
    "clipping": {"type": "none"},
    "training": {"steps": STEPS, "batch_size": resnet.BATCH_SIZE, "rows": ROWS, "precision": "float32"},
}


def make_data(random):
    """Images that are a third their class and otherwise noise."""
    classes = random.integers(0, resnet.CLASSES, ROWS).astype(numpy.int32)
    centers = random.standard_normal((resnet.CLASSES, *SETTINGS["model"]["inputs"]))
    noise = random.standard_normal((ROWS, *SETTINGS["model"]["inputs"]))
    return {"input": (0.3 * centers[classes] + 0.95 * noise).astype(numpy.float32), "target": classes}


def make_weights(seed):
    """Weights as the resnet goldens draw them."""
    tensors = resnet.make_tensors(f"spread {seed}", SETTINGS)
    return {key: value for key, value in tensors.items() if key.startswith("parameters/")}


def make_tensors():
    return make_weights(0) | make_data(numpy.random.Generator(numpy.random.PCG64(20)))


def losses(tensors):
    return [float(f"{loss:.6g}") for loss in goldens.train(resnet.FAMILY, SETTINGS, tensors)["losses"]]


def make():
    """The JSON document and the tensors."""
    tensors = make_tensors()
    others = []
    for seed in range(1, OTHERS + 1):
        order = numpy.random.Generator(numpy.random.PCG64(seed)).permutation(ROWS)
        others.append(losses(make_weights(seed) | {key: tensors[key][order] for key in ("input", "target")}))
    document = {"name": NAME, "tensors": f"{NAME}.safetensors", "made_with": f"torch {torch.__version__}"} \
        | copy.deepcopy(SETTINGS) | {"golden": {"losses": losses(tensors), "others": others}}
    return document, tensors


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the stored files and write nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    document, tensors = make()
    path = FOLDER / f"{NAME}.json"
    if arguments.check:
        stored = json.loads(path.read_text())["golden"]
        curves = zip([stored["losses"]] + stored["others"], [document["golden"]["losses"]] + document["golden"]["others"])
        # Late steps depend on rounding; the first third does not.
        found = max(abs(a - b) / b for old, new in curves for a, b in list(zip(old, new))[:STEPS // 3])
        same = path.with_suffix(".safetensors").read_bytes() == tensor_file.encode(tensors)
        print(f"losses differ by {found:.1e}, tensors are {'the same' if same else 'others'}")
        sys.exit(0 if found <= CHECK_TOLERANCE and same else 1)
    path.write_text(json.dumps(document) + "\n")
    tensor_file.write(path.with_suffix(".safetensors"), tensors)
    windows = numpy.array(document["golden"]["others"]).reshape(OTHERS, -1, 10).mean(2)
    print("windows of 10 steps:", numpy.array(document["golden"]["losses"]).reshape(-1, 10).mean(1).round(3),
          "spread:", windows.std(0, ddof=1).round(3))


if __name__ == "__main__":
    main()
