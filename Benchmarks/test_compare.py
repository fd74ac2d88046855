#!/usr/bin/env python3
"""Tests of compare.py, equal_losses.py and tensor_file.py that need neither Troupe nor a peer (numpy for the last).

    python3 Benchmarks/test_compare.py
"""
import contextlib
import io
import json
import stat
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import compare

try:
    import numpy
    import tensor_file
except ImportError:
    numpy = None

TROUPE = """#!/bin/sh
echo "people's text" >&2
echo "$*" >> "$(dirname "$0")/calls"
case "$*" in
  *mlpbroken*) echo 'Configs/benchmark/mlpbroken.json: no such file' >&2; exit 2 ;;
  *bfloat16*) median=1.0 ;;
  *) median=4.0 ;;
esac
echo 'a line before the last'
echo '{"median_ms": '$median', "p90_ms": 9, "steps": 7, "gflop_per_step": 1, "fraction_of_ceiling": 0.5, "stages": {}}'
"""

# Stands in for a peer's Python: $1 is the script, the rest its arguments.
PEER = """#!/bin/sh
case "$*" in
  *--flush-denormals*--bf16*) exit 3 ;;
  *peer_jax.py*--bf16*) median=5 ;;
  *peer_jax.py*) median=8 ;;
  *--bf16*) median=6 ;;
  *) median=12 ;;
esac
echo "torch $*" >> "$(dirname "$0")/calls"
echo '{"median_ms": '$median'}'
"""


