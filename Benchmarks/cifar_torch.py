#!/usr/bin/env python3
"""Trains ResNet-20 in PyTorch on pictures in a tar archive (train/CLASS/…, test/CLASS/…), and says its test accuracy.

    peer/bin/python Benchmarks/cifar_torch.py cifar10.tar --epochs 30 --threads 2

The peer of the row "batch 128" of BENCHMARKS.md: He initialisation, SGD with Nesterov momentum, weight decay 5e-4 of
weights alone, an epoch of warm-up and a cosine to 0, crops by 4 with black borders, flips, bfloat16. It trains on all of
train/. Needs torch, numpy and pillow; prints a line after every epoch.
"""
import argparse
import io
import math
import pathlib
import sys
import tarfile
import time

import numpy
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Tests" / "Golden"))
import make_resnet_goldens

PADDING, EVALUATED = 4, 500


def read(path):
    """{split: (pictures (N, H, W, 3) in 0…1, labels (N,))}; labels are the classes' places in alphabetical order."""
    pictures, names = {"train": [], "test": []}, {"train": [], "test": []}
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile():
                split, name = member.name.split("/")[:2]
                with Image.open(io.BytesIO(archive.extractfile(member).read())) as image:
                    pictures[split].append(numpy.asarray(image.convert("RGB")))
                names[split].append(name)
    labels = {name: label for label, name in enumerate(sorted(set(names["train"])))}
    return {
        split: (torch.from_numpy(numpy.stack(pictures[split])).float() / 255,
                torch.tensor([labels[name] for name in names[split]]))
        for split in pictures
    }


def crops(padded, index, size):
    """Windows of some padded pictures at random places, each mirrored with a probability of a half."""
    count, pixels = len(index), torch.arange(size)
    top, left = torch.randint(0, 2 * PADDING + 1, (2, count))
    mirrored = torch.rand(count) < 0.5
    columns = torch.where(mirrored[:, None], size - 1 - pixels, pixels) + left[:, None]
    rows = top[:, None] + pixels
    return padded[index[:, None, None], rows[:, :, None], columns[:, None, :]]


def accuracy(model, pictures, labels):
    model.eval()
    with torch.no_grad():
        answers = torch.cat([model(part).argmax(1) for part in pictures.split(EVALUATED)])
    model.train()
    return (answers == labels).float().mean().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tar")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)

    data = read(arguments.tar)
    (pictures, labels), (test, test_labels) = data["train"], data["test"]
    mean, deviation = pictures.mean((0, 1, 2)), pictures.std((0, 1, 2))
    test, size = (test - mean) / deviation, pictures.shape[1]
    # Black stays black: the border is put around before pictures are standardised.
    padded = (functional.pad(pictures, (0, 0) + 4 * (PADDING,)) - mean) / deviation
    del pictures

    model = make_resnet_goldens.ResNet({"depth": 20, "outputs": int(labels.max()) + 1, "shortcut": "padding"})
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
    model = model.to(memory_format=torch.channels_last)
    weights = [parameter for parameter in model.parameters() if parameter.dim() > 1]
    others = [parameter for parameter in model.parameters() if parameter.dim() < 2]
    optimizer = torch.optim.SGD(
        [{"params": weights, "weight_decay": 5e-4}, {"params": others, "weight_decay": 0}],
        lr=arguments.rate, momentum=0.9, nesterov=True)

    per_epoch = len(labels) // arguments.batch
    steps, step, start = arguments.epochs * per_epoch, 0, time.time()
    for epoch in range(1, arguments.epochs + 1):
        order, total = torch.randperm(len(labels)), 0.0
        for first in range(0, per_epoch * arguments.batch, arguments.batch):
            rate = arguments.rate * (step + 1) / (per_epoch + 1)
            if step >= per_epoch:
                rate = arguments.rate / 2 * (1 + math.cos(math.pi * (step - per_epoch) / (steps - per_epoch)))
            for group in optimizer.param_groups:
                group["lr"] = rate
            index = order[first:first + arguments.batch]
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = functional.cross_entropy(model(crops(padded, index, size)), labels[index])
            loss.backward()
            optimizer.step()
            total += loss.item()
            step += 1
        print(f"epoch {epoch}  loss {total / per_epoch:.4f}  test accuracy {100 * accuracy(model, test, test_labels):.2f}%  "
              f"{time.time() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
