#!/usr/bin/env python3
"""Golden numbers of deep MLPs from PyTorch: the same weights and data must give the same losses elsewhere.

    python3 -m venv peer && peer/bin/pip install torch numpy
    peer/bin/python Tests/Golden/make_mlp_goldens.py            # writes mlp-*.json and mlp-*.safetensors beside itself
    peer/bin/python Tests/Golden/make_mlp_goldens.py --check    # writes nothing; exit code 1 when a number differs

goldens.py beside this file says how they are made, README.md what the fields of the JSON mean.
"""
import math
import zlib

import numpy
import torch
from torch import nn
from torch.nn import functional

import goldens

STEPS, BATCH_SIZE, ROWS, INPUTS = goldens.STEPS, 32, 160, 32

ACTIVATIONS = {
    "relu": functional.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "gelu": functional.gelu,
    "silu": functional.silu,
}
NORMALIZATIONS = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}

RELU = {"depth": 4, "width": 64, "activation": "relu", "initializer": "he_normal"}
ADAMW = {"type": "adamw", "learning_rate": 3e-3, "betas": [0.9, 0.999], "epsilon": 1e-8, "weight_decay": 0.1}
SGD = {"type": "sgd", "learning_rate": 0.02, "momentum": 0.9, "nesterov": False, "weight_decay": 0}
COSINE = {"type": "cosine", "warmup": "5 steps", "final_fraction": 0}
CLIP = {"type": "global_norm", "threshold": 1}
CLASS_WEIGHTS = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 3, 4]


def case(model, optimizer, loss=None, schedule=None, clipping=None, outputs=10, targets=None):
    """One case's settings, every default written out so that a reader of the JSON needs none."""
    return {
        "model": {"type": "mlp", "inputs": INPUTS, "outputs": outputs, "normalization": "none", "residual": False,
                  "dropout": 0} | model,
        "loss": loss or {"type": "cross_entropy", "label_smoothing": 0},
        "optimizer": optimizer,
        "schedule": schedule or {"type": "constant"},
        "clipping": clipping or {"type": "none"},
        "training": {"steps": STEPS, "batch_size": BATCH_SIZE, "rows": ROWS, "precision": "float32"}
        | ({"targets": targets} if targets else {}),
    }


CASES = {
    "adamw": case(RELU, ADAMW),
    "adamw-clipped-cosine": case(RELU, ADAMW | {"learning_rate": 1e-2}, schedule=COSINE, clipping=CLIP),
    "sgd-momentum": case(RELU, SGD),
    "sgd-momentum-clipped": case(RELU, SGD | {"learning_rate": 0.05}, clipping=CLIP),
    "sgd-nesterov-decay": case(RELU, SGD | {"nesterov": True, "weight_decay": 0.05}),
    "adam-l2": case(RELU, ADAMW | {"type": "adam", "weight_decay": 0.02}),
    "rmsprop": case(RELU, {"type": "rmsprop", "learning_rate": 1e-3, "alpha": 0.99, "epsilon": 1e-8, "momentum": 0,
                           "weight_decay": 0}),
    "batchnorm": case(RELU | {"normalization": "batch", "normalization_position": "before_activation"}, SGD),
    "batchnorm-adamw": case(RELU | {"normalization": "batch", "normalization_position": "before_activation"},
                            ADAMW | {"learning_rate": 1e-3}),
    "layernorm": case(RELU | {"normalization": "layer", "normalization_position": "before_activation"}, ADAMW),
    "layernorm-after": case(RELU | {"normalization": "layer", "normalization_position": "after_activation"}, SGD),
    "residual": case(RELU | {"depth": 5, "residual": True}, ADAMW),
    "sigmoid10": case({"depth": 10, "width": 64, "activation": "sigmoid", "initializer": "glorot_normal"},
                      SGD | {"learning_rate": 0.2}),
    "gelu": case(RELU | {"depth": 3, "width": 60, "activation": "gelu"}, ADAMW),
    "silu": case(RELU | {"depth": 3, "width": 50, "activation": "silu"}, ADAMW),
    "tanh": case({"depth": 3, "width": [64, 49, 33], "activation": "tanh", "initializer": "glorot_normal"}, SGD),
    "label-smoothing": case(RELU, ADAMW, {"type": "cross_entropy", "label_smoothing": 0.1}),
    "class-weights": case(RELU, ADAMW, {"type": "cross_entropy", "label_smoothing": 0, "class_weights": CLASS_WEIGHTS}),
    "class-shares": case(RELU, ADAMW, {"type": "cross_entropy", "label_smoothing": 0.1, "class_weights": CLASS_WEIGHTS},
                         targets="shares"),
    "mse": case(RELU, SGD, {"type": "mse"}, outputs=3),
    "binary-cross-entropy": case(RELU, ADAMW, {"type": "binary_cross_entropy"}, outputs=6),
}


def widths(model):
    """The width of every hidden layer."""
    return model["width"] if isinstance(model["width"], list) else [model["width"]] * model["depth"]