def run_compare(*words):
    """(exit code, stdout, stderr) of compare.py."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = compare.main(list(words))
        except SystemExit as stop:
            code = stop.code
    return code, out.getvalue(), err.getvalue()


class CompareTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for name, text in [("troupe", TROUPE), ("python", PEER)]:
            (self.folder / name).write_text(text)
            (self.folder / name).chmod(stat.S_IRWXU)
        python = str(self.folder / "python")
        self.words = ["--troupe", str(self.folder / "troupe"), "--peer-python", python, "--jax-python", python,
                      "--rounds", "2", "--seconds", "0.5"]

    def test_each_precision_is_compared_with_its_own_best_peer(self):
        code, out, _ = run_compare(*self.words, "--cases", "mlp20", "--modes", "torch,jax", "--json")
        self.assertEqual(code, 0)
        rows = json.loads(out.splitlines()[-1])["rows"]
        self.assertEqual([row["comparison"] for row in rows], ["float32", "bfloat16", "best against best"])
        self.assertEqual([row["best_peer"] for row in rows], ["jax float32", "jax bfloat16", "jax bfloat16"])
        self.assertEqual([row["ratio"] for row in rows], [2, 5, 5])
        for row in rows[:2]:
            self.assertTrue(all(name.endswith(row["comparison"]) for name in row["peers_ms"]))

    def test_runs_are_interleaved(self):
        run_compare(*self.words, "--cases", "mlp20", "--modes", "torch", "--precisions", "float32")
        calls = (self.folder / "calls").read_text().splitlines()
        self.assertEqual([call.split(" ")[0] for call in calls], ["benchmark", "torch"] * 2)
        self.assertTrue(calls[0].endswith("mlp20.json --json --seconds 0.5 --set training.precision=float32"))

    def test_table_has_a_row_for_each_comparison(self):
        code, out, _ = run_compare(*self.words, "--cases", "mlp20,mlpwide")
        self.assertEqual(code, 0)
        lines = [line for line in out.splitlines() if line.startswith("| mlp")]
        self.assertEqual(len(lines), 6)
        self.assertIn("| mlp20 | float32 | 4.00 | 12.0 | 12.0 | 8.00 | jax | 2.00 | 2.00 | 2.00 | 50% |", lines)
        self.assertIn("| mlp20 | best against best | 1.00 (bfloat16) |", lines[2])

    def test_failed_peer_mode_is_named_and_left_out(self):
        code, out, err = run_compare(*self.words, "--cases", "mlp20")
        self.assertEqual(code, 0)
        self.assertIn("mlp20 torch-flush bfloat16 failed: exit code 3: no message", out)
        self.assertEqual(err.count("exit code 3"), 1)  # tried in the first round only

    def test_our_failure_sets_the_exit_code(self):
        code, out, _ = run_compare(*self.words, "--cases", "mlpbroken")
        self.assertEqual(code, 1)
        self.assertIn("failed: exit code 2: Configs/benchmark/mlpbroken.json: no such file", out)

    def test_missing_program_is_one_line(self):
        code, out, _ = run_compare(*self.words, "--cases", "mlp20", "--troupe", "/nowhere/troupe")
        self.assertEqual(code, 1)
        self.assertIn("/nowhere/troupe: No such file or directory", out)

    def test_usage_errors(self):
        for words in [["--modes", "tensorflow"], ["--rounds", "0"], ["--cases", ","], ["--precisions", "float16"]]:
            self.assertEqual(run_compare(*self.words, *words)[0], 2, words)
        self.assertEqual(run_compare()[0], 2)

    def test_last_line_must_be_a_result(self):
        self.assertEqual(compare.last_json_line('noise\n{"median_ms": 2.5}\n\n')["median_ms"], 2.5)
        for text in ["", "noise", '{"median_ms": 1}\nnoise', "[1]", '{"median_ms": null}', '{"median_ms": 0}',
                     '{"median_ms": true}', '{"median_ms": NaN}']:
            with self.assertRaises(compare.RunFailure, msg=text):
                compare.last_json_line(text)

    def test_disturbed_measurement_is_marked(self):
        shares = {"mlp20": [{"runs": [{"others_share": 0.01}, None]}, {"runs": [{"others_share": 0.4}]}]}
        self.assertEqual(compare.busiest(shares), 0.4)
        code, out, _ = run_compare(*self.words, "--cases", "mlp20", "--json")
        for series in json.loads(out)["runs"]["mlp20"]:
            for result in filter(None, series["runs"]):
                self.assertTrue(0 <= result["others_share"])

    def test_ratio_pairs_runs_of_the_same_round(self):
        ours = compare.Series("troupe", "float32", [{"median_ms": 1}, None, {"median_ms": 2}])
        peer = compare.Series("torch", "float32", [{"median_ms": 3}, {"median_ms": 9}, {"median_ms": 8}])
        self.assertEqual(compare.ratios(ours, peer), [3, 4])


class EqualLossesTests(unittest.TestCase):
    def compare(self, a, b):
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / "a", Path(folder) / "b"]
            for path, text in zip(paths, (a, b)):
                path.write_text(text)
            return subprocess.run([sys.executable, str(compare.FOLDER / "equal_losses.py"), *map(str, paths)],
                                  capture_output=True).returncode

    def test_curves(self):
        lines = '{"step": 1, "loss": 2.00001}\n{"note": "x"}\n{"step": 2, "loss": 1.0}\n'
        self.assertEqual(self.compare('noise\n{"losses": [2.0, 1.0]}\n', lines), 0)
        self.assertEqual(self.compare('{"losses": [2.0, 1.001]}', lines), 1)
        self.assertEqual(self.compare('{"losses": [2.0]}', lines), 1)
        self.assertEqual(self.compare('{"losses": [2.0, NaN]}', lines), 1)
        self.assertEqual(self.compare("nothing", lines), 1)


@unittest.skipIf(numpy is None, "numpy is not installed")
class TensorFileTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "x.safetensors"
        self.tensors = {"z": numpy.arange(3, dtype=numpy.int32), "b": numpy.ones((2, 3), numpy.float32),
                        "a": numpy.full((), 2, numpy.float32)}

    def test_round_trip_and_order(self):
        tensor_file.write(self.path, self.tensors)
        found = tensor_file.read(self.path)
        self.assertEqual(list(found), ["a", "b", "z"])
        for name, value in self.tensors.items():
            numpy.testing.assert_array_equal(found[name], value)
            self.assertEqual(found[name].dtype, value.dtype)
        content = self.path.read_bytes()
        self.assertEqual(int.from_bytes(content[:8], "little") % 8, 0)
        self.assertEqual(content[8:9], b"{")

    def test_damaged_files_are_refused(self):
        content = tensor_file.encode(self.tensors)
        for bad in [content[:5], content[:40], content[:-1], b"\xff" * 16,
                    content.replace(b'[2,3]', b'[2,4]'), content.replace(b'"I32"', b'"F99"')]:
            self.path.write_bytes(bad)
            with self.assertRaises(ValueError):
                tensor_file.read(self.path)


if __name__ == "__main__":
    unittest.main()
