#!/usr/bin/env python3
"""Golden numbers of diffusion Transformers from PyTorch: conditioned on nothing, on classes, on captions.

    python3 -m venv peer && peer/bin/pip install torch numpy
    peer/bin/python Tests/Golden/make_dit_goldens.py            # writes dit-*.json and dit-*.safetensors
    peer/bin/python Tests/Golden/make_dit_goldens.py --check    # writes nothing; exit code 1 when a number differs

goldens.py beside this file says how they are made, README.md what the fields of the JSON mean. Images are channels last,
and so are the numbers of a patch.
"""
import math
import zlib

import numpy
import torch
from torch import nn
from torch.nn import functional

import goldens
from diffusion_samples import CAPTION_TOKENS, CLASSES, STEPS, VOCABULARY, samples
from make_language_goldens import PRESETS, Attention, Stack

BATCH_SIZE, ROWS = 8, 24
TIME_WAVES = 256


def case(condition, model):
    """One case's settings."""
    fields = {"time": STEPS} | {"class": {"condition": CLASSES + 1}, "text": {"condition": VOCABULARY}}.get(condition, {})
    return {
        "model": {"outputs": model["inputs"][-1], "condition": condition, "fields": fields, "type": "dit"} | model,
        "loss": {"type": "mse"},
        "optimizer": {"type": "adamw", "learning_rate": 1e-3, "betas": [0.9, 0.99], "epsilon": 1e-8, "weight_decay": 0.1},
        "schedule": {"type": "constant"},
        "clipping": {"type": "global_norm", "threshold": 1},
        "training": {"steps": goldens.STEPS, "batch_size": BATCH_SIZE, "rows": ROWS, "precision": "float32"},
    }


DIT = {"patch_size": 2, "width": 32, "depth": 2, "heads": 4, "mlp_ratio": 4}
CASES = {
    "unconditional": case("none", {"inputs": [6, 9, 1]} | DIT | {"patch_size": 3, "depth": 1}),
    "class": case("class", {"inputs": [8, 12, 3]} | DIT),
    "text": case("text", {"inputs": [8, 8, 3]} | DIT | {
        "mlp_ratio": 2, "text_encoder": {"layers": 2, "width": 24, "heads": 3}}),
}


def waves(positions, count):
    """sin and cos of positions times 10000^(-i / count), i < count, as [positions, 2 * count] in float64."""
    angles = positions.double()[:, None] * 10000.0 ** (-torch.arange(count, dtype=torch.float64) / count)
    return torch.cat([angles.sin(), angles.cos()], 1)


