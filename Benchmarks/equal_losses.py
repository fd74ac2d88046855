#!/usr/bin/env python3
"""Compares loss curves: equal losses from equal weights and data are the proof of equal work.

    python3 Benchmarks/equal_losses.py A B [--tolerance 1e-4]

A and B are each a JSON object with `losses` (what the peers print), or JSON lines whose objects have a number `loss`
(a run's metrics.jsonl). Prints the largest relative difference; exit code 1 when it is above the tolerance.
"""
import argparse
import json
import math
import sys


def read_losses(path):
    """The losses of a file in order; raises ValueError when it has none."""
    with open(path) as file:
        records = [json.loads(line) for line in file if line.strip().startswith("{")]
    for record in reversed(records):
        if "losses" in record:
            return record["losses"]
    losses = [record["loss"] for record in records if isinstance(record.get("loss"), (int, float))]
    if not losses:
        raise ValueError(f"{path}: no line is a JSON object with `losses` or `loss`")
    return losses


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs=2)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    arguments = parser.parse_args()
    try:
        a, b = (read_losses(path) for path in arguments.files)
    except (OSError, ValueError) as error:
        sys.exit(str(error))
    if len(a) != len(b):
        sys.exit(f"{arguments.files[0]} has {len(a)} losses, {arguments.files[1]} has {len(b)}")
    differences = [abs(x - y) / max(abs(y), 1e-30) for x, y in zip(a, b)]
    differences = [math.inf if math.isnan(d) else d for d in differences]
    worst = max(differences)
    step, equal = differences.index(worst), worst <= arguments.tolerance
    print(f"{len(a)} losses, largest relative difference {worst:.1e} in step {step}: "
          f"{'equal' if equal else 'DIFFERENT'} within {arguments.tolerance:g}")
    sys.exit(0 if equal else 1)


if __name__ == "__main__":
    main()
