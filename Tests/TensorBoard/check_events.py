"""Reads a run's TensorBoard events with TensorBoard's own reader, and compares them with metrics.jsonl.

    python3 -m venv /tmp/tensorboard && /tmp/tensorboard/bin/pip install tensorboard
    /tmp/tensorboard/bin/python Tests/TensorBoard/check_events.py [.build/release/troupe]

Trains a small network, kills it after its first checkpoints, and resumes it: no point may be there twice, none may be
missing. Then looks at histograms, at the configuration's text and at what the HParams plugin makes of it. Prints "good" or
the first thing that is wrong. No part of the tests that `make test` runs, which need no Python.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata as hparams
from tensorboard.util import tensor_util

STEPS = 3000
CONFIGURATION = {
    "name": "events",
    "seed": 7,
    "data": {"type": "spirals", "points_per_class": 200, "batch_size": 32, "validation_fraction": 0.1},
    "model": {"type": "mlp", "depth": 3, "width": 16, "normalization": "batch"},
    "optimizer": {"type": "adamw", "learning_rate": 0.01, "groups": [{"pattern": "hidden.0.bias", "frozen": True}]},
    "training": {"duration": f"{STEPS} steps", "micro_batches": 2, "validate_every": "100 steps"},
    "norms": {"histograms_every": "50 steps"},
    "checkpoints": {"every": "100 steps"},
}
WEIGHTS = 16 * 2


def expect(condition, message):
    if not condition:
        sys.exit(f"wrong: {message}")


def records(run):
    with open(os.path.join(run, "metrics.jsonl")) as file:
        return [json.loads(line) for line in file]


def train(troupe, folder):
    """A run that was killed once, so that it has two event files."""
    with open(os.path.join(folder, "events.json"), "w") as file:
        json.dump(CONFIGURATION, file)
    run = os.path.join(folder, "checkpoints/events")
    quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([troupe, "train", "events.json"], **quiet)
    end = time.time() + 60
    while time.time() < end and process.poll() is None:
        names = os.listdir(run) if os.path.isdir(run) else []
        if sum(name.endswith(".h5") for name in names) >= 2:
            break
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    expect(process.wait() == -signal.SIGKILL, "the run was over before it could be killed")
    subprocess.run([troupe, "train", "events.json", "--resume"], check=True, **quiet)
    return run


def check_scalars(events, lines):
    steps = [line for line in lines if line["kind"] == "step"]
    loss = events.Scalars("loss/train")
    expect([point.step for point in loss] == list(range(1, STEPS + 1)), "steps of loss/train")
    close = all(abs(point.value - line["loss"]) <= 1e-6 * abs(line["loss"]) for point, line in zip(loss, steps))
    expect(close, "values of loss/train")
    validations = [line for line in lines if line["kind"] == "validation"]
    for tag, key in [("loss/validation", "loss"), ("accuracy/validation", "accuracy")]:
        points = events.Scalars(tag)
        expect([point.step for point in points] == [line["step"] for line in validations], f"steps of {tag}")
        expect(all(abs(p.value - line[key]) < 1e-5 for p, line in zip(points, validations)), f"values of {tag}")


def check_histograms(events):
    tags = events.Tags()["histograms"]
    for tag in ["parameters/hidden.0.weight", "gradients/hidden.0.weight", "parameters/hidden.0.bias"]:
        expect(tag in tags, f"no histogram {tag} among {tags}")
    expect("gradients/hidden.0.bias" not in tags, "a frozen tensor has a gradient")
    for tag in tags:
        steps = [point.step for point in events.Histograms(tag)]
        expect(steps == list(range(50, STEPS + 1, 50)), f"steps of {tag}: {steps[:10]}")
    for point in events.Histograms("gradients/hidden.0.weight"):
        value = point.histogram_value
        expect(value.num == WEIGHTS == sum(value.bucket), "numbers in a histogram")
        expect(value.min <= value.max and len(value.bucket) == len(value.bucket_limit), "a histogram's bounds")


def check_settings(events, run):
    text = tensor_util.make_ndarray(events.Tensors("configuration")[0].tensor_proto)[0].decode()
    with open(os.path.join(run, "config.resolved.json")) as file:
        resolved = json.load(file)
    expect(json.loads(text) == resolved, "the configuration's text")
    contents = events.PluginTagToContent("hparams")
    start = hparams.parse_session_start_info_plugin_data(contents[hparams.SESSION_START_INFO_TAG])
    expect(start.hparams["optimizer.learning_rate"].number_value == 0.01, "a number among the hyperparameters")
    expect(start.hparams["model.type"].string_value == "mlp", "a word among the hyperparameters")
    expect(start.hparams["data.shuffle"].bool_value == resolved["data"].get("shuffle", False), "a yes or no")
    end = hparams.parse_session_end_info_plugin_data(contents[hparams.SESSION_END_INFO_TAG])
    expect(end.status == 1 and end.end_time_secs >= start.start_time_secs > 1e9, "how the session ended")


def main():
    troupe = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else ".build/release/troupe")
    with tempfile.TemporaryDirectory() as folder:
        run = train(troupe, folder)
        files = [name for name in os.listdir(run) if name.startswith("events.out")]
        expect(len(files) == 2, f"expected the events of two sessions, found {files}")
        everything = {name: 0 for name in ["scalars", "histograms", "tensors", "images", "compressedHistograms"]}
        events = EventAccumulator(run, size_guidance=everything)
        events.Reload()
        check_scalars(events, records(run))
        check_histograms(events)
        check_settings(events, run)
    print("good")


main()