def grid(rows, columns, width):
    """The fixed positions of patches: waves of the column, then of the row."""
    u, v = torch.arange(columns).repeat(rows), torch.arange(rows).repeat_interleave(columns)
    return torch.cat([waves(u, width // 4), waves(v, width // 4)], 1)


def modulated(x, shift, scale):
    return functional.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale[:, None]) + shift[:, None]


class FeedForward(nn.Module):
    def __init__(self, width, ratio):
        super().__init__()
        self.up, self.down = nn.Linear(width, ratio * width), nn.Linear(ratio * width, width)

    def forward(self, x):
        return self.down(functional.gelu(self.up(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self, model, caption_width):
        super().__init__()
        width, settings = model["width"], {"heads": model["heads"], "width": model["width"], "bias": True, "position": "none"}
        self.modulation = nn.Linear(width, 6 * width)
        self.attention = Attention(settings, is_causal=False)
        if caption_width:
            self.cross_attention = Attention(settings, is_causal=False, is_cross=True)
            self.cross_attention.kv = nn.Linear(caption_width, 2 * width)
        self.feed_forward = FeedForward(width, model["mlp_ratio"])

    def forward(self, x, c, caption):
        a = self.modulation(c).chunk(6, 1)
        x = x + a[2][:, None] * self.attention(modulated(x, a[0], a[1]))
        if caption is not None:
            x = x + self.cross_attention(x, caption)
        return x + a[5][:, None] * self.feed_forward(modulated(x, a[3], a[4]))


class Final(nn.Module):
    def __init__(self, width, outputs):
        super().__init__()
        self.modulation, self.linear = nn.Linear(width, 2 * width), nn.Linear(width, outputs)

    def forward(self, x, c):
        return self.linear(modulated(x, *self.modulation(c).chunk(2, 1)))


class DiT(nn.Module):
    """Peebles and Xie 2023, figure 3 with adaLN-Zero; captions as in Chen et al. 2024."""

    def __init__(self, model):
        super().__init__()
        condition = model["condition"]
        self.patch, width, channels = model["patch_size"], model["width"], model["inputs"][2]
        self.rows, self.columns = model["inputs"][0] // self.patch, model["inputs"][1] // self.patch
        self.width, self.condition, caption_width = width, condition, 0
        self.patches = nn.Linear(self.patch ** 2 * channels, width)
        self.time = nn.Sequential(nn.Linear(TIME_WAVES, width), nn.SiLU(), nn.Linear(width, width))
        if condition == "class":
            self.class_embedding = nn.Embedding(CLASSES + 1, width)
        if condition == "text":
            encoder = PRESETS["gpt2"] | model["text_encoder"]
            caption_width = encoder["width"]
            self.text = Stack(encoder, CAPTION_TOKENS, encoder["layers"], is_causal=False)
        self.blocks = nn.ModuleList(Block(model, caption_width) for _ in range(model["depth"]))
        self.final = Final(width, self.patch ** 2 * model["outputs"])

    def forward(self, x, *fields):
        # In the order of a safetensors file: the condition, if there is one, then the time.
        condition, time = fields[0], fields[-1]
        B, H, W, C = x.shape
        p, rows, columns = self.patch, self.rows, self.columns
        x = x.view(B, rows, p, columns, p, C).transpose(2, 3).reshape(B, rows * columns, p * p * C)
        x = self.patches(x) + grid(rows, columns, self.width).to(x.dtype)
        c = self.time(waves(time, TIME_WAVES // 2).to(x.dtype))
        if self.condition == "class":
            c = c + self.class_embedding(condition)
        caption = self.text(condition) if self.condition == "text" else None
        c = functional.silu(c)
        for block in self.blocks:
            x = block(x, c, caption)
        x = self.final(x, c)
        return x.view(B, rows, columns, p, p, -1).transpose(2, 3).reshape(B, H, W, -1)


def make_tensors(name, settings):
    """Initial weights and data of one case, from numpy, so that no version of torch has a say in them.

    Products that a model starts with at 0 are not 0 here, so that every part has a gradient from the first step on.
    """
    random = numpy.random.Generator(numpy.random.PCG64(zlib.crc32(name.encode())))
    tensors = {}
    for key, value in DiT(settings["model"]).named_parameters():
        shape = tuple(value.shape)
        if len(shape) == 1:
            scale = "norm" in key and key.endswith("weight")
            tensors[key] = random.uniform(0.5, 1.5, shape) if scale else 0.1 * random.standard_normal(shape)
        elif "embedding" in key:
            tensors[key] = 0.3 * random.standard_normal(shape)
        else:
            tensors[key] = random.standard_normal(shape) / math.sqrt(shape[1])
    tensors = {f"parameters/{key}": value.astype(numpy.float32) for key, value in tensors.items()}
    return tensors | samples(random, ROWS, settings["model"]["inputs"], settings["model"]["condition"])


def drop_undetermined(settings, golden):
    """Nothing: a bias of keys, whose gradient is 0, is a part of a larger tensor."""
    return []


FAMILY = goldens.Family("dit", CASES, DiT, make_tensors, drop_undetermined)

if __name__ == "__main__":
    goldens.main(FAMILY, __doc__)
