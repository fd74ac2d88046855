"""What every family's golden numbers share: training in PyTorch, the measure of rounding, the files, the command line.

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
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy
import torch
from torch import nn
from torch.nn import functional

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parents[1] / "Benchmarks"))
import tensor_file  # noqa: E402

STEPS = 20
# Rounding may move a loss by this share: a tenth of what the tests allow.
LARGEST_ROUNDING = 1e-5
# How many times a case is trained from weights moved by up to one unit in the last place.
DISTURBED_RUNS = 4
# What --check allows between two machines' float32.
CHECK_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Family:
    """What a script brings: `name` starts its files' names."""
    name: str
    cases: dict
    # (settings of the model) -> torch.nn.Module
    make_model: Callable
    # (name, settings) -> initial weights under `parameters/`, `target`, `input` and whatever else the model reads
    make_tensors: Callable
    # (settings, golden) -> names of the tensors whose numbers are rounding noise, which it removes
    drop_undetermined: Callable


def make_loss(settings, dtype):
    """The function (outputs [batch, K] or [batch, T, K], targets) -> mean loss of the batch; class -1 counts nothing."""
    loss = settings["loss"]
    if loss["type"] == "mse":
        return functional.mse_loss
    if loss["type"] == "binary_cross_entropy":
        return functional.binary_cross_entropy_with_logits
    weights = torch.tensor(loss["class_weights"], dtype=dtype) if "class_weights" in loss else None

    def cross_entropy(y, t):
        if y.dim() == 3:
            y, t = y.flatten(0, 1), t.flatten()
        return functional.cross_entropy(y, t, weight=weights, label_smoothing=loss["label_smoothing"], ignore_index=-1)
    return cross_entropy


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


def train(family, settings, tensors, dtype=torch.float32):
    """Trains one case and returns its golden numbers."""
    model = family.make_model(settings["model"]).to(dtype)
    prefix = "parameters/"
    state = {k.removeprefix(prefix): torch.from_numpy(v).to(dtype) for k, v in tensors.items() if k.startswith(prefix)}
    names = {k for k, _ in model.named_parameters()} | {k for k, _ in model.named_buffers()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    # A tensor that two modules share has one name among the parameters and two in the state.
    missing = [key for key in missing if key in names]
    if unexpected or [key for key in missing if not key.endswith("num_batches_tracked")]:
        raise SystemExit(f"weights do not fit the model: missing {missing}, unexpected {unexpected}")
    read = {k: torch.from_numpy(v) for k, v in tensors.items() if not k.startswith(prefix) and k != "target"}
    read = {k: v.to(dtype if v.is_floating_point() else torch.int64) for k, v in read.items()}
    targets = torch.from_numpy(tensors["target"])
    targets = targets.to(dtype if targets.is_floating_point() else torch.int64)
    batch = settings["training"]["batch_size"]
    loss_of, optimizer = make_loss(settings, dtype), make_optimizer(settings, model)
    threshold = settings["clipping"].get("threshold")
    golden = {"losses": [], "gradient_norms": [], "learning_rates": []}
    for it in range(settings["training"]["steps"]):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(settings, it)
        rows = [(it * batch + i) % len(targets) for i in range(batch)]
        optimizer.zero_grad()
        loss = loss_of(model(*(field[rows] for field in read.values())), targets[rows])
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


def measure_rounding(family, settings, tensors, golden):
    """How far each golden number moves, relatively and at most, in float64 and from disturbed weights."""
    random = numpy.random.Generator(numpy.random.PCG64(0))
    others = [train(family, settings, tensors, torch.float64)]
    others += [train(family, settings, disturbed(tensors, random)) for _ in range(DISTURBED_RUNS)]
    for other in others:
        family.drop_undetermined(settings, other)
    rounding = {k: max(deviation(golden[k], other[k]) for other in others) for k in golden if k != "learning_rates"}
    rounding["losses"] = max(losses_deviation(golden["losses"], other["losses"]) for other in others)
    return rounding


def make(family, name, settings, tensors):
    """The whole JSON document of a case."""
    golden = train(family, settings, tensors)
    undetermined = family.drop_undetermined(settings, golden)
    rounding = measure_rounding(family, settings, tensors, golden)
    if not rounding["losses"] <= LARGEST_ROUNDING:
        raise SystemExit(f"{name}: rounding moves the losses by {rounding['losses']:.1e}; choose another case")
    return {"name": f"{family.name}-{name}", "tensors": f"{family.name}-{name}.safetensors", "made_with": f"torch {torch.__version__}"} \
        | copy.deepcopy(settings) | {"golden": rounded(golden), "undetermined": undetermined,
                                     "rounding": {k: float(f"{v:.1e}") for k, v in rounding.items()}}


def check(family, name, settings):
    """Differences between the stored case and a fresh one, as lines of text."""
    path = FOLDER / f"{family.name}-{name}.json"
    try:
        stored, tensors = json.loads(path.read_text()), tensor_file.read(path.with_suffix(".safetensors"))
    except (OSError, ValueError) as error:
        return [f"{family.name}-{name}: {error}"]
    problems = []
    if (path.with_suffix(".safetensors")).read_bytes() != tensor_file.encode(family.make_tensors(name, settings)):
        problems.append(f"{family.name}-{name}.safetensors: not the bytes that this script makes; run it without --check")
    fresh = make(family, name, settings, tensors)
    for key in fresh.keys() - {"made_with", "golden", "rounding"}:
        if stored.get(key) != fresh[key]:
            problems.append(f"{family.name}-{name}.json: {key} is {stored.get(key)}, expected {fresh[key]}")
    for key, value in fresh["golden"].items():
        found = deviation(stored["golden"][key], value) if key in stored["golden"] else math.inf
        allowed = max(CHECK_TOLERANCE, 4 * fresh["rounding"].get(key, 0))
        if not found <= allowed:
            problems.append(f"{family.name}-{name}.json: golden.{key} differs by {found:.1e}, at most {allowed:.0e} is allowed")
    return problems


def main(family, description):
    """The command line of a family's script."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the stored files and write nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    problems, size = [], 0
    for name, settings in family.cases.items():
        if arguments.check:
            problems += check(family, name, settings)
            continue
        tensors = family.make_tensors(name, settings)
        document = make(family, name, settings, tensors)
        path = FOLDER / f"{family.name}-{name}.json"
        path.write_text(json.dumps(document, indent=1) + "\n")
        tensor_file.write(path.with_suffix(".safetensors"), tensors)
        size += path.stat().st_size + path.with_suffix(".safetensors").stat().st_size
        losses, norms = document["golden"]["losses"], document["golden"]["gradient_norms"]
        print(f"{name:22s} loss {losses[0]:.4f} -> {losses[-1]:.4f}  gradient norm {min(norms):.2g} to {max(norms):.2g}"
              f"  rounding {document['rounding']['losses']:.0e}")
    if arguments.check:
        print("\n".join(problems) or f"{len(family.cases)} cases agree with PyTorch {torch.__version__}")
        sys.exit(1 if problems else 0)
    print(f"{len(family.cases)} cases, {size / 1e6:.2f} MB")
