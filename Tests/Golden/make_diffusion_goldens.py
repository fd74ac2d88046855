#!/usr/bin/env python3
"""Golden numbers of U-Nets for diffusion from PyTorch, under Troupe's names.

    python3 -m venv peer && peer/bin/pip install torch numpy
    peer/bin/python Tests/Golden/make_diffusion_goldens.py            # writes diffusion-*.json and diffusion-*.safetensors
    peer/bin/python Tests/Golden/make_diffusion_goldens.py --check    # writes nothing; exit code 1 when a number differs

goldens.py beside this file says how they are made, README.md what the fields of the JSON mean. `fields` says what the
whole numbers of a case's further fields are below. Images are [B, H, W, C] outside, as Troupe keeps them.
"""
import math
import zlib

import numpy
import torch
from torch import nn
from torch.nn import functional

import goldens

BATCH_SIZE, ROWS, STEPS_OF_NOISE = 8, 16, 1000

ADAMW = {"type": "adamw", "learning_rate": 1e-3, "betas": [0.9, 0.999], "epsilon": 1e-8, "weight_decay": 0.01}


def case(model, size, fields={}):
    """One case's settings; `fields` are those beside the time."""
    return {
        "model": {"type": "unet", "inputs": [*size, 3], "outputs": 3, "fields": {"time": STEPS_OF_NOISE} | fields} | model,
        "loss": {"type": "mse"},
        "optimizer": ADAMW,
        "schedule": {"type": "constant"},
        "clipping": {"type": "global_norm", "threshold": 1},
        "training": {"steps": goldens.STEPS, "batch_size": BATCH_SIZE, "rows": ROWS, "precision": "float32"},
    }


CAPTION_LENGTH = 6
SMALL = {"channels": 8, "multipliers": [1, 2], "blocks": 1, "groups": 4}
CASES = {
    "unet": case({"channels": 16, "multipliers": [1, 2, 2], "blocks": 1, "groups": 8, "attention": [8]}, (16, 16)),
    "unet-class": case(SMALL | {"blocks": 2, "attention": [], "downsample": "average_pool", "upsample": "bilinear"}, (12, 8),
                       {"condition": 5}),
    "unet-text": case(SMALL | {"attention": [6], "heads": 2, "upsample": "transposed", "text_encoder": {
        "layers": 2, "width": 12, "heads": 3}}, (12, 12), {"condition": 19}),
}


def heads_of(x, heads):
    """[B, T, heads·d] -> [B, heads, T, d]."""
    return x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)


def attend(q, k, v, heads):
    """Scaled dot-product attention, written out; [B, T, D], [B, S, D], [B, S, D] -> [B, T, D]."""
    q, k, v = (heads_of(x, heads) for x in (q, k, v))
    weights = (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])).softmax(-1)
    return (weights @ v).transpose(1, 2).flatten(2)


class Attention(nn.Module):
    """Every pixel looks at all pixels, or at a caption; x is [B, T, C]."""

    def __init__(self, width, heads, groups, text_width=None):
        super().__init__()
        self.heads, self.norm, self.proj = heads, nn.GroupNorm(groups, width), nn.Linear(width, width)
        if text_width is None:
            self.qkv = nn.Linear(width, 3 * width)
        else:
            self.q, self.kv = nn.Linear(width, width), nn.Linear(text_width, 2 * width)

    def forward(self, x, text=None):
        y = self.norm(x.transpose(1, 2)).transpose(1, 2)
        q, k, v = self.qkv(y).chunk(3, -1) if text is None else (self.q(y), *self.kv(text).chunk(2, -1))
        return x + self.proj(attend(q, k, v, self.heads))


class Block(nn.Module):
    """A residual block of Ho et al. 2020 and, where the level has it, attention."""

    def __init__(self, model, i, o, attends, text_width):
        super().__init__()
        groups, heads, t = model["groups"], model.get("heads", 1), 4 * model["channels"]
        self.norm1, self.conv1, self.condition = nn.GroupNorm(groups, i), nn.Conv2d(i, o, 3, 1, 1), nn.Linear(t, o)
        self.norm2, self.conv2 = nn.GroupNorm(groups, o), nn.Conv2d(o, o, 3, 1, 1)
        self.skip = nn.Conv2d(i, o, 1) if i != o else nn.Identity()
        self.attention = Attention(o, heads, groups) if attends else None
        self.cross_attention = Attention(o, heads, groups, text_width) if attends and text_width else None

    def forward(self, x, condition, text):
        h = self.conv1(functional.silu(self.norm1(x))) + self.condition(functional.silu(condition))[:, :, None, None]
        x = self.skip(x) + self.conv2(functional.silu(self.norm2(h)))
        if self.attention is None:
            return x
        tokens = self.attention(x.flatten(2).transpose(1, 2))
        if self.cross_attention is not None:
            tokens = self.cross_attention(tokens, text)
        return tokens.transpose(1, 2).reshape(x.shape)


class Doubled(nn.Module):
    """Twice the pixels in both directions, then a convolution: two names in one, as parameters know only the second."""

    def __new__(cls, kind, width):
        if kind == "transposed":
            return nn.ConvTranspose2d(width, width, 4, 2, 1)
        convolution = nn.Conv2d(width, width, 3, 1, 1)
        how = dict(mode="bilinear", align_corners=False) if kind == "bilinear" else dict(mode="nearest")
        convolution.register_forward_pre_hook(lambda _, x: functional.interpolate(x[0], scale_factor=2.0, **how))
        return convolution


