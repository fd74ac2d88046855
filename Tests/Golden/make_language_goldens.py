#!/usr/bin/env python3
"""Golden numbers of language models from PyTorch: Transformers of several makes, an encoder-decoder, recurrent networks.

    python3 -m venv peer && peer/bin/pip install torch numpy
    peer/bin/python Tests/Golden/make_language_goldens.py            # writes language-*.json and language-*.safetensors
    peer/bin/python Tests/Golden/make_language_goldens.py --check    # writes nothing; exit code 1 when a number differs

goldens.py beside this file says how they are made, README.md what the fields of the JSON mean. Attention is written out
with its whole matrix of scores, so that every mask and every position is plain to see.
"""
import math
import zlib

import numpy
import torch
from torch import nn
from torch.nn import functional

import goldens

BATCH_SIZE, ROWS, VOCABULARY = 8, 24, 29
TOKENS, SOURCE_TOKENS = 21, 13

ADAMW = {"type": "adamw", "learning_rate": 1e-3, "betas": [0.9, 0.99], "epsilon": 1e-8, "weight_decay": 0.1}
CLIPPED = {"type": "global_norm", "threshold": 1}


def case(model, tokens=TOKENS):
    """One case's settings."""
    return {
        "model": {"inputs": [tokens], "outputs": VOCABULARY} | model,
        "loss": {"type": "cross_entropy", "label_smoothing": 0},
        "optimizer": ADAMW,
        "schedule": {"type": "constant"},
        "clipping": CLIPPED,
        "training": {"steps": goldens.STEPS, "batch_size": BATCH_SIZE, "rows": ROWS, "precision": "float32"},
    }


GPT = {"type": "transformer", "preset": "gpt", "layers": 3, "heads": 4, "width": 32}
LLAMA = {"type": "transformer", "preset": "llama", "layers": 2, "heads": 4, "kv_heads": 2, "width": 32}
SEQUENCES = {"type": "encoder_decoder", "preset": "gpt2", "layers": 2, "heads": 4, "width": 32,
             "position": "sinusoidal", "normalization_place": "post"}
RECURRENT = {"type": "recurrent", "width": 20, "units": 24, "layers": 2}
CASES = {
    "gpt": case(GPT),
    "gpt2": case(GPT | {"preset": "gpt2", "layers": 2}),
    "llama": case(LLAMA),
    "alibi": case(GPT | {"position": "alibi", "layers": 2, "heads": 4}),
    "relative": case(GPT | {"position": "relative", "layers": 2}, tokens=45),
    "no-position": case(GPT | {"position": "none", "layers": 1}),
    "encoder-decoder": case(SEQUENCES),
    "encoder-decoder-relative": case(SEQUENCES | {
        "position": "relative", "normalization_place": "pre", "tied_head": False, "encoder_layers": 1}),
    "lstm": case(RECURRENT | {"cell": "lstm"}),
    "gru": case(RECURRENT | {"cell": "gru"}),
    "rnn": case(RECURRENT | {"cell": "rnn", "tied_head": True, "width": 24}),
}

# What a preset says of the keys that a case leaves out.
PRESETS = {
    "gpt": {"feed_forward": "gelu", "normalization": "layer", "bias": False, "position": "learned", "tied_head": True},
    "gpt2": {"feed_forward": "gelu_tanh", "normalization": "layer", "bias": True, "position": "learned", "tied_head": True},
    "llama": {"feed_forward": "swiglu", "normalization": "rms", "bias": False, "position": "rope", "tied_head": False},
}


def rotated(x):
    """Rotary positions (Su et al. 2021) with the halves of LLaMA's published code; x is [B, H, T, d]."""
    half = x.shape[-1] // 2
    angles = torch.arange(x.shape[2], dtype=torch.float64)[:, None] * 10000.0 ** (-torch.arange(half, dtype=torch.float64) / half)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def alibi(heads, tokens, dtype):
    """Press et al. 2022: for a power of two of heads, slopes 2^(-8/H), 2^(-16/H), …"""
    slopes = 2.0 ** (-8.0 / heads * torch.arange(1, heads + 1, dtype=torch.float64))
    distance = torch.arange(tokens)[:, None] - torch.arange(tokens)
    return (-slopes[:, None, None] * distance).to(dtype)


def buckets(queries, keys, is_causal, count=32, farthest=128):
    """The number of the bias that a pair of places has in T5 (Raffel et al. 2020)."""
    relative = torch.arange(keys)[None] - torch.arange(queries)[:, None]
    bucket = torch.zeros_like(relative)
    if not is_causal:
        count //= 2
        bucket += (relative > 0).long() * count
        distance = relative.abs()
    else:
        distance = -relative.clamp(max=0)
    exact = count // 2
    far = exact + (torch.log(distance.clamp(min=1).double() / exact) / math.log(farthest / exact) * (count - exact)).long()
    return bucket + torch.where(distance < exact, distance, far.clamp(max=count - 1))


class RMSNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return self.weight * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5)


class Attention(nn.Module):
    """Scaled dot-product attention over heads; `other` is what a cross-attention reads keys and values from."""

    def __init__(self, model, is_causal, is_cross=False, shares=None):
        super().__init__()
        self.heads, self.kv_heads, width = model["heads"], model.get("kv_heads", model["heads"]), model["width"]
        self.size, self.is_causal, self.is_cross, self.position = width // self.heads, is_causal, is_cross, model["position"]
        bias, keys = model["bias"], 2 * self.kv_heads * (width // self.heads)
        if is_cross:
            self.q, self.kv = nn.Linear(width, width, bias), nn.Linear(width, keys, bias)
        else:
            self.qkv = nn.Linear(width, width + keys, bias)
        self.proj = nn.Linear(width, width, bias)
        if self.position == "relative" and not is_cross:
            self.relative_attention_bias = nn.Embedding(32, self.heads) if shares is None else shares.relative_attention_bias

    def forward(self, x, other=None, lengths=None):
        B, T, D = x.shape
        keys = self.kv_heads * self.size
        q, k, v = (self.q(x), *self.kv(other).split(keys, -1)) if self.is_cross else self.qkv(x).split([D, keys, keys], -1)
        q, k, v = (y.view(B, y.shape[1], -1, self.size).transpose(1, 2) for y in (q, k, v))
        if self.position == "rope" and not self.is_cross:
            q, k = rotated(q), rotated(k)
        k, v = (y.repeat_interleave(self.heads // self.kv_heads, 1) for y in (k, v))
        S = k.shape[2]
        scores = q @ k.transpose(-1, -2) / math.sqrt(self.size)
        if self.position == "alibi" and not self.is_cross:
            scores = scores + alibi(self.heads, T, scores.dtype)
        if self.position == "relative" and not self.is_cross:
            scores = scores + self.relative_attention_bias(buckets(T, S, self.is_causal)).permute(2, 0, 1)
        if self.is_causal:
            scores = scores.masked_fill(torch.ones(T, S).triu(1).bool(), -math.inf)
        if lengths is not None:
            scores = scores.masked_fill(torch.arange(S) >= lengths[:, None, None, None], -math.inf)
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(B, T, D))


class FeedForward(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.kind, width, bias = model["feed_forward"], model["width"], model["bias"]
        if self.kind == "swiglu":
            hidden = ((8 * width + 2) // 3 + 31) // 32 * 32
            self.gate_up = nn.Linear(width, 2 * hidden, bias)
        else:
            hidden = 4 * width
            self.up = nn.Linear(width, hidden, bias)
        self.down = nn.Linear(hidden, width, bias)

    def forward(self, x):
        if self.kind == "swiglu":
            gate, up = self.gate_up(x).chunk(2, -1)
            return self.down(functional.silu(gate) * up)
        return self.down(functional.gelu(self.up(x), approximate="tanh" if self.kind == "gelu_tanh" else "none"))


class Block(nn.Module):
    def __init__(self, model, is_causal, has_cross=False, first=None):
        super().__init__()
        norm = RMSNorm if model["normalization"] == "rms" else (lambda d: nn.LayerNorm(d, bias=model["bias"]))
        self.is_pre, width = model.get("normalization_place", "pre") == "pre", model["width"]
        self.attention_norm, self.attention = norm(width), Attention(model, is_causal, shares=first and first.attention)
        if has_cross:
            self.cross_attention_norm, self.cross_attention = norm(width), Attention(model, False, is_cross=True)
        self.feed_forward_norm, self.feed_forward = norm(width), FeedForward(model)

    def forward(self, x, own_lengths=None, other=None, other_lengths=None):
        def branch(x, norm, f):
            return x + f(norm(x)) if self.is_pre else norm(x + f(x))
        x = branch(x, self.attention_norm, lambda y: self.attention(y, lengths=own_lengths))
        if other is not None:
            x = branch(x, self.cross_attention_norm, lambda y: self.cross_attention(y, other, other_lengths))
        return branch(x, self.feed_forward_norm, self.feed_forward)


class Stack(nn.Module):
    """Embedding and blocks, up to the norm behind the last."""

    def __init__(self, model, tokens, layers, is_causal, has_cross=False):
        super().__init__()
        width = model["width"]
        self.position, self.scale = model["position"], math.sqrt(width)
        self.token_embedding = nn.Embedding(VOCABULARY, width)
        if self.position == "learned":
            self.position_embedding = nn.Embedding(tokens, width)
        self.blocks = nn.ModuleList()
        for _ in range(layers):
            self.blocks.append(Block(model, is_causal, has_cross, self.blocks[0] if len(self.blocks) else None))
        if model.get("normalization_place", "pre") == "pre":
            self.norm = RMSNorm(width) if model["normalization"] == "rms" else nn.LayerNorm(width, bias=model["bias"])

    def places(self, x):
        if self.position == "learned":
            return x + self.position_embedding.weight[:x.shape[1]]
        if self.position == "sinusoidal":
            place, column = torch.arange(x.shape[1], dtype=torch.float64)[:, None], torch.arange(x.shape[2])
            angle = place / 10000.0 ** ((column // 2 * 2).double() / x.shape[2])
            return x * self.scale + torch.where(column % 2 == 0, angle.sin(), angle.cos()).to(x.dtype)
        return x

    def forward(self, ids, own_lengths=None, other=None, other_lengths=None):
        x = self.places(self.token_embedding(ids))
        for block in self.blocks:
            x = block(x, own_lengths, other, other_lengths)
        return self.norm(x) if hasattr(self, "norm") else x


class Transformer(Stack):
    def __init__(self, model):
        model = PRESETS[model["preset"]] | model
        super().__init__(model, model["inputs"][0], model["layers"], is_causal=True)
        self.head = nn.Linear(model["width"], VOCABULARY, bias=False)
        if model["tied_head"]:
            self.head.weight = self.token_embedding.weight

    def forward(self, ids):
        return self.head(super().forward(ids))


class EncoderDecoder(nn.Module):
    def __init__(self, model):
        super().__init__()
        model = PRESETS[model["preset"]] | model
        self.encoder = Stack(model, SOURCE_TOKENS, model.get("encoder_layers", model["layers"]), is_causal=False)
        self.decoder = Stack(model, model["inputs"][0], model["layers"], is_causal=True, has_cross=True)
        self.head = nn.Linear(model["width"], VOCABULARY, bias=False)
        if model["tied_head"]:
            self.decoder.token_embedding.weight = self.head.weight = self.encoder.token_embedding.weight

    def forward(self, ids, source, lengths):
        memory = self.encoder(source, own_lengths=lengths)
        return self.head(self.decoder(ids, other=memory, other_lengths=lengths))


class Recurrent(nn.Module):
    def __init__(self, model):
        super().__init__()
        kind = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[model["cell"]]
        self.token_embedding = nn.Embedding(VOCABULARY, model["width"])
        self.rnn = kind(model["width"], model["units"], model["layers"], batch_first=True)
        self.head = nn.Linear(model["units"], VOCABULARY, bias=not model.get("tied_head", False))
        if model.get("tied_head", False):
            self.head.weight = self.token_embedding.weight

    def forward(self, ids):
        return self.head(self.rnn(self.token_embedding(ids))[0])


def make_model(model):
    return {"transformer": Transformer, "encoder_decoder": EncoderDecoder, "recurrent": Recurrent}[model["type"]](model)


def make_tensors(name, settings):
    """Initial weights and data of one case, from numpy, so that no version of torch has a say in them.

    Scales and biases start away from 1 and 0, so that swapped or forgotten ones show at once.
    """
    random = numpy.random.Generator(numpy.random.PCG64(zlib.crc32(name.encode())))
    tensors = {}
    for key, value in make_model(settings["model"]).named_parameters():
        shape = tuple(value.shape)
        if len(shape) == 1:
            scale = "norm" in key and key.endswith("weight")
            tensors[key] = random.uniform(0.5, 1.5, shape) if scale else 0.1 * random.standard_normal(shape)
        elif "embedding" in key or "relative" in key:
            tensors[key] = 0.3 * random.standard_normal(shape)
        else:
            tensors[key] = random.standard_normal(shape) / math.sqrt(shape[1])
    tensors = {f"parameters/{key}": value.astype(numpy.float32) for key, value in tensors.items()}
    tokens = settings["model"]["inputs"][0]
    # A walk over the vocabulary with noise: there is something to learn, and never quite.
    steps = random.integers(1, 4, (ROWS, tokens + 1)).cumsum(1) + random.integers(0, VOCABULARY, (ROWS, 1))
    ids = (steps % VOCABULARY).astype(numpy.int32)
    tensors["input"], tensors["target"] = ids[:, :-1].copy(), ids[:, 1:].copy()
    if settings["model"]["type"] == "encoder_decoder":
        tensors["source"] = random.integers(0, VOCABULARY, (ROWS, SOURCE_TOKENS)).astype(numpy.int32)
        tensors["source_lengths"] = random.integers(1, SOURCE_TOKENS + 1, ROWS).astype(numpy.int32)
        ends = random.integers(1, tokens + 1, ROWS)
        tensors["target"][numpy.arange(tokens) >= ends[:, None]] = -1
    return tensors


def drop_undetermined(settings, golden):
    """Removes the numbers of what rounding alone decides: a bias of keys moves all of a query's scores alike.

    In the packed projections that bias is a part of a tensor, so nothing is dropped.
    """
    return []


FAMILY = goldens.Family("language", CASES, make_model, make_tensors, drop_undetermined)

if __name__ == "__main__":
    goldens.main(FAMILY, __doc__)
