"""What every peer script shares: its command line, the files it reads, the measurement and its one line of JSON."""
import argparse
import json
import sys
import time

import tensor_file
from cases import CASES, LEARNING_RATE, data_fields, rows_of_step

WARM_UP_STEPS = 3
FEWEST_STEPS = 5


def parse(description, families, options=()):
    """The command line of a peer that can play `families`; `options` are (name, help) of its own switches."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=[name for name, case in CASES.items() if case.family in families])
    parser.add_argument("--bf16", action="store_true", help="bfloat16 compute, float32 parameters")
    parser.add_argument("--seconds", type=float, default=10, help="how long to measure (default 10)")
    parser.add_argument("--losses", type=int, metavar="N", help="print the losses of N steps instead of times")
    parser.add_argument("--data", metavar="FILE", help="safetensors file with `input` and `target`, for --losses")
    parser.add_argument("--weights", metavar="FILE",
                        help="safetensors file with initial weights, for --losses; by default those in --data")
    parser.add_argument("--learning-rate", type=float, default=LEARNING_RATE,
                        help=f"AdamW's rate (default {LEARNING_RATE}); a small one keeps rounding from growing")
    parser.add_argument("--decay", choices=["all", "matrices"], default="all",
                        help="which tensors weight decay shrinks: all, or those of two or more dimensions")
    for name, text in options:
        parser.add_argument(name, action="store_true", help=text)
    arguments = parser.parse_args()
    if arguments.losses is not None and not arguments.data:
        parser.error("--losses needs --data FILE (Benchmarks/make_data.py writes one)")
    return arguments


def check_parameters(path, case, parameters):
    """Refuses parameters whose names or shapes are not the case's, in one line."""
    expected, found = CASES[case].parameter_shapes, {name: value.shape for name, value in parameters.items()}
    if not found:
        sys.exit(f"{path}: no weights; name a file that has them with --weights")
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            sys.exit(f"{path}: {name} has shape {found.get(name, 'missing')}, {case} expects "
                     f"{expected.get(name, 'no such tensor')}")


def read_inputs(arguments):
    """(parameters by PyTorch name, input, target, further fields) for --losses; refuses data that is not a multiple of the batch."""
    try:
        data = tensor_file.read(arguments.data)
        source = tensor_file.read(arguments.weights) if arguments.weights else data
    except (OSError, ValueError) as error:
        sys.exit(str(error))
    batch, fields = CASES[arguments.case].batch, data_fields(CASES[arguments.case])
    parameters = {name.removeprefix("parameters/"): value for name, value in source.items() if name not in fields}
    check_parameters(arguments.weights or arguments.data, arguments.case, parameters)
    missing = [name for name in fields if name not in data]
    if missing:
        sys.exit(f"{arguments.data}: no tensor `{missing[0]}`")
    rows = len(data["input"])
    if rows == 0 or rows % batch:
        sys.exit(f"{arguments.data}: {rows} rows, expected a multiple of {arguments.case}'s batch of {batch}")
    return parameters, *(data[name] for name in fields)


def batches(arrays, batch, steps):
    """The batch of each of `steps` steps: its part of each of `arrays`."""
    for step in range(steps):
        rows = rows_of_step(step, batch, len(arrays[0]))
        yield tuple(array[rows] for array in arrays)


def measure(step, seconds):
    """Times `step`, a whole training step that returns when it is done, for at least `seconds`; milliseconds."""
    began = time.perf_counter()
    for _ in range(WARM_UP_STEPS):
        step()
    warm_up, times = time.perf_counter() - began, []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < FEWEST_STEPS:
        start = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - start))
    times.sort()
    return {"median_ms": round(times[len(times) // 2], 4), "p90_ms": round(times[int(0.9 * len(times))], 4),
            "min_ms": round(times[0], 4), "steps": len(times), "warm_up_s": round(warm_up, 2)}


def report(peer, mode, arguments, parameters, **results):
    """Prints the one line of JSON."""
    print(json.dumps({"peer": peer, "mode": mode, "case": arguments.case,
                      "precision": "bfloat16" if arguments.bf16 else "float32", "parameters": parameters} | results))