class TextBlock(nn.Module):
    """GPT-2's block without the mask."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.attention_norm, self.feed_forward_norm = heads, nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.ModuleDict({"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)})
        self.feed_forward = nn.ModuleDict({"up": nn.Linear(width, 4 * width), "down": nn.Linear(4 * width, width)})

    def forward(self, x):
        q, k, v = self.attention["qkv"](self.attention_norm(x)).chunk(3, -1)
        x = x + self.attention["proj"](attend(q, k, v, self.heads))
        y = functional.gelu(self.feed_forward["up"](self.feed_forward_norm(x)), approximate="tanh")
        return x + self.feed_forward["down"](y)


class TextEncoder(nn.Module):
    """Tokens [B, L] -> [B, L, D]."""

    def __init__(self, settings, vocabulary):
        super().__init__()
        width = settings["width"]
        self.token_embedding, self.position_embedding = nn.Embedding(vocabulary, width), nn.Embedding(CAPTION_LENGTH, width)
        self.blocks = nn.ModuleList(TextBlock(width, settings["heads"]) for _ in range(settings["layers"]))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens):
        x = self.token_embedding(tokens) + self.position_embedding.weight
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


class UNet(nn.Module):
    def __init__(self, model):
        super().__init__()
        c, groups, fields = model["channels"], model["groups"], model["fields"]
        self.channels, t = c, 4 * c
        self.time = nn.Sequential(nn.Linear(c, t), nn.SiLU(), nn.Linear(t, t))
        text_width = None
        if "text_encoder" in model:
            self.text, text_width = TextEncoder(model["text_encoder"], fields["condition"]), model["text_encoder"]["width"]
        elif "condition" in fields:
            self.class_embedding = nn.Embedding(fields["condition"], t)
        height, colors = model["inputs"][0], model["inputs"][-1]
        widths, blocks = [c * m for m in model["multipliers"]], model["blocks"]

        def block(i, o, level):
            attends = level is None or height >> level in model["attention"]
            return Block(model, i, o, attends, text_width)
        self.stem = nn.Conv2d(colors, c, 3, 1, 1)
        self.down, self.up, kept, i = nn.ModuleDict(), nn.ModuleDict(), [c], c
        for level, o in enumerate(widths):
            parts = self.down[str(level)] = nn.ModuleDict()
            for k in range(blocks):
                parts[str(k)], i = block(i, o, level), o
                kept.append(i)
            if level < len(widths) - 1:
                parts["downsample"] = nn.AvgPool2d(2) if model.get("downsample") == "average_pool" else nn.Conv2d(i, i, 3, 2, 1)
                kept.append(i)
        self.middle = nn.ModuleList([block(i, i, None), Block(model, i, i, False, None)])
        for level, o in reversed(list(enumerate(widths))):
            parts = self.up[str(level)] = nn.ModuleDict()
            for k in range(blocks + 1):
                parts[str(k)], i = block(i + kept.pop(), o, level), o
            if level:
                parts["upsample"] = Doubled(model.get("upsample"), i)
        self.norm, self.out = nn.GroupNorm(groups, i), nn.Conv2d(i, model["outputs"], 3, 1, 1)

    def forward(self, x, *numbers):
        # In the order of names: the condition, if there is one, then the time.
        *condition, time = numbers
        half, dtype = self.channels // 2, self.stem.weight.dtype
        angles = time[:, None].double() * 10000.0 ** (-torch.arange(half, dtype=torch.float64) / half)
        vector, text = self.time(torch.cat([angles.sin(), angles.cos()], 1).to(dtype)), None
        if hasattr(self, "text"):
            text = self.text(condition[0])
        elif condition:
            vector = vector + self.class_embedding(condition[0])
        x = self.stem(x.permute(0, 3, 1, 2))
        kept = [x]
        for parts in self.down.values():
            for name, part in parts.items():
                x = part(x) if name == "downsample" else part(x, vector, text)
                kept.append(x)
        for part in self.middle:
            x = part(x, vector, text)
        for parts in self.up.values():
            for name, part in parts.items():
                x = part(x) if name == "upsample" else part(torch.cat([x, kept.pop()], 1), vector, text)
        return self.out(functional.silu(self.norm(x))).permute(0, 2, 3, 1)


def make_tensors(name, settings):
    """Initial weights and data of one case, from numpy, so that no version of torch has a say in them.

    Scales and shifts start away from 0 and 1, so that swapped or forgotten ones show at once.
    """
    random = numpy.random.Generator(numpy.random.PCG64(zlib.crc32(name.encode())))
    model, tensors = settings["model"], {}
    for key, value in UNet(model).state_dict().items():
        shape = tuple(value.shape)
        if len(shape) > 1:
            tensors[key] = random.standard_normal(shape) / math.sqrt(math.prod(shape[1:]))
        else:
            tensors[key] = random.uniform(0.5, 1.5, shape) if "norm" in key.split(".")[-2] and key.endswith("weight") \
                else 0.1 * random.standard_normal(shape)
    tensors = {f"parameters/{key}": value.astype(numpy.float32) for key, value in tensors.items()}
    images = (ROWS, *model["inputs"])
    noise = random.standard_normal(images)
    tensors["input"] = (0.6 * random.standard_normal(images) + 0.8 * noise).astype(numpy.float32)
    tensors["target"] = noise.astype(numpy.float32)
    if "condition" in model["fields"]:
        length = (CAPTION_LENGTH,) if "text_encoder" in model else ()
        tensors["condition"] = random.integers(0, model["fields"]["condition"], (ROWS, *length)).astype(numpy.int32)
    tensors["time"] = random.integers(0, STEPS_OF_NOISE, ROWS).astype(numpy.int32)
    return tensors


def drop_undetermined(settings, golden):
    """Rounding alone decides a bias of keys, but in the packed projections it is a part of a tensor: nothing is dropped."""
    return []


FAMILY = goldens.Family("diffusion", CASES, UNet, make_tensors, drop_undetermined)

if __name__ == "__main__":
    goldens.main(FAMILY, __doc__)
