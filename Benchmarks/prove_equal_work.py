#!/usr/bin/env python3
"""Trains a benchmark case in Troupe and in PyTorch from the same weights on the same data, and compares 20 losses.

    peer/bin/python Benchmarks/prove_equal_work.py mlp20 mlp50 mlp50sigmoid mlpwide [--troupe .build/release/troupe]

Needs torch, numpy and h5py in the Python it runs under. Prints one line a case; exit code 1 when any differs.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import h5py

import tensor_file
from cases import CASES, data_fields

HERE = pathlib.Path(__file__).resolve().parent
STEPS = 20
# At the benchmark's own rate rounding alone drives two runs apart (README, "Proof of equal work").
LEARNING_RATE = 1e-6


def run(command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{result.stderr}")
    return result.stdout


def prove(name, troupe, folder):
    case = CASES[name]
    everything = folder / f"{name}.safetensors"
    run([sys.executable, HERE / "make_data.py", name, everything])
    tensors = tensor_file.read(everything)
    weights = folder / f"{name}-weights.safetensors"
    tensor_file.write(weights, {k.removeprefix("parameters/"): v for k, v in tensors.items() if k.startswith("parameters/")})
    with h5py.File(folder / f"{name}.h5", "w") as file:
        for field in data_fields(case):
            file[field] = tensors[field]
    losses = folder / f"{name}-torch.json"
    losses.write_text(run([sys.executable, HERE / "peer_torch.py", name, "--losses", str(STEPS),
                           "--learning-rate", str(LEARNING_RATE), "--data", everything]))
    own = {"gpt": lambda: dict(vocabulary=case.vocabulary), "lstm": lambda: dict(vocabulary=case.vocabulary),
           "unet": lambda: dict(fields=[dict(name="time", classes=case.steps)])}
    classes = own.get(case.family, lambda: dict(classes=case.outputs))()
    data = dict(type="hdf5", file=str(folder / f"{name}.h5"), inputs="input", targets="target", batch_size=case.batch,
                validation_fraction=0, shuffle=False) | classes
    run([troupe, "train", HERE.parent / "Configs" / "benchmark" / f"{name}.json", "--run-dir", folder / name,
         "--init-from", weights, "--set", f"data={json.dumps(data)}", "--set", f"optimizer.learning_rate={LEARNING_RATE}",
         # Batch norm looks at one micro-batch, PyTorch's at the whole batch.
         *(["--set", "training.micro_batches=1"] if case.family == "resnet" else []),
         "--set", f'training.duration="{STEPS} steps"', "--set", "training.precision=float32"])
    outcome = subprocess.run([sys.executable, HERE / "equal_losses.py", losses, folder / name / "metrics.jsonl"],
                             capture_output=True, text=True)
    print(f"{name}: {outcome.stdout.strip()}{outcome.stderr.strip()}")
    return outcome.returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="+", choices=CASES)
    parser.add_argument("--troupe", default=HERE.parent / ".build" / "release" / "troupe")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = [prove(name, arguments.troupe, pathlib.Path(folder)) for name in arguments.cases]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
