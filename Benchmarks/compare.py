#!/usr/bin/env python3
"""Step times of Troupe and of its peers, run interleaved on this machine, and their ratios.

    python3 Benchmarks/compare.py --peer-python peer/bin/python --jax-python peerjax/bin/python \\
        [--cases mlp20,mlp50] [--rounds 5] [--seconds 10] [--json]

A round plays ours, then every peer mode, once each, first in float32, then in bfloat16. A ratio is peer time over our
time within one round; the table gives the median, smallest and largest of the rounds, and says when other processes
disturbed them. Needs nothing but Python on Linux. Exit codes: 0 done, 1 a run of ours failed, 2 usage.
"""
import argparse
import datetime
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
PRECISIONS = ["float32", "bfloat16"]
# Peer modes by name: (script, its switches). `--modes` chooses; the Python of each comes from the command line.
MODES = {
    "torch": ("peer_torch.py", []),
    "torch-flush": ("peer_torch.py", ["--flush-denormals"]),
    "torch-compile": ("peer_torch.py", ["--compile"]),
    "jax": ("peer_jax.py", []),
}
DEFAULT_CASES = "mlp20,mlp50,mlp50sigmoid,mlpwide"
DEFAULT_MODES = "torch,torch-flush,jax"
OURS = "troupe"
# Start, compilation and warm-up of a run, on top of the seconds it measures.
GRACE_SECONDS = 300
# Above this share of the machine taken by other processes, a measurement says more about them.
QUIET_SHARE = 0.05


class RunFailure(Exception):
    """A benchmark run that gave no time; the text is one line."""


@dataclass
class Series:
    """The runs of one program in one precision: a result per round, None where a run failed."""
    name: str
    precision: str
    results: list = field(default_factory=list)
    error: str | None = None

    def times(self):
        return [r["median_ms"] for r in self.results if r]

    def median(self):
        return statistics.median(self.times()) if self.times() else None

    def summary(self):
        return {"name": self.name, "precision": self.precision, "median_ms": self.median(), "error": self.error,
                "runs": self.results}


def last_json_line(text):
    """The last line of `text` as a JSON object with a positive `median_ms`."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise RunFailure("printed nothing, expected a line of JSON")
    try:
        result = json.loads(lines[-1])
    except ValueError:
        raise RunFailure(f"last line is not JSON: {lines[-1][:120]}") from None
    median = result.get("median_ms") if isinstance(result, dict) else None
    if isinstance(median, bool) or not isinstance(median, (int, float)) or not median > 0:
        raise RunFailure(f"median_ms is {median!r}, expected a positive number")
    return result


def busy_seconds():
    """Processor seconds that the whole machine and that our finished children have spent since they began."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ((user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK"),
            children.ru_utime + children.ru_stime)


def run_watched(command, seconds):
    """`run`, with the share of the machine that other processes took meanwhile added as `others_share`.

    Peers whose threads spin at barriers slow down many times over when they lose a core, so this must be known.
    """
    start, (machine_before, ours_before) = time.monotonic(), busy_seconds()
    result = run(command, seconds)
    elapsed, (machine_after, ours_after) = time.monotonic() - start, busy_seconds()
    others = (machine_after - machine_before) - (ours_after - ours_before)
    return result | {"others_share": round(min(1, max(0, others) / (elapsed * os.cpu_count())), 3)}


