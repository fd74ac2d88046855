#!/usr/bin/env python3
"""Step time of JAX on the benchmark models.

    python3 -m venv peerjax && peerjax/bin/pip install jax optax numpy
    peerjax/bin/python Benchmarks/peer_jax.py mlp50 [--bf16] [--seconds 10]
    peerjax/bin/python Benchmarks/peer_jax.py mlp50 --losses 20 --data FILE [--weights FILE] [--decay matrices]

A step is one jitted function with donated buffers: forward, loss, backward, clip by global norm 1.0, AdamW, with the
data in memory. Prints one JSON line.
"""
import jax
import jax.numpy as jnp
import numpy
import optax

import peer_runs
from cases import BETAS, CASES, CLIP_NORM, EPSILON, WEIGHT_DECAY

ACTIVATIONS = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid}


def linear(parameters, name, x, compute):
    """x [B, in] times the kernel [in, out] plus the bias, in the precision `compute`."""
    y = x.astype(compute) @ parameters[f"{name}.weight"].astype(compute)
    return y + parameters[f"{name}.bias"].astype(compute)


def mlp_loss(case, compute):
    """The loss of an `MLPCase` as a function of (parameters, input, target)."""
    activation, names = ACTIVATIONS[case.activation], [name for name, _, _ in case.sizes]

    def loss(parameters, x, y):
        for name in names[:-1]:
            x = activation(linear(parameters, name, x, compute))
        logits = linear(parameters, names[-1], x, compute).astype(jnp.float32)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()
    return loss


def from_torch(parameters):
    """Linear weights [out, in] become kernels [in, out], the layout in which JAX code keeps them."""
    return {name: jnp.asarray(value.T if value.ndim == 2 else value) for name, value in parameters.items()}


# family -> (loss of a case and a precision, conversion of parameters from PyTorch's layout)
FAMILIES = {"mlp": (mlp_loss, from_torch)}


def make_optimizer(rate, decay):
    mask = (lambda tree: jax.tree.map(lambda leaf: leaf.ndim >= 2, tree)) if decay == "matrices" else None
    return optax.chain(optax.clip_by_global_norm(CLIP_NORM),
                       optax.adamw(rate, *BETAS, eps=EPSILON, weight_decay=WEIGHT_DECAY, mask=mask))


def main():
    a = peer_runs.parse(__doc__, FAMILIES)
    case = CASES[a.case]
    make_loss, convert = FAMILIES[case.family]
    if a.losses is not None:
        parameters, *arrays = peer_runs.read_inputs(a)
    else:
        random = numpy.random.default_rng(0)
        parameters, data = case.make_parameters(random), case.make_data(random, 1)
    parameters = convert(parameters)
    count = sum(leaf.size for leaf in jax.tree.leaves(parameters))
    loss, optimizer = make_loss(case, jnp.bfloat16 if a.bf16 else jnp.float32), make_optimizer(a.learning_rate, a.decay)
    state = optimizer.init(parameters)

    def update(parameters, state, x, y):
        value, gradients = jax.value_and_grad(loss)(parameters, x, y)
        updates, state = optimizer.update(gradients, state, parameters)
        return optax.apply_updates(parameters, updates), state, value
    update = jax.jit(update, donate_argnums=(0, 1))

    def step(x, y):
        nonlocal parameters, state
        parameters, state, value = update(parameters, state, x, y)
        return value.block_until_ready()

    if a.losses is not None:
        results = {"losses": [float(step(x, y))
                              for x, y in peer_runs.batches(arrays, case.batch, a.losses)]}
    else:
        x, y = jnp.asarray(data["input"]), jnp.asarray(data["target"])
        results = peer_runs.measure(lambda: step(x, y), a.seconds)
    peer_runs.report(f"jax {jax.__version__}", "jit", a, count, **results)


if __name__ == "__main__":
    main()
