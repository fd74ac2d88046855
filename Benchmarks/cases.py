"""The benchmark models as plain numbers, shared by every peer, and the fixed data for proofs of equal work.

A new family is a dataclass like `MLPCase`, entries in `CASES`, and a builder in each peer script's `FAMILIES`.
"""
import math
from dataclasses import dataclass

import numpy


@dataclass(frozen=True)
class MLPCase:
    """inputs → depth × (Linear to width, activation) → Linear to outputs; mean cross-entropy over the batch."""
    depth: int
    width: int
    inputs: int
    batch: int
    activation: str = "relu"
    outputs: int = 10
    family = "mlp"

    @property
    def sizes(self):
        """(name, inputs, outputs) of every linear layer under its PyTorch name."""
        hidden = [(f"hidden.{k}", self.width if k else self.inputs, self.width) for k in range(self.depth)]
        return hidden + [("head", self.width, self.outputs)]

    @property
    def parameter_shapes(self):
        """The shape of every parameter under its PyTorch name."""
        weights = {f"{name}.weight": (o, i) for name, i, o in self.sizes}
        return weights | {f"{name}.bias": (o,) for name, _, o in self.sizes}

    def make_parameters(self, random):
        """He-normal weights [out, in], or Glorot-normal ones for sigmoid, and small biases; float32."""
        parameters = {}
        for name, i, o in self.sizes:
            deviation = math.sqrt(2 / (i + o) if self.activation == "sigmoid" or name == "head" else 2 / i)
            parameters[f"{name}.weight"] = deviation * random.standard_normal((o, i))
            parameters[f"{name}.bias"] = 0.01 * random.standard_normal(o)
        return {name: value.astype(numpy.float32) for name, value in parameters.items()}

    def make_data(self, random, batches):
        """`input` float32 [batches·batch, inputs], normal, and `target` int32 classes."""
        rows = batches * self.batch
        return {
            "input": random.standard_normal((rows, self.inputs)).astype(numpy.float32),
            "target": random.integers(0, self.outputs, rows).astype(numpy.int32),
        }


@dataclass(frozen=True)
class ResNetCase:
    """CIFAR ResNet of He et al. 2015, section 4.2, projection shortcuts: `blocks` basic blocks in each stage of `widths`."""
    blocks: int
    widths: tuple
    batch: int
    size: int = 32
    outputs: int = 10
    family = "resnet"

    @property
    def block_places(self):
        """(name, channels in, channels out, stride) of every block under torchvision's names."""
        places, channels = [], self.widths[0]
        for stage, width in enumerate(self.widths):
            for number in range(self.blocks):
                places.append((f"layer{stage + 1}.{number}", channels, width, 2 if stage and number == 0 else 1))
                channels = width
        return places

    @property
    def parameter_shapes(self):
        """The shape of every parameter and running statistic under its PyTorch name."""
        def norm(name, channels):
            return {f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}
        shapes = {"conv1.weight": (self.widths[0], 3, 3, 3)} | norm("bn1", self.widths[0])
        for name, i, o, stride in self.block_places:
            shapes |= {f"{name}.conv1.weight": (o, i, 3, 3), f"{name}.conv2.weight": (o, o, 3, 3)}
            shapes |= norm(f"{name}.bn1", o) | norm(f"{name}.bn2", o)
            if stride != 1 or i != o:
                shapes |= {f"{name}.downsample.0.weight": (o, i, 1, 1)} | norm(f"{name}.downsample.1", o)
        return shapes | {"fc.weight": (self.outputs, self.widths[-1]), "fc.bias": (self.outputs,)}

    def make_parameters(self, random):
        """He-normal weights, scales around 1, everything else small; float32."""
        parameters = {}
        for name, shape in self.parameter_shapes.items():
            if len(shape) > 1:
                value = math.sqrt(2 / math.prod(shape[1:])) * random.standard_normal(shape)
            elif name.endswith("running_var") or (name.endswith("weight") and name != "fc.weight"):
                value = random.uniform(0.8, 1.2, shape)
            else:
                value = 0.01 * random.standard_normal(shape)
            parameters[name] = value.astype(numpy.float32)
        return parameters

    def make_data(self, random, batches):
        """`input` float32 [batches·batch, H, W, 3], normal, and `target` int32 classes."""
        rows = batches * self.batch
        return {
            "input": random.standard_normal((rows, self.size, self.size, 3)).astype(numpy.float32),
            "target": random.integers(0, self.outputs, rows).astype(numpy.int32),
        }


