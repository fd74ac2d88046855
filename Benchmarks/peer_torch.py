#!/usr/bin/env python3
"""Step time of PyTorch on the benchmark models.

    python3 -m venv peer && peer/bin/pip install torch numpy
    peer/bin/python Benchmarks/peer_torch.py mlp50 [--bf16] [--compile] [--flush-denormals] [--seconds 10]
    peer/bin/python Benchmarks/peer_torch.py mlp50 --losses 20 --data FILE [--weights FILE] [--decay matrices]

A step is zero_grad, forward, loss, backward, clip by global norm 1.0, fused AdamW, with the data in memory; PyTorch's
own initialisation when times are taken. Prints one JSON line.
"""
import contextlib
import math

import numpy
import torch
from torch import nn
from torch.nn import functional

import peer_runs
from cases import BETAS, CASES, CLIP_NORM, EPSILON, WEIGHT_DECAY, data_fields

THREADS = 2
ACTIVATIONS = {"relu": torch.relu, "sigmoid": torch.sigmoid}


class MLP(nn.Module):
    """The dense stack of an `MLPCase`."""

    def __init__(self, case):
        super().__init__()
        *hidden, (_, width, outputs) = case.sizes
        self.hidden = nn.ModuleList(nn.Linear(i, o) for _, i, o in hidden)
        self.head = nn.Linear(width, outputs)
        self.activation = ACTIVATIONS[case.activation]

    def forward(self, x):
        for linear in self.hidden:
            x = self.activation(linear(x))
        return self.head(x)


def class_loss(model, x, y):
    return functional.cross_entropy(model(x), y)


class BasicBlock(nn.Module):
    """He et al. 2015, figure 2, with batch norm and a projection where the shape changes."""

    def __init__(self, i, o, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        self.conv2, self.bn2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        changes = stride != 1 or i != o
        self.downsample = nn.Sequential(
            nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o)) if changes else nn.Identity()

    def forward(self, x):
        y = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(y)) + self.downsample(x))


class ResNet(nn.Module):
    """The network of a `ResNetCase`, in the memory layout that PyTorch is fastest with."""

    def __init__(self, case):
        super().__init__()
        width = case.widths[0]
        self.conv1, self.bn1 = nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        self.stages = [f"layer{stage + 1}" for stage in range(len(case.widths))]
        for stage in self.stages:
            setattr(self, stage, nn.Sequential(
                *(BasicBlock(i, o, stride) for name, i, o, stride in case.block_places if name.startswith(stage))))
        self.fc = nn.Linear(case.widths[-1], case.outputs)
        self.to(memory_format=torch.channels_last)

    def forward(self, x):
        # [B, H, W, C] seen as PyTorch's [B, C, H, W] is what it calls channels last; nothing is copied.
        x = functional.relu(self.bn1(self.conv1(x.permute(0, 3, 1, 2))))
        for stage in self.stages:
            x = getattr(self, stage)(x)
        return self.fc(x.mean((2, 3)))


