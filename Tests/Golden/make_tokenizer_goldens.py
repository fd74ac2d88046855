#!/usr/bin/env python3
"""Writes tokenizers.json: what Hugging Face's `tokenizers` learns from a text and makes of texts.

    peer/bin/pip install tokenizers
    peer/bin/python Tests/Golden/make_tokenizer_goldens.py              # rewrites the file
    peer/bin/python Tests/Golden/make_tokenizer_goldens.py --check      # compares only
    peer/bin/python Tests/Golden/make_tokenizer_goldens.py --troupe .build/release/troupe FILE…
        # trains a tokenizer on FILE… with Troupe, reads it with `tokenizers`, and compares what both make of the files
"""

import json
import pathlib
import random
import subprocess
import sys
import tempfile

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

HERE = pathlib.Path(__file__).parent
FILE = HERE / "tokenizers.json"
END = "<|endoftext|>"
VOCABULARY = 420

WORDS = (
    "the theory of there then other others another mother brother smooth it's don't we're I'll they've he'd I'm "
    "x=1; let count = values.count // 2 1234 12 3.14 2,000 naïve café über straße Ωμέγα привет мир 日本語 テスト ½ ² Ⅷ "
    "👍 👩‍👩‍👧 e\u0301 \u00a0 \u2003 'tis O'Neill's rock'n'roll 'S 'LL func(\"a\") != {}[]() …"
).split(" ")
SEPARATORS = [" ", " ", " ", " ", "  ", "\n", "\n\n", "\t", " \n ", "   ", "\r\n", "\u00a0", "\u3000"]


def text(seed, words):
    numbers = random.Random(seed)
    return "".join(numbers.choice(WORDS) + numbers.choice(SEPARATORS) for _ in range(words))


def trained(corpus):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, min_frequency=2, special_tokens=[END], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator([corpus], trainer)
    return tokenizer


def goldens():
    corpus = text(1, 3000)
    tokenizer = trained(corpus)
    samples = [
        "", " ", "  ", "\n", "a", " a", "a ", "a  ", "  a", "a  b", "a \n b", "\n\na", "a\n", "'s", " 's", "''s", "'re'",
        "we'rewe've", "'", "1a2", " 12 ab", "ab12!?", "\t\tif x", "  \n\n  x", "\u00a0a", " \u00a0a", "a\u2003b", "é", "e\u0301",
        "日本語 テスト", "Ⅷ½²", "👍👍", "\u0000\u0001", "_a_b", "don't", "DON'T", "x" * 300, " " * 50 + "x", "\U0001d400\U0001d7d8",
        END, "a" + END + " b", END + END, "<|endoftext", " " + END + " ", "a <|endoftext|>\n\n",
    ] + [text(seed, 20) for seed in range(2, 30)]
    return {
        "corpus": corpus, "vocabulary": VOCABULARY, "tokenizer": json.loads(tokenizer.to_str()),
        "texts": [{"text": sample, "tokens": tokenizer.encode(sample).ids} for sample in samples],
    }


def compare_with(troupe, files):
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/tokenizer.json"
        subprocess.run([troupe, "tokenizer", "train", *files, "--vocabulary", "1024", "--output", path], check=True)
        theirs = Tokenizer.from_file(path)
        for file in files:
            line = subprocess.run(
                [troupe, "tokenizer", "encode", path, "--file", file, "--json"], check=True, capture_output=True, text=True
            ).stdout.splitlines()[-1]
            ours = json.loads(line)["tokens"]
            # newline="": the bytes as they are.
            with open(file, encoding="utf-8", newline="") as stream:
                content = stream.read()
            ids = theirs.encode(content).ids
            assert ours == ids, f"{file}: differs from token {next(i for i, (a, b) in enumerate(zip(ours, ids)) if a != b)}"
            print(f"{file}: the same {len(ids)} tokens")


def main():
    if "--troupe" in sys.argv:
        at = sys.argv.index("--troupe")
        return compare_with(sys.argv[at + 1], sys.argv[at + 2:])
    content = json.dumps(goldens(), ensure_ascii=True, indent=None, separators=(",", ":")) + "\n"
    if "--check" in sys.argv:
        sys.exit(0 if FILE.read_text() == content else f"{FILE} differs")
    FILE.write_text(content)
    print(f"wrote {FILE}")


if __name__ == "__main__":
    main()
