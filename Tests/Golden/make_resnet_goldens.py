#!/usr/bin/env python3
"""Golden numbers of residual networks from PyTorch, under torchvision's names.

    python3 -m venv peer && peer/bin/pip install torch numpy
    peer/bin/python Tests/Golden/make_resnet_goldens.py            # writes resnet-*.json and resnet-*.safetensors
    peer/bin/python Tests/Golden/make_resnet_goldens.py --check    # writes nothing; exit code 1 when a number differs

goldens.py beside this file says how they are made, README.md what the fields of the JSON mean.
"""
import math
import zlib

import numpy
import torch
from torch import nn
from torch.nn import functional

import goldens

BATCH_SIZE, ROWS, CLASSES = 16, 48, 10

SGD = {"type": "sgd", "learning_rate": 0.01, "momentum": 0.9, "nesterov": False, "weight_decay": 1e-4}
ADAMW = {"type": "adamw", "learning_rate": 1e-4, "betas": [0.9, 0.999], "epsilon": 1e-8, "weight_decay": 0.1}


def case(model, optimizer=SGD, size=16):
    """One case's settings; `size` is the height and width of its images."""
    return {
        "model": {"type": "resnet", "inputs": [size, size, 3], "outputs": CLASSES} | model,
        "loss": {"type": "cross_entropy", "label_smoothing": 0},
        "optimizer": optimizer,
        "schedule": {"type": "constant"},
        "clipping": {"type": "none"},
        "training": {"steps": goldens.STEPS, "batch_size": BATCH_SIZE, "rows": ROWS, "precision": "float32"},
    }


def sgd(rate):
    """SGD at a rate at which hardly any of the case's many ReLU units crosses its kink."""
    return SGD | {"learning_rate": rate}


SMALL = {"blocks": [1, 2], "widths": [8, 12]}
CASES = {
    "20": case({"depth": 20}, sgd(2e-5)),
    "padding": case(SMALL | {"shortcut": "padding"}, ADAMW),
    "plain": case(SMALL | {"residual": False}, sgd(1e-3)),
    "preactivation": case(SMALL | {"preactivation": True}),
    "bottleneck": case({"blocks": [1, 1], "widths": [8, 12], "block": "bottleneck"}, sgd(1e-4)),
    "imagenet-stem": case(SMALL | {"stem": "imagenet"}, size=35),
    "se": case(SMALL | {"attention": "se", "attention_reduction": 4}),
    "cbam": case(SMALL | {"attention": "cbam", "attention_reduction": 4}, sgd(1e-3)),
}


