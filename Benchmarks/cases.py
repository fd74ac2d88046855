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


CASES = {
    "mlp20": MLPCase(depth=20, width=64, inputs=64, batch=64),
    "mlp50": MLPCase(depth=50, width=256, inputs=784, batch=128),
    "mlp50sigmoid": MLPCase(depth=50, width=256, inputs=784, batch=128, activation="sigmoid"),
    "mlpwide": MLPCase(depth=3, width=2048, inputs=784, batch=512),
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