def run(command, seconds):
    """Runs one benchmark alone and returns its JSON object."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + GRACE_SECONDS)
    except OSError as error:
        raise RunFailure(f"{command[0]}: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise RunFailure(f"no result after {seconds + GRACE_SECONDS:g} s") from None
    if done.returncode != 0:
        reason = [line for line in done.stderr.splitlines() if line.strip()][-1:] or ["no message"]
        raise RunFailure(f"exit code {done.returncode}: {reason[0][:200]}")
    return last_json_line(done.stdout)


def our_command(arguments, case, precision):
    return [arguments.troupe, "benchmark", str(Path(arguments.configs) / f"{case}.json"), "--json",
            "--seconds", f"{arguments.seconds:g}", "--set", f"training.precision={precision}"]


def peer_command(arguments, mode, case, precision):
    script, switches = MODES[mode]
    python = arguments.jax_python if mode.startswith("jax") else arguments.peer_python
    bf16 = ["--bf16"] if precision == "bfloat16" else []
    return [python, str(FOLDER / script), case, *switches, *bf16, "--seconds", f"{arguments.seconds:g}"]


def play(arguments, case):
    """All rounds of a case; a dict of (name, precision) -> Series."""
    commands = {}
    for precision in arguments.precisions:
        commands[OURS, precision] = our_command(arguments, case, precision)
        for mode in arguments.modes:
            commands[mode, precision] = peer_command(arguments, mode, case, precision)
    series = {key: Series(*key) for key in commands}
    for number in range(arguments.rounds):
        for (name, precision), command in commands.items():
            one = series[name, precision]
            if one.error:  # what failed once is not tried again: every try may cost minutes
                one.results.append(None)
                continue
            try:
                one.results.append(run_watched(command, arguments.seconds))
                outcome = f"{one.results[-1]['median_ms']:.3f} ms"
            except RunFailure as failure:
                one.results.append(None)
                one.error = outcome = str(failure)
            print(f"{case} round {number + 1}/{arguments.rounds} {name} {precision}: {outcome}", file=sys.stderr)
    return series


def fastest(series):
    """The series with the smallest median, or None when none has a time."""
    return min((one for one in series if one.times()), key=Series.median, default=None)


def ratios(ours, peer):
    """Peer time over our time in each round that both finished."""
    return [p["median_ms"] / o["median_ms"] for o, p in zip(ours.results, peer.results) if o and p]


def make_row(case, label, ours, peers):
    """One row of the table: ours against the best of `peers`; None when either side has no time."""
    best = fastest(peers)
    if ours is None or best is None or not ratios(ours, best):
        return None
    pairs = ratios(ours, best)
    return {
        "case": case, "comparison": label, "ours": ours.precision, "ours_ms": ours.median(),
        "fraction_of_ceiling": next((r.get("fraction_of_ceiling") for r in reversed(ours.results) if r), None),
        "peers_ms": {f"{p.name} {p.precision}": p.median() for p in peers if p.times()},
        "best_peer": f"{best.name} {best.precision}", "best_peer_ms": best.median(),
        "ratio": statistics.median(pairs), "ratio_min": min(pairs), "ratio_max": max(pairs), "rounds": len(pairs),
    }


def make_rows(case, series):
    """float32 against float32, bfloat16 against bfloat16, and last, labelled as such, best against best."""
    rows = []
    for precision in PRECISIONS:
        ours = series.get((OURS, precision))
        if ours:
            peers = [one for (name, p), one in series.items() if p == precision and name != OURS]
            rows.append(make_row(case, precision, ours, peers))
    if len({precision for _, precision in series}) > 1:
        ours = fastest(one for (name, _), one in series.items() if name == OURS)
        rows.append(make_row(case, "best against best", ours, [s for (name, _), s in series.items() if name != OURS]))
    return [row for row in rows if row]


def cell(milliseconds):
    """A time with three significant digits."""
    if milliseconds is None:
        return "–"
    decimals = 3 if milliseconds < 1 else 2 if milliseconds < 10 else 1 if milliseconds < 100 else 0
    return f"{milliseconds:.{decimals}f}"


def table(rows, modes):
    """The rows as a Markdown table."""
    lines = ["| case | comparison | troupe, ms | " + " | ".join(f"{m}, ms" for m in modes) +
             " | best peer mode | ratio | min | max | of ceiling |",
             "| --- | --- |" + " ---: |" * (1 + len(modes)) + " --- |" + " ---: |" * 4]
    for row in rows:
        both = row["comparison"] not in PRECISIONS
        peers = [cell(min((ms for name, ms in row["peers_ms"].items() if name.split(" ")[0] == mode), default=None))
                 for mode in modes]
        share = row["fraction_of_ceiling"]
        values = [row["case"], row["comparison"], cell(row["ours_ms"]) + (f" ({row['ours']})" if both else ""), *peers,
                  row["best_peer"] if both else row["best_peer"].split(" ")[0], f"{row['ratio']:.2f}",
                  f"{row['ratio_min']:.2f}", f"{row['ratio_max']:.2f}",
                  f"{share:.0%}" if isinstance(share, (int, float)) else "–"]
        lines.append("| " + " | ".join(values) + " |")
    return "\n".join(lines)


def machine():
    """The processor's name and the number of cores this process may use."""
    try:
        text = Path("/proc/cpuinfo").read_text()
        model = next(line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("model name"))
    except (OSError, StopIteration):
        model = "unknown processor"
    return f"{model}, {len(os.sched_getaffinity(0))} cores"