class MLP(nn.Module):
    """hidden.0 … hidden.(depth-1), then head; hidden_norms.i belongs to hidden.i."""

    def __init__(self, model):
        super().__init__()
        sizes = [model["inputs"]] + widths(model)
        self.hidden = nn.ModuleList(nn.Linear(i, o) for i, o in zip(sizes, sizes[1:]))
        if model["normalization"] != "none":
            norm = NORMALIZATIONS[model["normalization"]]
            self.hidden_norms = nn.ModuleList(norm(o) for o in sizes[1:])
        self.head = nn.Linear(sizes[-1], model["outputs"])
        self.settings, self.activation = model, ACTIVATIONS[model["activation"]]

    def block(self, index, x):
        y = self.hidden[index](x)
        if self.settings["normalization"] == "none":
            return self.activation(y)
        if self.settings["normalization_position"] == "before_activation":
            return self.activation(self.hidden_norms[index](y))
        return self.hidden_norms[index](self.activation(y))

    def forward(self, x):
        for index in range(len(self.hidden)):
            y = self.block(index, x)
            x = x + y if self.settings["residual"] and index > 0 and x.shape == y.shape else y
        return self.head(x)


def make_tensors(name, settings):
    """Initial weights and data of one case, from numpy, so that no version of torch has a say in them.

    Biases, scales and running statistics start away from 0 and 1, so that swapped or forgotten ones show at once.
    """
    random = numpy.random.Generator(numpy.random.PCG64(zlib.crc32(name.encode())))

    def normal(*shape):
        return random.standard_normal(shape)

    model, tensors = settings["model"], {}
    sizes = [model["inputs"]] + widths(model)
    layers = [(f"hidden.{k}", i, o) for k, (i, o) in enumerate(zip(sizes, sizes[1:]))]
    for layer, i, o in layers + [("head", sizes[-1], model["outputs"])]:
        he = model["initializer"] == "he_normal" and layer != "head"
        tensors[f"{layer}.weight"] = normal(o, i) * math.sqrt(2 / i if he else 2 / (i + o))
        tensors[f"{layer}.bias"] = 0.05 * normal(o)
    for k, o in enumerate(sizes[1:] if model["normalization"] != "none" else []):
        tensors[f"hidden_norms.{k}.weight"] = random.uniform(0.5, 1.5, o)
        tensors[f"hidden_norms.{k}.bias"] = 0.1 * normal(o)
        if model["normalization"] == "batch":
            tensors[f"hidden_norms.{k}.running_mean"] = 0.1 * normal(o)
            tensors[f"hidden_norms.{k}.running_var"] = random.uniform(0.5, 1.5, o)
    tensors = {f"parameters/{key}": value.astype(numpy.float32) for key, value in tensors.items()}
    tensors["input"], tensors["target"] = make_data(settings, random)
    return tensors


def make_data(settings, random):
    """Inputs [rows, inputs] float32 and targets: int32 [rows] classes or float32 [rows, outputs] values or shares."""
    outputs, loss = settings["model"]["outputs"], settings["loss"]["type"]
    noise = random.standard_normal((ROWS, INPUTS))
    if loss == "cross_entropy":
        classes = random.integers(0, outputs, ROWS).astype(numpy.int32)
        centers = random.standard_normal((outputs, INPUTS))
        inputs = 0.6 * centers[classes] + 0.8 * noise
        if settings["training"].get("targets") != "shares":
            return inputs.astype(numpy.float32), classes
        # Mixup: every row with the next one.
        share, own = random.uniform(0, 1, (ROWS, 1)), numpy.eye(outputs)[classes]
        mixed = [share * x + (1 - share) * numpy.roll(x, 1, axis=0) for x in (inputs, own)]
        return tuple(x.astype(numpy.float32) for x in mixed)
    scores = noise @ random.standard_normal((INPUTS, outputs)) / math.sqrt(INPUTS)
    targets = numpy.sin(2 * scores) if loss == "mse" else scores > 0
    return noise.astype(numpy.float32), targets.astype(numpy.float32)


def drop_undetermined(settings, golden):
    """Removes the numbers that are rounding noise, and returns the names of the tensors they belong to.

    A bias that batch normalisation subtracts again has gradient 0; what is computed is noise. Adam scales noise up to
    full updates, which the losses do not see, but the bias itself does, and the running mean, which contains it.
    """
    if settings["model"].get("normalization") != "batch":
        return []
    depth = len(widths(settings["model"]))
    noise = [f"hidden.{k}.bias" for k in range(depth)]
    for name in noise:
        del golden["first_gradient_norms"][name]
    if settings["optimizer"]["type"] == "sgd":
        return []
    for name in noise:
        del golden["parameter_norms"][name]
    means = [f"hidden_norms.{k}.running_mean" for k in range(depth)]
    for name in means:
        del golden["running_statistics"][name]
    return noise + means


FAMILY = goldens.Family("mlp", CASES, MLP, make_tensors, drop_undetermined)

if __name__ == "__main__":
    goldens.main(FAMILY, __doc__)