def stages(model):
    """(block, blocks of each stage, channels of each stage)."""
    if "depth" in model:
        return "basic", [(model["depth"] - 2) // 6] * 3, [16, 32, 64]
    return model.get("block", "basic"), model["blocks"], model["widths"]


class SqueezeExcitation(nn.Module):
    """Hu et al. 2018."""

    def __init__(self, channels, reduction):
        super().__init__()
        hidden = max(1, channels // reduction)
        self.fc1, self.fc2 = nn.Linear(channels, hidden), nn.Linear(hidden, channels)

    def forward(self, x):
        scale = torch.sigmoid(self.fc2(functional.relu(self.fc1(x.mean((2, 3))))))
        return x * scale[:, :, None, None]


class CBAM(nn.Module):
    """Woo et al. 2018."""

    def __init__(self, channels, reduction):
        super().__init__()
        hidden = max(1, channels // reduction)
        self.fc1, self.fc2 = nn.Linear(channels, hidden), nn.Linear(hidden, channels)
        self.spatial = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x):
        def mlp(pooled):
            return self.fc2(functional.relu(self.fc1(pooled)))
        x = x * torch.sigmoid(mlp(x.mean((2, 3))) + mlp(x.amax((2, 3))))[:, :, None, None]
        statistics = torch.stack([x.mean(1), x.amax(1)], 1)
        return x * torch.sigmoid(self.spatial(statistics))


ATTENTION = {"se": SqueezeExcitation, "cbam": CBAM}


class Block(nn.Module):
    """A basic or bottleneck block, post- or pre-activated, with any of the shortcuts."""

    def __init__(self, model, inputs, width, stride):
        super().__init__()
        kind = stages(model)[0]
        self.preactivates = model.get("preactivation", False)
        self.is_residual = model.get("residual", True)
        layers = [(width, 3, stride), (width, 3, 1)] if kind == "basic" else \
            [(width, 1, 1), (width, 3, stride), (4 * width, 1, 1)]
        self.count, channels = len(layers), inputs
        for index, (filters, kernel, step) in enumerate(layers, 1):
            setattr(self, f"conv{index}", nn.Conv2d(channels, filters, kernel, step, kernel // 2, bias=False))
            setattr(self, f"bn{index}", nn.BatchNorm2d(channels if self.preactivates else filters))
            channels = filters
        self.outputs, self.stride = channels, stride
        self.attention = attention = model.get("attention", "none")
        if attention != "none":
            setattr(self, attention, ATTENTION[attention](channels, model["attention_reduction"]))
        self.attention = attention
        self.changes = stride != 1 or inputs != channels
        self.pads = model.get("shortcut") == "padding"
        if self.is_residual and self.changes and not self.pads:
            projection = [nn.Conv2d(inputs, channels, 1, stride, bias=False)]
            self.downsample = nn.Sequential(*projection, *([] if self.preactivates else [nn.BatchNorm2d(channels)]))

    def shortcut(self, x, activated):
        if not self.changes:
            return x
        if self.pads:
            x = x[:, :, ::self.stride, ::self.stride]
            return functional.pad(x, (0, 0, 0, 0, 0, self.outputs - x.shape[1]))
        return self.downsample(activated)

    def forward(self, x):
        y = activated = x
        for index in range(1, self.count + 1):
            convolution, norm = getattr(self, f"conv{index}"), getattr(self, f"bn{index}")
            if self.preactivates:
                y = functional.relu(norm(y))
                activated = y if index == 1 else activated
                y = convolution(y)
            else:
                y = norm(convolution(y))
                y = functional.relu(y) if index < self.count else y
        y = getattr(self, self.attention)(y) if self.attention != "none" else y
        y = y + self.shortcut(x, activated) if self.is_residual else y
        return y if self.preactivates else functional.relu(y)


class ResNet(nn.Module):
    """He et al. 2015 and 2016."""

    def __init__(self, model):
        super().__init__()
        _, blocks, widths = stages(model)
        self.preactivates = model.get("preactivation", False)
        self.is_imagenet = model.get("stem") == "imagenet"
        self.conv1 = nn.Conv2d(3, widths[0], 7, 2, 3, bias=False) if self.is_imagenet else \
            nn.Conv2d(3, widths[0], 3, 1, 1, bias=False)
        if not self.preactivates:
            self.bn1 = nn.BatchNorm2d(widths[0])
        channels, self.stages = widths[0], []
        for stage, (count, width) in enumerate(zip(blocks, widths)):
            layer = nn.Sequential()
            for number in range(count):
                block = Block(model, channels, width, 2 if stage and number == 0 else 1)
                layer.append(block)
                channels = block.outputs
            setattr(self, f"layer{stage + 1}", layer)
            self.stages.append(f"layer{stage + 1}")
        if self.preactivates:
            self.bn = nn.BatchNorm2d(channels)
        self.fc = nn.Linear(channels, model["outputs"])

    def forward(self, x):
        # Data are [B, H, W, C], as Troupe keeps images.
        x = self.conv1(x.permute(0, 3, 1, 2))
        x = x if self.preactivates else functional.relu(self.bn1(x))
        x = functional.max_pool2d(x, 3, 2, 1) if self.is_imagenet else x
        for stage in self.stages:
            x = getattr(self, stage)(x)
        x = functional.relu(self.bn(x)) if self.preactivates else x
        return self.fc(x.mean((2, 3)))


def make_tensors(name, settings):
    """Initial weights and data of one case, from numpy, so that no version of torch has a say in them.

    Scales, shifts and running statistics start away from 0 and 1, so that swapped or forgotten ones show at once.
    """
    random = numpy.random.Generator(numpy.random.PCG64(zlib.crc32(name.encode())))
    tensors = {}
    modules = dict(ResNet(settings["model"]).named_modules())
    for key, value in ResNet(settings["model"]).state_dict().items():
        module, last = key.rsplit(".", 1)
        shape = tuple(value.shape)
        if last == "num_batches_tracked":
            continue
        if last in ("running_mean", "bias"):
            tensors[key] = 0.1 * random.standard_normal(shape)
        elif last == "running_var" or isinstance(modules[module], nn.BatchNorm2d):
            tensors[key] = random.uniform(0.5, 1.5, shape)
        else:
            tensors[key] = random.standard_normal(shape) * math.sqrt(2 / math.prod(shape[1:]))
    tensors = {f"parameters/{key}": value.astype(numpy.float32) for key, value in tensors.items()}
    classes = random.integers(0, CLASSES, ROWS).astype(numpy.int32)
    centers = random.standard_normal((CLASSES, *settings["model"]["inputs"]))
    noise = random.standard_normal((ROWS, *settings["model"]["inputs"]))
    tensors["input"] = (0.3 * centers[classes] + 0.9 * noise).astype(numpy.float32)
    tensors["target"] = classes
    return tensors


def drop_undetermined(settings, golden):
    """Every number of these cases is determined."""
    return []


FAMILY = goldens.Family("resnet", CASES, ResNet, make_tensors, drop_undetermined)

if __name__ == "__main__":
    goldens.main(FAMILY, __doc__)