@dataclass(frozen=True)
class GPTCase:
    """nanoGPT's shape: learned positions, pre-norm, no biases, GELU in its tanh form, head tied to the embedding."""
    layers: int
    width: int
    heads: int
    tokens: int
    batch: int
    vocabulary: int = 65
    family = "gpt"

    @property
    def parameter_shapes(self):
        """The shape of every parameter under Troupe's names."""
        d = self.width
        shapes = {"token_embedding.weight": (self.vocabulary, d), "position_embedding.weight": (self.tokens, d)}
        for block in (f"blocks.{k}" for k in range(self.layers)):
            shapes |= {f"{block}.attention_norm.weight": (d,), f"{block}.attention.qkv.weight": (3 * d, d),
                       f"{block}.attention.proj.weight": (d, d), f"{block}.feed_forward_norm.weight": (d,),
                       f"{block}.feed_forward.up.weight": (4 * d, d), f"{block}.feed_forward.down.weight": (d, 4 * d)}
        return shapes | {"norm.weight": (d,)}

    def make_parameters(self, random):
        """Normal weights of deviation 0.02, scales around 1; float32."""
        return {name: (0.02 * random.standard_normal(shape) if len(shape) > 1 else random.uniform(0.8, 1.2, shape))
                .astype(numpy.float32) for name, shape in self.parameter_shapes.items()}

    def make_data(self, random, batches):
        return make_tokens(self, random, batches)


@dataclass(frozen=True)
class LSTMCase:
    """Embedding, stacked LSTM of the same width, linear head."""
    layers: int
    width: int
    tokens: int
    batch: int
    vocabulary: int = 65
    family = "lstm"

    @property
    def parameter_shapes(self):
        """The shape of every parameter under Troupe's names, which are PyTorch's."""
        d = self.width
        shapes = {"token_embedding.weight": (self.vocabulary, d)}
        for k in range(self.layers):
            shapes |= {f"rnn.weight_ih_l{k}": (4 * d, d), f"rnn.weight_hh_l{k}": (4 * d, d),
                       f"rnn.bias_ih_l{k}": (4 * d,), f"rnn.bias_hh_l{k}": (4 * d,)}
        return shapes | {"head.weight": (self.vocabulary, d), "head.bias": (self.vocabulary,)}

    def make_parameters(self, random):
        """Uniform within ±1/√width, as PyTorch's; float32."""
        bound = 1 / math.sqrt(self.width)
        return {name: random.uniform(-bound, bound, shape).astype(numpy.float32)
                for name, shape in self.parameter_shapes.items()}

    def make_data(self, random, batches):
        return make_tokens(self, random, batches)


