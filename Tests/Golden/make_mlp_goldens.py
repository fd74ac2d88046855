#!/usr/bin/env python3
"""Golden numbers of deep MLPs from PyTorch: the same weights and data must give the same losses elsewhere.

    python3 -m venv peer && peer/bin/pip install torch numpy
    peer/bin/python Tests/Golden/make_mlp_goldens.py            # writes mlp-*.json and mlp-*.safetensors beside itself
    peer/bin/python Tests/Golden/make_mlp_goldens.py --check    # writes nothing; exit code 1 when a number differs

Weights and data come from numpy, training from torch.nn and torch.optim in float32 on one CPU thread. Every case is
also trained in float64, and from weights moved by a rounding error: a case whose losses depend on rounding (a ReLU unit
so close to its kink that it falls to either side) would prove nothing, so it is refused. README.md beside this file
says what the fields of the JSON mean.
"""
import argparse
import copy
import json
import math
import sys
import zlib
from pathlib import Path

import numpy
import torch
from torch import nn
from torch.nn import functional

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parents[1] / "Benchmarks"))
import tensor_file  # noqa: E402

STEPS, BATCH_SIZE, ROWS, INPUTS = 20, 32, 160, 32
# Rounding may move a loss by this share: a tenth of what the tests allow.
LARGEST_ROUNDING = 1e-5
# How many times a case is trained from weights moved by up to one unit in the last place.
DISTURBED_RUNS = 4
# What --check allows between two machines' float32.
CHECK_TOLERANCE = 1e-5

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


def make_loss(settings, dtype):
    """The function (outputs [batch, K], targets) -> mean loss of the batch."""
    loss = settings["loss"]
    if loss["type"] == "mse":
        return functional.mse_loss
    if loss["type"] == "binary_cross_entropy":
        return functional.binary_cross_entropy_with_logits
    weights = torch.tensor(loss["class_weights"], dtype=dtype) if "class_weights" in loss else None
    return lambda y, t: functional.cross_entropy(y, t, weight=weights, label_smoothing=loss["label_smoothing"])


def make_optimizer(settings, model):
    """The optimizer of torch.optim; decay only on tensors of two or more dimensions."""
    o = settings["optimizer"]
    groups = [
        {"params": [p for p in model.parameters() if p.dim() >= 2], "weight_decay": o["weight_decay"]},
        {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0},
    ]
    if o["type"] == "sgd":
        return torch.optim.SGD(groups, lr=o["learning_rate"], momentum=o["momentum"], nesterov=o["nesterov"])
    if o["type"] == "rmsprop":
        return torch.optim.RMSprop(groups, lr=o["learning_rate"], alpha=o["alpha"], eps=o["epsilon"],
                                   momentum=o["momentum"])
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[o["type"]]
    return kind(groups, lr=o["learning_rate"], betas=tuple(o["betas"]), eps=o["epsilon"])


def learning_rate(settings, it):
    """The rate of the update number `it`, counted from 0."""
    rate, schedule, total = settings["optimizer"]["learning_rate"], settings["schedule"], settings["training"]["steps"]
    if schedule["type"] == "constant":
        return rate
    warmup = int(schedule["warmup"].split()[0])
    if it < warmup:
        return rate * (it + 1) / (warmup + 1)
    floor = schedule["final_fraction"]
    return rate * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * (it - warmup) / (total - warmup))))


def l2(tensors):
    """The L2 norm over all elements of `tensors`, summed in float64."""
    return math.sqrt(sum(float(t.detach().double().square().sum()) for t in tensors))


def train(settings, tensors, dtype=torch.float32):
    """Trains one case and returns its golden numbers."""
    model = MLP(settings["model"]).to(dtype)
    prefix = "parameters/"
    state = {k.removeprefix(prefix): torch.from_numpy(v).to(dtype) for k, v in tensors.items() if k.startswith(prefix)}
    missing, unexpected = model.load_state_dict(state, strict=False)
    if unexpected or [key for key in missing if not key.endswith("num_batches_tracked")]:
        raise SystemExit(f"weights do not fit the model: missing {missing}, unexpected {unexpected}")
    inputs = torch.from_numpy(tensors["input"]).to(dtype)
    targets = torch.from_numpy(tensors["target"])
    targets = targets.to(dtype if targets.is_floating_point() else torch.int64)
    loss_of, optimizer = make_loss(settings, dtype), make_optimizer(settings, model)
    threshold = settings["clipping"].get("threshold")
    golden = {"losses": [], "gradient_norms": [], "learning_rates": []}
    for it in range(settings["training"]["steps"]):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(settings, it)
        rows = [(it * BATCH_SIZE + i) % ROWS for i in range(BATCH_SIZE)]
        optimizer.zero_grad()
        loss = loss_of(model(inputs[rows]), targets[rows])
        loss.backward()
        golden["losses"].append(loss.item())
        golden["gradient_norms"].append(l2(p.grad for p in model.parameters()))
        golden["learning_rates"].append(learning_rate(settings, it))
        if it == 0:
            golden["first_gradient_norms"] = {k: l2([p.grad]) for k, p in model.named_parameters()}
        if threshold is not None:
            nn.utils.clip_grad_norm_(model.parameters(), threshold)
        optimizer.step()
    golden["parameter_norm"] = l2(model.parameters())
    golden["parameter_norms"] = {k: l2([p]) for k, p in model.named_parameters()}
    golden["running_statistics"] = {k: b.tolist() for k, b in model.named_buffers() if "running" in k}
    return golden


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


