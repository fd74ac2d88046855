"""Looks at the pages of `troupe watch` and at reports with headless Chromium, as a person would.

    make test-browser
    python3 Tests/Browser/check_pages.py .build/release/troupe [--pictures FOLDER]

README.md says what is looked at. Prints "good", or what is wrong; without a Chromium it says so and ends well.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

import browser

# Several thousand steps a second: long enough to be seen growing, ended by a signal.
LONG = {
    "name": "long", "seed": 7,
    "data": {"type": "spirals", "points_per_class": 200, "batch_size": 32, "validation_fraction": 0.2,
             "standardize": True},
    "model": {"type": "mlp", "depth": 6, "width": 16, "activation": "tanh"},
    "optimizer": {"type": "adamw", "learning_rate": 0.003},
    "training": {"duration": "100000000 steps", "micro_batches": 2, "validate_every": "500 steps"},
    "norms": {"every": "20 steps"}, "checkpoints": {"every": "100000 steps"},
}
DENOISER = {
    "name": "denoiser", "seed": 3,
    "data": {"type": "glyphs", "count": 200, "batch_size": 20, "validation_count": 20,
             "augmentation": [{"type": "resize", "size": 8}]},
    "diffusion": {"steps": 30, "schedule": "cosine", "condition": "class"},
    "model": {"type": "unet", "channels": 8, "multipliers": [1, 2], "blocks": 1, "attention": [], "groups": 4},
    "loss": {"type": "mse"}, "optimizer": {"type": "adamw", "learning_rate": 0.01},
    "training": {"duration": "60 steps", "micro_batches": 2, "ema": {"decay": 0.9}},
    "samples": {"every": "20 steps", "count": 10, "steps": 5}, "checkpoints": {"every": "60 steps"},
}
SWEEP = {
    "name": "widths", "method": "grid", "seeds": 2, "metric": {"name": "validation.loss"},
    "overrides": {"training.duration": "6000 steps", "checkpoints.every": "6000 steps"},
    "parameters": {
        "model.depth": {"values": [6, 30]}, "model.activation": {"values": ["sigmoid", "relu"]},
        "optimizer.learning_rate": {"values": [0.003, 0.0003]}},
    "run_cap": 16,
}

# The text of a page's figure by its title, or of what lies in it.
FIGURE = """(title, inner) => {
  const figure = [...document.querySelectorAll("figure")].find((one) => one.querySelector("h3")?.textContent.startsWith(title));
  return figure ? (inner ? figure.querySelectorAll(inner) : figure) : null;
}"""

# Words in charts that lie on one another, and anything that sticks out of the page.
CLASHES = """(() => {
  const found = [];
  for (const picture of document.querySelectorAll("figure > svg, figure div > svg")) {
    const title = picture.closest("figure").querySelector("h3")?.textContent;
    const words = [...picture.querySelectorAll("text")].filter((one) => one.textContent.trim() && one.getClientRects().length)
      .map((one) => ({ text: one.textContent, box: one.getBoundingClientRect() }));
    words.forEach((a, index) => words.slice(index + 1).forEach((b) => {
      const across = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
      const down = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
      // Boxes of lines are higher than letters.
      if (across > 1 && down > 0.3 * Math.min(a.box.height, b.box.height)) found.push(`${title}: "${a.text}" on "${b.text}"`);
    }));
    const outer = picture.closest("figure").getBoundingClientRect();
    for (const { text, box } of words) {
      if (box.left < outer.left || box.right > outer.right + 0.5 || box.bottom > outer.bottom + 0.5)
        found.push(`${title}: "${text}" sticks out`);
    }
  }
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth) found.push(`the page is ${page.scrollWidth} wide on ${page.clientWidth}`);
  return found.slice(0, 12);
})()"""

# Charts whose axes have no name.
UNNAMED = """[...document.querySelectorAll("figure > svg")].filter((one) => one.querySelectorAll("text").length > 2
  && one.querySelector("rect.frame") && ![...one.querySelectorAll("text.axis")].some((name) => name.textContent.length > 3))
  .map((one) => one.closest("figure").querySelector("h3").textContent)"""


def expect(condition, message):
    if not condition:
        raise AssertionError(message)


class Check:
    """A folder with runs, a browser, and the processes that are under way."""

    def __init__(self, troupe, program, folder, pictures):
        self.troupe, self.folder, self.pictures = os.path.abspath(troupe), folder, pictures
        self.processes = []
        self.browser = browser.Browser(program)
        for name, content in [("long", LONG), ("denoiser", DENOISER), ("widths", {**SWEEP, "base": "long.json"})]:
            with open(os.path.join(folder, f"{name}.json"), "w") as file:
                json.dump(content, file)

    def start(self, *arguments):
        process = subprocess.Popen(
            [self.troupe, *arguments], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.processes.append(process)
        return process

    def run(self, *arguments):
        result = subprocess.run([self.troupe, *arguments], cwd=self.folder, capture_output=True, text=True)
        expect(result.returncode == 0, f"troupe {' '.join(arguments)}: {result.stdout}{result.stderr}")
        return result.stdout

    def watch(self, folder):
        process = self.start("watch", folder, "--port", "0")
        line = process.stdout.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+/", line)
        expect(address, f"troupe watch: {line}")
        return process, address.group(0)

    def end(self, process):
        process.send_signal(signal.SIGINT)
        process.wait(60)

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        self.browser.close()

    def look(self, page, name):
        """What holds for every page, however wide: no complaints, no clashes, axes that have names."""
        for width in [1280, 390]:
            if page.width != width:
                # Charts are drawn for the width that they find.
                page.resize(width, 900)
                page.load()
                page.wait("document.querySelectorAll('figure').length > 2", f"{name} is drawn, {width} wide")
                page.wait("!(live && live.unread)" if "sweep" in name or "all" in name else "true", "all trials are read")
                time.sleep(0.3)
            if self.pictures:
                page.picture(os.path.join(self.pictures, f"{name}-{width}.png"))
            clashes = page.run(CLASHES)
            expect(not clashes, f"{name}, {width} wide: {'; '.join(clashes)}")
            unnamed = page.run(UNNAMED)
            expect(not unnamed, f"{name}: no axis has a name in {unnamed}")
        page.resize(1280, 900)
        page.load()
        page.wait("document.querySelectorAll('figure').length > 2", f"{name} is drawn again")
        expect(not page.complaints, f"{name}: the console says {page.complaints}")

    # What is looked at.

    def training(self):
        """A run that goes on: its curve is drawn and grows; its end is seen."""
        training = self.start("train", "long.json", "--run-dir", "one/long")
        until = time.monotonic() + 60
        while not os.path.exists(os.path.join(self.folder, "one/long/metrics.jsonl")) and time.monotonic() < until:
            time.sleep(0.05)
        server, address = self.watch("one/long")
        page = self.browser.open(address)
        page.wait(f"({FIGURE})('Loss', 'path.curve')?.length >= 2", "the loss is drawn")
        page.wait("document.querySelector('#runs .state').textContent === 'running'", "the run is called running")
        step = "Number(document.querySelector('#runs td.number').textContent.split(' of ')[0].replace(/\\D/g, ''))"
        ticks = (f"Math.max(...[...({FIGURE})('Loss', 'text[text-anchor=middle]')]"
                 ".map((one) => Number(one.textContent.replace(/\\u202f/g, ''))).filter(Number.isFinite))")
        first = (page.run(step), page.run(ticks))
        page.wait(f"[0, 1].every((one) => ({FIGURE})('Loss', 'path.curve')[one].getAttribute('d').length > 500)",
                  "the loss and its mean are lines of many points")
        page.wait(f"{step} > {2 * first[0]} && {ticks} > {first[1]}", "the curve grows")
        page.wait(f"({FIGURE})('Gradient of every layer', 'image')?.[0]?.getAttribute('href').startsWith('data:image/png')",
                  "the heat map of gradients is drawn")
        page.wait(f"({FIGURE})('Stages', 'title')?.length >= 4", "the stages' times are drawn")
        stages = page.run(f"[...({FIGURE})('Stages', 'title')].map((one) => one.textContent)")
        expect(any(one.startswith("lane 0: busy") for one in stages), f"the stages are {stages}")
        note = page.run(f"({FIGURE})('Stages').querySelector('.note').textContent")
        expect("lane" in note or "loader" in note, f"the stages' note is {note}")
        page.wait(f"({FIGURE})('Gradient of every layer', 'text').length > 8", "the heat map has its numbers")
        # Layers × logged steps: the map has a row for each of the seven weights.
        expect(page.run(f"({FIGURE})('Gradient of every layer').querySelector('desc').textContent").startswith(
            "gradient rms of 7 layers"), "the heat map has a row a layer")
        self.look(page, "watch-running")
        self.end(training)
        page.wait("document.querySelector('#runs .state').textContent === 'interrupted'", "the run's end is seen")
        self.end(server)
        page.wait("document.getElementById('lead').classList.contains('damage')", "a server that has gone is missed")
        page.close()

    def ended(self):
        """Runs that have ended: everything is there, samples too."""
        self.run("train", "denoiser.json", "--run-dir", "two/denoiser")
        server, address = self.watch("two")
        page = self.browser.open(address)
        page.wait("document.querySelectorAll('#samples img').length === 3", "the samples are shown")
        page.wait("[...document.querySelectorAll('#samples img')].every((one) => one.naturalWidth > 8)",
                  "the samples are pictures")
        expect(page.run("document.querySelector('#runs .state').textContent") == "finished", "the run has finished")
        page.wait(f"({FIGURE})('Loss', 'path.curve')?.length >= 2", "the loss of an ended run is drawn")
        expect(page.run(f"({FIGURE})('Stages', 'title').length") >= 4, "stages of an ended run")
        self.look(page, "watch-ended")
        page.close()
        self.end(server)

    def sweep(self):
        """A sweep that goes on, a trial of it, and the sweep when it has ended."""
        sweep = self.start("sweep", "widths.json", "--sweep-dir", "three/widths")
        while not os.path.exists(os.path.join(self.folder, "three/widths/sweep.json")) and sweep.poll() is None:
            time.sleep(0.05)
        server, address = self.watch("three")
        page = self.browser.open(address)
        rows = "document.querySelectorAll('table.ranking tbody tr').length"
        page.wait(f"{rows} >= 1", "the ranking is drawn")
        heading = page.run("document.querySelector('#sweep h2').textContent")
        expect(heading == "Sweep widths", f"the heading is {heading}")
        page.wait("document.querySelector('#sweep .card .state').textContent === 'running'", "the sweep is running")
        page.wait("document.querySelector('#sweep .progress i.running') !== null", "the bar shows what is running")
        page.wait("document.querySelector('#sweep .progress i.finished') !== null", "a trial has finished", 120)
        card = page.run("document.querySelector('#sweep .card').innerText")
        expect(re.search(r"\d+ of 16 finished", card) and "grid" in card, f"the card says {card}")
        page.wait("/left\\s*about/.test(document.querySelector('#sweep .card').innerText)", "the card says how long it takes")
        lead = page.run("document.querySelector('#sweep .lead').textContent")
        expect("Lowest validation.loss" in lead and "model.depth" in lead, f"metric and goal: {lead}")
        page.wait("document.querySelectorAll('table.ranking .badge').length >= 1", "a verdict of gradient flow is shown")
        page.wait("/step [\\d\\u202f]+ of 6.000/.test(document.querySelector('table.ranking').innerText)", "a trial's steps")
        before = page.run(rows)
        # A trial's run opens under the sweep, and the sweep goes on.
        page.run("document.querySelector('table.ranking button.link').click()")
        page.wait("document.querySelector('#opened h2')?.textContent.startsWith('Trial ')", "a trial is opened")
        page.wait(f"({FIGURE})('Gradient of every layer', 'image')?.length === 1", "the trial's run is drawn")
        if self.pictures:
            page.picture(os.path.join(self.pictures, "watch-sweep-trial-1280.png"))
        opened = page.run("document.querySelector('#opened h2').textContent")
        page.wait("document.querySelectorAll('table.ranking button.link').length >= 2", "there is a second trial")
        page.run("[...document.querySelectorAll('table.ranking button.link')]"
                 f".find((one) => !{json.dumps(opened)}.includes(one.textContent)).click()")
        page.wait(f"document.querySelector('#opened h2').textContent !== {json.dumps(opened)}", "a second trial is opened")
        page.wait(f"{rows} > {before}", "the ranking grows beside a trial", 120)
        expect(not page.run("document.getElementById('lead').classList.contains('damage')"), "the page goes on")
        page.run("document.querySelector('#opened button').click()")
        page.wait("document.querySelector('#opened h2') === null", "the trial is closed again")
        table = self.run("watch", "three", "--terminal")
        expect("sweep widths  running" in table and "▸" in table, f"the live table says {table}")
        self.look(page, "watch-sweep-running")
        expect(sweep.wait(600) == 0, "the sweep comes to its end")
        page.wait("document.querySelector('#sweep .card .state').textContent === 'finished'", "the sweep's end is seen")
        page.wait(f"{rows} === 8 && document.querySelectorAll('table.ranking .badge').length >= 16", "all points are ranked")
        values = page.run("[...document.querySelectorAll('table.ranking tbody tr td:nth-child(2)')]"
                          ".map((one) => Number(one.textContent.split(' ')[0]))")
        expect(values == sorted(values), f"the ranking is {values}")
        badges = page.run("[...new Set([...document.querySelectorAll('table.ranking .badge')].map((one) => one.textContent))]")
        expect("▼ vanishing" in badges and "✓ healthy" in badges, f"the verdicts are {badges}")
        # A row opens all seeds of a point.
        page.run("document.querySelector('table.ranking tbody tr').click()")
        page.wait("document.querySelectorAll('#report article.card').length === 2", "both seeds are side by side")
        self.look(page, "watch-sweep-ended")
        page.close()
        self.end(server)
        # Of the sweep's own folder, and of one that has several things in it.
        server, address = self.watch("three/widths")
        page = self.browser.open(address)
        page.wait(f"{rows} === 8", "the sweep's own folder")
        expect(page.run("document.querySelectorAll('#runs tr').length") == 0, "trials are not listed as runs")
        page.close()
        self.end(server)
        server, address = self.watch(".")
        page = self.browser.open(address)
        page.wait(f"{rows} === 8 && document.querySelectorAll('#runs tbody tr').length === 2", "runs and a sweep")
        page.wait("live.unread === 0 && document.querySelectorAll('#samples img').length === 3", "everything is drawn")
        self.look(page, "watch-all")
        page.close()
        self.end(server)

    def reports(self):
        """The pages that are files."""
        self.run("report", "one/long", "--output", "long.html")
        self.run("report", "one/long", "two/denoiser", "--output", "both.html")
        pages = [("long.html", "Run long", "Loss"), ("two/denoiser/report.html", "Run denoiser", "Stages"),
                 ("both.html", "Comparison of 2 runs", "Loss over time"),
                 ("three/widths/report.html", "Sweep widths", "Parallel coordinates")]
        for path, title, figure in pages:
            page = self.browser.open("file://" + os.path.join(self.folder, path))
            page.wait(f"document.querySelector('h1')?.textContent === '{title}'", f"{path} has its heading")
            expect(page.run(f"({FIGURE})('{figure}', 'path, rect').length") > 1, f"{path}: {figure} is drawn")
            self.look(page, "report-" + os.path.basename(path.replace("/report.html", "")).replace(".html", ""))
            page.close()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("troupe", nargs="?", default=".build/release/troupe")
    options.add_argument("--pictures", help="a folder for pictures of all pages")
    options = options.parse_args()
    program = browser.find()
    if program is None:
        print("skipped: no chromium here (apt-get install chromium, or name one with CHROMIUM=)")
        return
    if options.pictures:
        os.makedirs(options.pictures, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        check = Check(options.troupe, program, folder, options.pictures)
        try:
            for part in [check.training, check.ended, check.sweep, check.reports]:
                part()
                print(f"{part.__name__}: {part.__doc__}", flush=True)
        except AssertionError as problem:
            sys.exit(f"wrong: {problem}")
        finally:
            check.close()
    print("good")


main()