@dataclass(frozen=True)
class UNetCase:
    """The U-Net of Ho et al. 2020: attention at `attended` pixels and in the middle, mean squared error of the noise."""
    channels: int
    multipliers: tuple
    blocks: int
    size: int
    attended: tuple
    batch: int
    colors: int = 3
    steps: int = 1000
    family = "unet"
    further_fields = ("time",)

    @property
    def block_places(self):
        """(name, channels in, channels out, whether attention follows) of every block under Troupe's names."""
        widths, places, kept, i = [self.channels * m for m in self.multipliers], [], [self.channels], self.channels
        for level, o in enumerate(widths):
            for k in range(self.blocks):
                places.append((f"down.{level}.{k}", i, o, self.size >> level in self.attended))
                kept.append(o)
                i = o
            if level < len(widths) - 1:
                kept.append(i)
        places += [("middle.0", i, i, True), ("middle.1", i, i, False)]
        for level, o in reversed(list(enumerate(widths))):
            for k in range(self.blocks + 1):
                places.append((f"up.{level}.{k}", i + kept.pop(), o, self.size >> level in self.attended))
                i = o
        return places

    @property
    def parameter_shapes(self):
        """The shape of every parameter under Troupe's names."""
        shapes, c, t = {}, self.channels, 4 * self.channels

        def add(name, *weight):
            shapes[f"{name}.weight"], shapes[f"{name}.bias"] = weight, weight[:1]
        add("time.0", t, c)
        add("time.2", t, t)
        add("stem", c, self.colors, 3, 3)
        for name, i, o, attends in self.block_places:
            add(f"{name}.norm1", i)
            add(f"{name}.conv1", o, i, 3, 3)
            add(f"{name}.condition", o, t)
            add(f"{name}.norm2", o)
            add(f"{name}.conv2", o, o, 3, 3)
            if i != o:
                add(f"{name}.skip", o, i, 1, 1)
            if attends:
                add(f"{name}.attention.norm", o)
                add(f"{name}.attention.qkv", 3 * o, o)
                add(f"{name}.attention.proj", o, o)
        for level, width in enumerate(c * m for m in self.multipliers):
            if level < len(self.multipliers) - 1:
                add(f"down.{level}.downsample", width, width, 3, 3)
            if level:
                add(f"up.{level}.upsample", width, width, 3, 3)
        add("norm", c)
        add("out", self.colors, c, 3, 3)
        return shapes

    def make_parameters(self, random):
        """Normal weights of variance 1 / fan in, scales around 1, small biases; float32."""
        parameters = {}
        for name, shape in self.parameter_shapes.items():
            if len(shape) > 1:
                value = random.standard_normal(shape) / math.sqrt(math.prod(shape[1:]))
            elif "norm" in name.split(".")[-2] and name.endswith("weight"):
                value = random.uniform(0.8, 1.2, shape)
            else:
                value = 0.01 * random.standard_normal(shape)
            parameters[name] = value.astype(numpy.float32)
        return parameters

    def make_data(self, random, batches):
        """`input` and `target` float32 [batches·batch, H, W, colors], normal, and `time` int32."""
        rows = batches * self.batch
        images = (rows, self.size, self.size, self.colors)
        return {
            "input": random.standard_normal(images).astype(numpy.float32),
            "target": random.standard_normal(images).astype(numpy.float32),
            "time": random.integers(0, self.steps, rows).astype(numpy.int32),
        }


def data_fields(case):
    """Names of the tensors that a batch of a case consists of."""
    return ("input", "target", *getattr(case, "further_fields", ()))


def make_tokens(case, random, batches):
    """`input` and `target` int32 [batches·batch, tokens], random."""
    shape = (batches * case.batch, case.tokens)
    return {name: random.integers(0, case.vocabulary, shape).astype(numpy.int32) for name in ("input", "target")}


CASES = {
    "mlp20": MLPCase(depth=20, width=64, inputs=64, batch=64),
    "mlp50": MLPCase(depth=50, width=256, inputs=784, batch=128),
    "mlp50sigmoid": MLPCase(depth=50, width=256, inputs=784, batch=128, activation="sigmoid"),
    "mlpwide": MLPCase(depth=3, width=2048, inputs=784, batch=512),
    "rn20": ResNetCase(blocks=3, widths=(16, 32, 64), batch=128),
    "rn18c": ResNetCase(blocks=2, widths=(64, 128, 256, 512), batch=64),
    "gpt1": GPTCase(layers=4, width=128, heads=4, tokens=64, batch=12),
    "gpt10": GPTCase(layers=6, width=384, heads=6, tokens=256, batch=16),
    "unet32": UNetCase(channels=64, multipliers=(1, 2, 2, 2), blocks=2, size=32, attended=(16,), batch=16),
    "lstm": LSTMCase(layers=2, width=256, tokens=128, batch=32),
}

# The step of every case: forward, loss, backward, clip by the global norm, AdamW at a constant rate.
LEARNING_RATE = 1e-3
BETAS = (0.9, 0.999)
EPSILON = 1e-8
WEIGHT_DECAY = 0.01
CLIP_NORM = 1.0


def rows_of_step(step, batch, count):
    """The rows that step `step` sees: the data in order, from the start again when it ends."""
    return [(step * batch + i) % count for i in range(batch)]