class GPTBlock(nn.Module):
    """Attention and feed-forward network of a `GPTCase`, each behind its norm."""

    def __init__(self, case):
        super().__init__()
        d = case.width
        self.heads = case.heads
        self.attention_norm, self.feed_forward_norm = nn.LayerNorm(d, bias=False), nn.LayerNorm(d, bias=False)
        self.attention = nn.ModuleDict({"qkv": nn.Linear(d, 3 * d, bias=False), "proj": nn.Linear(d, d, bias=False)})
        self.feed_forward = nn.ModuleDict({"up": nn.Linear(d, 4 * d, bias=False), "down": nn.Linear(4 * d, d, bias=False)})

    def forward(self, x):
        B, T, D = x.shape
        qkv = self.attention["qkv"](self.attention_norm(x)).view(B, T, 3, self.heads, D // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.attention["proj"](y.transpose(1, 2).reshape(B, T, D))
        y = functional.gelu(self.feed_forward["up"](self.feed_forward_norm(x)), approximate="tanh")
        return x + self.feed_forward["down"](y)


class GPT(nn.Module):
    """The network of a `GPTCase`."""

    def __init__(self, case):
        super().__init__()
        self.token_embedding = nn.Embedding(case.vocabulary, case.width)
        self.position_embedding = nn.Embedding(case.tokens, case.width)
        self.blocks = nn.ModuleList(GPTBlock(case) for _ in range(case.layers))
        self.norm = nn.LayerNorm(case.width, bias=False)
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.normal_(p, std=0.02)

    def forward(self, ids):
        x = self.token_embedding(ids) + self.position_embedding.weight
        for block in self.blocks:
            x = block(x)
        return functional.linear(self.norm(x), self.token_embedding.weight)


class LSTM(nn.Module):
    """The network of an `LSTMCase`."""

    def __init__(self, case):
        super().__init__()
        self.token_embedding = nn.Embedding(case.vocabulary, case.width)
        self.rnn = nn.LSTM(case.width, case.width, case.layers, batch_first=True)
        self.head = nn.Linear(case.width, case.vocabulary)

    def forward(self, ids):
        return self.head(self.rnn(self.token_embedding(ids))[0])


def token_loss(model, x, y):
    return functional.cross_entropy(model(x).flatten(0, 1), y.flatten())


class SpatialAttention(nn.Module):
    """Every pixel looks at all pixels."""

    def __init__(self, c):
        super().__init__()
        self.norm, self.qkv, self.proj = nn.GroupNorm(32, c), nn.Conv2d(c, 3 * c, 1), nn.Conv2d(c, c, 1)

    def forward(self, x):
        B, C, H, W = x.shape
        q, k, v = self.qkv(self.norm(x)).view(B, 3, C, H * W).permute(1, 0, 3, 2)
        a = functional.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None])[:, 0]
        return x + self.proj(a.transpose(1, 2).reshape(B, C, H, W))


class UNetBlock(nn.Module):
    """A residual block of Ho et al. 2020 and, where the level has it, attention."""

    def __init__(self, i, o, t, attends):
        super().__init__()
        self.norm1, self.conv1, self.condition = nn.GroupNorm(32, i), nn.Conv2d(i, o, 3, 1, 1), nn.Linear(t, o)
        self.norm2, self.conv2 = nn.GroupNorm(32, o), nn.Conv2d(o, o, 3, 1, 1)
        self.skip = nn.Conv2d(i, o, 1) if i != o else nn.Identity()
        self.attention = SpatialAttention(o) if attends else nn.Identity()

    def forward(self, x, t):
        h = self.conv1(functional.silu(self.norm1(x))) + self.condition(functional.silu(t))[:, :, None, None]
        return self.attention(self.skip(x) + self.conv2(functional.silu(self.norm2(h))))


class UNet(nn.Module):
    """The network of a `UNetCase`, in the memory layout that PyTorch is fastest with."""

    def __init__(self, case):
        super().__init__()
        c, t = case.channels, 4 * case.channels
        self.channels, self.stem = c, nn.Conv2d(case.colors, c, 3, 1, 1)
        self.time = nn.Sequential(nn.Linear(c, t), nn.SiLU(), nn.Linear(t, t))
        self.down, self.up, self.middle = nn.ModuleDict(), nn.ModuleDict(), nn.ModuleList()
        for name, i, o, attends in case.block_places:
            block, (part, *place) = UNetBlock(i, o, t, attends), name.split(".")
            if part == "middle":
                self.middle.append(block)
                continue
            levels = getattr(self, part)
            if place[0] not in levels:
                levels[place[0]] = nn.ModuleDict()
            levels[place[0]][place[1]] = block
        widths = [c * m for m in case.multipliers]
        for level, width in enumerate(widths):
            if level < len(widths) - 1:
                self.down[str(level)]["downsample"] = nn.Conv2d(width, width, 3, 2, 1)
            if level:
                self.up[str(level)]["upsample"] = nn.Conv2d(width, width, 3, 1, 1)
        self.norm, self.out = nn.GroupNorm(32, c), nn.Conv2d(c, case.colors, 3, 1, 1)
        self.to(memory_format=torch.channels_last)

    def forward(self, x, time):
        half = self.channels // 2
        angles = time[:, None].float() * torch.exp(-math.log(1e4) * torch.arange(half) / half)
        t = self.time(torch.cat([angles.sin(), angles.cos()], 1))
        x = self.stem(x.permute(0, 3, 1, 2))
        kept = [x]
        for parts in self.down.values():
            for name, part in parts.items():
                x = part(x) if name == "downsample" else part(x, t)
                kept.append(x)
        for block in self.middle:
            x = block(x, t)
        for parts in self.up.values():
            for name, part in parts.items():
                x = part(functional.interpolate(x, scale_factor=2.0)) if name == "upsample" \
                    else part(torch.cat([x, kept.pop()], 1), t)
        return self.out(functional.silu(self.norm(x))).permute(0, 2, 3, 1)