def deviation(a, b):
    """The largest relative difference between two equally shaped JSON values; of lists, relative to the list's norm."""
    if isinstance(a, dict):
        return max((deviation(a[k], b[k]) for k in a), default=0.0) if a.keys() == b.keys() else math.inf
    a, b = numpy.atleast_1d(numpy.array(a, float)), numpy.atleast_1d(numpy.array(b, float))
    return float(numpy.abs(a - b).max() / max(math.sqrt(numpy.square(b).mean()), 1e-30))


def losses_deviation(a, b):
    """The largest relative difference of two loss curves, each loss relative to itself."""
    return max(abs(x - y) / abs(y) for x, y in zip(a, b, strict=True))


def rounded(value):
    """Numbers cut to nine significant digits, which name a float32 exactly."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return float(f"{value:.9g}")


def disturbed(tensors, random):
    """The same tensors, each weight moved by up to one unit in its last place."""
    def move(value):
        return (value * (1 + random.uniform(-1, 1, value.shape) * 2.0 ** -23)).astype(numpy.float32)
    return {k: move(v) if k.startswith("parameters/") else v for k, v in tensors.items()}


def measure_rounding(settings, tensors, golden):
    """How far each golden number moves, relatively and at most, in float64 and from disturbed weights."""
    random = numpy.random.Generator(numpy.random.PCG64(0))
    others = [train(settings, tensors, torch.float64)]
    others += [train(settings, disturbed(tensors, random)) for _ in range(DISTURBED_RUNS)]
    for other in others:
        drop_undetermined(settings, other)
    rounding = {k: max(deviation(golden[k], other[k]) for other in others) for k in golden if k != "learning_rates"}
    rounding["losses"] = max(losses_deviation(golden["losses"], other["losses"]) for other in others)
    return rounding


def make(name, settings, tensors):
    """The whole JSON document of a case."""
    golden = train(settings, tensors)
    undetermined = drop_undetermined(settings, golden)
    rounding = measure_rounding(settings, tensors, golden)
    if not rounding["losses"] <= LARGEST_ROUNDING:
        raise SystemExit(f"{name}: rounding moves the losses by {rounding['losses']:.1e}; choose another case")
    return {"name": f"mlp-{name}", "tensors": f"mlp-{name}.safetensors", "made_with": f"torch {torch.__version__}"} \
        | copy.deepcopy(settings) | {"golden": rounded(golden), "undetermined": undetermined,
                                     "rounding": {k: float(f"{v:.1e}") for k, v in rounding.items()}}


def check(name, settings):
    """Differences between the stored case and a fresh one, as lines of text."""
    path = FOLDER / f"mlp-{name}.json"
    try:
        stored, tensors = json.loads(path.read_text()), tensor_file.read(path.with_suffix(".safetensors"))
    except (OSError, ValueError) as error:
        return [f"mlp-{name}: {error}"]
    problems = []
    if (path.with_suffix(".safetensors")).read_bytes() != tensor_file.encode(make_tensors(name, settings)):
        problems.append(f"mlp-{name}.safetensors: not the bytes that this script makes; run it without --check")
    fresh = make(name, settings, tensors)
    for key in fresh.keys() - {"made_with", "golden", "rounding"}:
        if stored.get(key) != fresh[key]:
            problems.append(f"mlp-{name}.json: {key} is {stored.get(key)}, expected {fresh[key]}")
    for key, value in fresh["golden"].items():
        found = deviation(stored["golden"][key], value) if key in stored["golden"] else math.inf
        allowed = max(CHECK_TOLERANCE, 4 * fresh["rounding"].get(key, 0))
        if not found <= allowed:
            problems.append(f"mlp-{name}.json: golden.{key} differs by {found:.1e}, at most {allowed:.0e} is allowed")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the stored files and write nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    problems, size = [], 0
    for name, settings in CASES.items():
        if arguments.check:
            problems += check(name, settings)
            continue
        tensors = make_tensors(name, settings)
        document = make(name, settings, tensors)
        path = FOLDER / f"mlp-{name}.json"
        path.write_text(json.dumps(document, indent=1) + "\n")
        tensor_file.write(path.with_suffix(".safetensors"), tensors)
        size += path.stat().st_size + path.with_suffix(".safetensors").stat().st_size
        losses, norms = document["golden"]["losses"], document["golden"]["gradient_norms"]
        print(f"{name:22s} loss {losses[0]:.4f} -> {losses[-1]:.4f}  gradient norm {min(norms):.2g} to {max(norms):.2g}"
              f"  rounding {document['rounding']['losses']:.0e}")
    if arguments.check:
        print("\n".join(problems) or f"{len(CASES)} cases agree with PyTorch {torch.__version__}")
        sys.exit(1 if problems else 0)
    print(f"{len(CASES)} cases, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
