#!/usr/bin/env python3
"""Writes a case's fixed data and initial weights as one safetensors file, for proofs of equal work.

    python3 Benchmarks/make_data.py mlp50 /tmp/mlp50.safetensors [--batches 5] [--seed 1]

Tensors: `input`, `target`, and `parameters/NAME` under PyTorch's names and layouts. Made by numpy from (case, seed).
"""
import argparse
import zlib

import numpy

import tensor_file
from cases import CASES


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=CASES)
    parser.add_argument("output")
    parser.add_argument("--batches", type=int, default=5, help="how many distinct batches (default 5)")
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    random = numpy.random.Generator(numpy.random.PCG64([a.seed, zlib.crc32(a.case.encode())]))
    tensors = CASES[a.case].make_data(random, a.batches)
    tensors |= {f"parameters/{name}": value for name, value in CASES[a.case].make_parameters(random).items()}
    tensor_file.write(a.output, tensors)


if __name__ == "__main__":
    main()