def noise_loss(model, x, y, time):
    return functional.mse_loss(model(x, time), y)


# family -> (model of a case, loss of (model, input, target, further fields))
FAMILIES = {"mlp": (MLP, class_loss), "resnet": (ResNet, class_loss), "gpt": (GPT, token_loss), "lstm": (LSTM, token_loss),
            "unet": (UNet, noise_loss)}


def make_optimizer(model, rate, decay):
    """Fused AdamW over all parameters, or over two groups where only matrices decay."""
    groups = model.parameters()
    if decay == "matrices":
        groups = [{"params": [p for p in model.parameters() if p.dim() >= 2]},
                  {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, betas=BETAS, eps=EPSILON, weight_decay=WEIGHT_DECAY, fused=True)


def as_tensor(array):
    """A torch tensor of a numpy array; class numbers as the int64 that PyTorch's losses want."""
    return torch.from_numpy(array if array.dtype == numpy.float32 else array.astype(numpy.int64))


def main():
    a = peer_runs.parse(__doc__, FAMILIES, [
        ("--compile", "torch.compile the forward pass and the loss"),
        ("--flush-denormals", "flush denormals to zero, which is not PyTorch's default")])
    if a.flush_denormals:
        # Before the first parallel operation: worker threads inherit the setting when they start.
        torch.set_flush_denormal(True)
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    case = CASES[a.case]
    make_model, loss_of = FAMILIES[case.family]
    model = make_model(case)

    def forward(*batch):
        with torch.autocast("cpu", dtype=torch.bfloat16) if a.bf16 else contextlib.nullcontext():
            return loss_of(model, *batch)
    if a.compile:
        forward = torch.compile(forward)
    optimizer = make_optimizer(model, a.learning_rate, a.decay)

    def step(batch):
        optimizer.zero_grad(set_to_none=True)
        loss = forward(*batch)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
        optimizer.step()
        return loss

    if a.losses is not None:
        parameters, *arrays = peer_runs.read_inputs(a)
        own = model.state_dict()
        # A matrix is a convolution's window of one pixel, too.
        weights = {name: as_tensor(value).reshape(own[name].shape) for name, value in parameters.items()}
        # Strict but for the count of batches, which PyTorch keeps beside running statistics.
        missing, _ = model.load_state_dict(weights, strict=False)
        assert all(name.endswith("num_batches_tracked") for name in missing), missing
        results = {"losses": [step([as_tensor(array) for array in batch]).item()
                              for batch in peer_runs.batches(arrays, case.batch, a.losses)]}
    else:
        data = case.make_data(numpy.random.default_rng(0), 1)
        batch = [as_tensor(data[name]) for name in data_fields(case)]
        results = peer_runs.measure(lambda: step(batch), a.seconds)
    mode = "compile" if a.compile else "eager"
    peer_runs.report(f"torch {torch.__version__}", mode + ("+flush" if a.flush_denormals else ""), a,
                     sum(p.numel() for p in model.parameters()), **results)


if __name__ == "__main__":
    main()