def busiest(runs):
    """The largest share that other processes had of the machine during a run."""
    return max((r["others_share"] for case in runs.values() for one in case for r in one["runs"] if r), default=0)


def names(allowed=None):
    """A converter of comma-separated names for argparse."""
    def convert(text):
        values = [name.strip() for name in text.split(",") if name.strip()]
        for name in values:
            if allowed is not None and name not in allowed:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(allowed)}")
        if not values:
            raise argparse.ArgumentTypeError("expected at least one name")
        return values
    return convert


def parse(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=names(), default=DEFAULT_CASES, help=f"default {DEFAULT_CASES}")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each program (default 5)")
    parser.add_argument("--seconds", type=float, default=10, help="measured seconds of each run (default 10)")
    parser.add_argument("--precisions", type=names(PRECISIONS), default=",".join(PRECISIONS))
    parser.add_argument("--modes", type=names(MODES), default=DEFAULT_MODES,
                        help=f"of {', '.join(MODES)}; default {DEFAULT_MODES}, as far as their Python is given")
    parser.add_argument("--peer-python", metavar="PATH", help="a Python that has torch")
    parser.add_argument("--jax-python", metavar="PATH", help="a Python that has jax and optax")
    parser.add_argument("--troupe", metavar="PATH", default=str(FOLDER.parent / ".build/release/troupe"))
    parser.add_argument("--configs", metavar="FOLDER", default=str(FOLDER.parent / "Configs/benchmark"))
    parser.add_argument("--json", action="store_true", help="print one JSON object with every run; the table to stderr")
    arguments = parser.parse_args(words)
    if arguments.rounds < 1 or arguments.seconds <= 0:
        parser.error("--rounds and --seconds must be positive")
    arguments.modes = [mode for mode in arguments.modes
                       if (arguments.jax_python if mode.startswith("jax") else arguments.peer_python)]
    if not arguments.modes:
        parser.error("no peer to run: give --peer-python PATH, --jax-python PATH, or both")
    return arguments


def main(words=None):
    arguments = parse(words)
    rows, runs, failures = [], {}, []
    for case in arguments.cases:
        series = play(arguments, case)
        rows += make_rows(case, series)
        runs[case] = [one.summary() for one in series.values()]
        failures += [(case, one) for one in series.values() if one.error]
    date = datetime.date.today().isoformat()
    text = [f"{date}, {machine()}; {arguments.rounds} rounds of {arguments.seconds:g} s, interleaved", "",
            table(rows, arguments.modes)]
    if busiest(runs) > QUIET_SHARE:
        text.append(f"\nNot a quiet machine: other processes took up to {busiest(runs):.0%} of it during a run, "
                    "so these ratios do not count.")
    text += [f"\n{case} {one.name} {one.precision} failed: {one.error}" for case, one in failures]
    print("\n".join(text), file=sys.stderr if arguments.json else sys.stdout)
    if arguments.json:
        print(json.dumps({"date": date, "machine": machine(), "rounds": arguments.rounds,
                          "seconds": arguments.seconds, "rows": rows, "runs": runs}))
    return 1 if any(one.name == OURS for _, one in failures) else 0


if __name__ == "__main__":
    sys.exit(main())
