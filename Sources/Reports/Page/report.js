"use strict";
// Builds the page of runs. Text from runs and configurations becomes text nodes, never markup.

// The drawn runs: set by `reportParts`.
let runs = [];
let several = false;

/** The name of a series, with the run's name where there are several runs. */
function named(run, detail) {
  return several ? (detail ? `${run.label}: ${detail}` : run.label) : detail || run.label;
}

/** One series for each run. */
function perRun(make) {
  return runs.flatMap((run) => make(run) || []);
}

function line(run, curve, detail, more) {
  return { name: named(run, detail), x: curve.x, y: curve.y, color: run.color, ...more };
}

function seriesName(series) {
  return series.is_ema ? `${series.split} (EMA)` : series.split;
}

function card(run) {
  const facts = [
    fact("family", run.family),
    fact("parameters", run.parameters === null ? null : group(run.parameters)),
    run.final_steps ? fact("training loss", format(run.final_loss),
      run.final_steps > 1 ? `mean of the last ${run.final_steps} steps` : "") : null,
    ...run.validation.flatMap((series) => [
      fact(`${seriesName(series)} loss`, series.final_loss === null ? "not finite" : format(series.final_loss),
        series.best_loss === null ? "" : `best ${format(series.best_loss)} at step ${group(series.best_loss_step)}`),
      series.best_accuracy === null ? null : fact(`${seriesName(series)} accuracy`,
        series.final_accuracy === null ? "not finite" : percent(series.final_accuracy),
        `best ${percent(series.best_accuracy)} at step ${group(series.best_accuracy_step)}`),
    ]),
    // Splits that are not evaluated during training.
    ...run.evaluations.filter((one) => !run.validation.some((series) => series.split === one.split)).map((one) =>
      fact(`${one.split} accuracy`, percent(one.accuracy), `at step ${group(one.step)}`
        + viewsOf(one) + (one.top_accuracy === null ? "" : `, top-5 ${percent(one.top_accuracy)}`))),
    fact("steps", group(run.last_step), run.epochs === null ? "" : `${format(run.epochs, 3)} epochs`),
    fact("time in steps", duration(run.seconds),
      run.step_ms === null ? "" : `${format(run.step_ms, 3)} ms per step (median)`),
    fact("throughput", run.samples_per_second === null ? null : `${group(run.samples_per_second)} samples/s`, "median"),
    fact("precision", run.precision),
    fact("lanes", run.lanes === null ? null : `${run.lanes} of ${run.host_threads} threads`,
      `${run.micro_batches} micro-batch${run.micro_batches === 1 ? "" : "es"}`),
    fact("seed", run.seed),
    fact("started", run.started === null ? null : run.started.replace("T", " ").replace(/Z$/, " UTC")),
  ].filter(Boolean);
  const lines = run.damaged_lines;
  return html("article", { class: "card", style: `--accent:${run.color}` },
    html("header", {}, html("h3", {}, run.label),
      html("span", { class: `badge ${run.flow.verdict}` }, VERDICTS[run.flow.verdict])),
    html("p", {}, run.flow.sentence),
    run.flow.advice ? html("p", { class: "advice" }, run.flow.advice) : null,
    lines ? html("p", { class: "damage" },
      lines === 1 ? "One damaged line of metrics.jsonl was skipped."
        : `${lines} damaged lines of metrics.jsonl were skipped.`) : null,
    run.skipped_samples ? html("p", { class: "advice" }, run.skipped_samples) : null,
    ...run.damaged_evaluations.map((name) => html("p", { class: "damage" }, `${name} could not be read.`)),
    html("dl", { class: "facts" }, facts.map((pair) => html("div", {}, pair))), differences(run));
}

const MOST_DIFFERENCES = 12;

/** A run's values of the settings in which the shown runs differ. */
function differences(run) {
  const place = runs.indexOf(run);
  const rows = data.configuration.rows.filter((row) => row.differs && row.key !== "name" && row.values[place] !== null);
  if (!several || !rows.length) return null;
  const left = rows.length - MOST_DIFFERENCES;
  return html("dl", { class: "differences" },
    rows.slice(0, MOST_DIFFERENCES).map((row) => [html("dt", {}, row.key), html("dd", {}, row.values[place])]).flat(),
    left > 0 ? [html("dt", {}, `and ${left} more below`), html("dd", {}, "")] : null);
}

function lossCurves(run) {
  return [
    line(run, run.loss, "every step", { faint: true, silent: true }),
    line(run, run.smoothed_loss, "training"),
    ...run.validation.map((series) => line(run, series.loss, seriesName(series),
      { dash: series.is_ema ? "2 4" : "6 4", markers: true })),
  ];
}

/** Seconds of training up to the end of a step; `clock` has steps (x) and seconds (y). */
function secondsAt(clock, step) {
  const { x, y } = clock;
  const after = x.findIndex((one) => one >= step);
  if (after < 0) return y[y.length - 1];
  if (after === 0) return (y[0] * step) / x[0];
  return y[after - 1] + ((y[after] - y[after - 1]) * (step - x[after - 1])) / (x[after] - x[after - 1]);
}

function learning() {
  const loss = perRun(lossCurves);
  // The same steps can take very different times.
  const timedLoss = several ? perRun((run) => (run.clock.x.length ? lossCurves(run).map((one) => (
    { ...one, x: one.x.map((step) => secondsAt(run.clock, step)) })) : [])) : [];
  const values = loss.flatMap((one) => one.y).filter((value) => value > 0);
  const log = values.reduce((a, b) => Math.max(a, b), 0) > 30 * values.reduce((a, b) => Math.min(a, b), Infinity);
  const accuracy = perRun((run) => run.validation.filter((series) => series.accuracy.x.length)
    .map((series) => line(run, series.accuracy, seriesName(series),
      { dash: series.is_ema ? "2 4" : null, markers: true })));
  const widths = [...new Set(runs.map((run) => run.smoothed_steps))].join(" or ");
  const smoothing = widths === "1" ? "" : `Faint: every step. Solid: mean over a centred window of ${widths} steps.`;
  return section("Learning", null, [
    lineChart({
      title: "Loss", x: STEP_AXIS, y: { label: "mean loss per sample", log }, series: loss, toggle: true,
      note: smoothing,
    }),
    timedLoss.length ? lineChart({
      title: "Loss over time", y: { label: "mean loss per sample", log }, series: timedLoss, toggle: true,
      x: { label: "time in training steps (seconds)", name: (seconds) => `after ${duration(seconds)}` },
      note: "Without the time of evaluations and checkpoints. " + smoothing,
    }) : null,
    accuracy.length ? lineChart({
      title: "Accuracy", x: STEP_AXIS, y: { label: "share of right answers (%)", percent: true }, series: accuracy,
    }) : null,
    lineChart({
      title: "Learning rate", x: STEP_AXIS, y: { label: "learning rate", min: 0 },
      series: perRun((run) => line(run, run.learning_rate, "")),
    }),
    lineChart({
      title: "Gradient norm before clipping", x: STEP_AXIS, y: { label: "global L2 norm", log: true },
      toggle: true, note: smoothing,
      series: perRun((run) => [
        line(run, run.gradient_norm, "every step", { faint: true, silent: true }),
        line(run, run.smoothed_gradient_norm, ""),
      ]),
    }),
    runs.some((run) => run.clipped.y.some((value) => value > 0)) ? lineChart({
      title: "Clipped steps", x: STEP_AXIS, y: { label: "share of steps (%)", percent: true, min: 0, max: 1 },
      series: perRun((run) => line(run, run.clipped, "")),
      note: "Share of the steps around each point whose gradient was scaled down.",
    }) : null,
    lineChart({
      title: "Throughput", x: STEP_AXIS, y: { label: "samples per second", min: 0 },
      series: perRun((run) => line(run, run.throughput, "")),
    }),
  ]);
}

const ZERO = -44.9;
const isZero = (value) => value <= ZERO;
const layerAxis = { label: "weight layer, counted from the input", whole: true };
const counted = (list) => list.map((_, index) => index + 1);
const longestNames = (pick) => runs.map(pick).reduce((best, names) => (names.length > best.length ? names : best), []);

function layerHeading(names) {
  return (place) => `layer ${place}` + (several || !names[place - 1] ? "" : ` · ${names[place - 1]}`);
}

function gradients() {
  const heats = runs.map((run) => ({ run,
    rows: run.heat.rows.map((row) => row.map((cell) => cell === null ? null : cell / 100)) }))
    .filter(({ rows }) => rows.length && rows[0].length);
  const cells = heats.flatMap(({ rows }) => rows.flat());
  const real = cells.filter((cell) => cell !== null && !isZero(cell));
  const low = Math.floor(real.reduce((a, b) => Math.min(a, b), Infinity));
  const high = Math.ceil(real.reduce((a, b) => Math.max(a, b), -Infinity));
  const maps = heats.map(({ run, rows }) => heatMap({
    title: `Gradient of every layer${several ? ": " + run.label : ""}`,
    steps: run.heat.steps, rows, isZero, low: real.length ? low : -1, high: real.length ? Math.max(high, low + 1) : 0,
    hasZero: cells.some((cell) => cell !== null && isZero(cell)), hasBroken: cells.includes(null),
    rowNames: run.heat.row_layers.map((layer) => run.layers.names[layer]),
    rowNumbers: run.heat.row_layers.map((layer) => layer + 1), barLabel: "gradient rms",
  }));
  const dashes = { first: "2 4", median: "7 4", last: null };
  const floor = 1e-45;
  const profiles = perRun((run) => run.profiles.map((profile) => ({
    name: named(run, profile.step === null ? "median of all steps" : `step ${group(profile.step)}`),
    x: counted(profile.log10_rms),
    y: profile.log10_rms.map((value) => value === null ? null : Math.max(floor, Math.pow(10, value))),
    color: run.color, dash: dashes[profile.name], markers: profile.name === "last",
  })));
  const ratios = perRun((run) => run.update_ratio.some((value) => value !== null) ? {
    name: named(run, ""), x: counted(run.update_ratio), color: run.color, markers: true,
    y: run.update_ratio.map((value) => value === null ? null : Math.pow(10, value)),
  } : null);
  const heading = layerHeading(longestNames((run) => run.layers.names));
  return section("Gradients through depth",
    "The size of a layer's gradient is the root mean square (rms) over its weights, so that wide and narrow layers "
    + "compare. A straight fall towards the input is a vanishing gradient, a straight rise an exploding one."
    + (several ? " The maps of all runs share one color scale." : ""), [
      ...maps,
      profiles.length ? lineChart({
        title: "Gradient against depth", x: { ...layerAxis, name: heading },
        y: { label: "gradient rms", log: true }, series: profiles,
      }) : null,
      ratios.length ? lineChart({
        title: "Update against parameter", x: { ...layerAxis, name: heading },
        y: { label: "L2 norm of update ÷ of parameter", log: true }, series: ratios,
        note: "Median over the logged steps. About 10⁻³ is usual; far less learns slowly, far more is unstable.",
      }) : null,
    ]);
}

function activations() {
  const logged = runs.filter((run) => run.activations.rms);
  if (!logged.length) return [];
  const axis = {
    label: "layer, counted from the input", whole: true,
    name: layerHeading(longestNames((run) => run.activations.names || [])),
  };
  const series = (key, dash, detail) => logged.map((run) => line(run,
    { x: counted(run.activations[key]), y: run.activations[key] }, detail ? detail(run) : "",
    { dash, markers: !dash }));
  const share = { label: "share of the layer (%)", percent: true, min: 0, max: 1 };
  const any = (key) => logged.some((run) => run.activations[key].some((value) => value > 0));
  return section("Activations through depth", null, [
    lineChart({
      title: "Size of activations", x: axis, y: { label: "activation rms", log: true },
      series: [
        ...series("first_rms", "2 4", (run) => `step ${group(run.activations.first_step)}`),
        ...series("rms", null, (run) => `step ${group(run.activations.last_step)}`),
      ],
    }),
    any("dead") ? lineChart({ title: "Dead units at the last logged step", x: axis, y: share, series: series("dead"),
      note: "A dead unit was zero for the whole batch: no gradient passes through it." }) : null,
    any("saturated") ? lineChart({ title: "Saturated outputs at the last logged step", x: axis, y: share,
      series: series("saturated"),
      note: "A saturated output lies where its activation is flat: hardly any gradient passes through it." }) : null,
  ]);
}

function stages() {
  const timed = runs.filter((run) => run.stages.length);
  const longest = timed.flatMap((run) => run.stages).reduce((best, bar) => Math.max(best, bar.busy + bar.waiting), 0);
  if (!(longest > 0)) return [];
  return section("Where the time went",
    "The stage that is busy nearly all the time bounds the run: only a faster one helps.",
    timed.map((run) => {
      const share = (bar) => bar.busy / (bar.busy + bar.waiting || 1);
      // Not by the share: a stage that was measured for a moment only may have been busy all that time.
      const bound = run.stages.reduce((best, bar, index) => (bar.busy > run.stages[best].busy ? index : best), 0);
      const bar = run.stages[bound];
      return stageBars({
        title: `Stages${several ? ": " + run.label : ""}`, bars: run.stages, bound, longest, color: run.color,
        note: `Bound by ${bar.name}, busy ${Math.round(share(bar) * 100)} % of its time.`,
      });
    }));
}

function settingsTable(rows) {
  return scrollTable(null, ["key", ...runs.map((run) => run.label)],
    rows.map((row) => html("tr", {}, html("th", { scope: "row" }, row.key), row.values.map(settingCell))));
}

function configuration() {
  const { rows, readable } = data.configuration;
  const missing = runs.filter((_, index) => !readable[index]).map((run) => run.label);
  const different = rows.filter((row) => row.differs);
  const parts = [html("h2", {}, "Configuration")];
  if (missing.length) parts.push(html("p", { class: "damage" },
      `No readable config.resolved.json: ${missing.join(", ")}.`));
  if (several && rows.length) {
    parts.push(html("p", { class: "note" }, different.length
      ? `The runs differ in ${different.length} of ${rows.length} settings.`
      : `The runs agree in all ${rows.length} settings.`));
    if (different.length) parts.push(settingsTable(different));
  }
  if (rows.length) parts.push(html("details", {}, html("summary", {}, `All ${rows.length} settings`),
    settingsTable(rows)));
  return parts;
}

function events() {
  const listed = runs.filter((run) => run.events.length);
  if (!listed.length) return [];
  return [html("h2", {}, "Events"), ...listed.map((run) => {
    const left = run.event_count - run.events.length;
    const summary = `${named(run, "")}: ${run.event_count} event${run.event_count === 1 ? "" : "s"}`
      + (left ? ` (the last ${run.events.length} are listed)` : "");
    return html("details", listed.length === 1 && run.events.length <= 12 ? { open: "" } : {},
      html("summary", {}, summary),
      scrollTable(null, ["step", "event", "text"], run.events.map((event) => html("tr", {},
        html("td", { class: "number" }, group(event.step)),
        html("td", { class: "word" }, event.kind.replaceAll("_", " ")), html("td", {}, event.text)))));
  })];
}

/** Samples of a diffusion model, always from the same noise, so that different steps compare. */
function samples() {
  const last = runs.map((run) => (several ? run.samples.slice(-1) : run.samples));
  return section("Samples", "Always drawn from the same noise, with the parameters of the run's evaluations.",
    runs.flatMap((run, index) => last[index].map((grid) => html("figure", {},
      html("figcaption", {}, html("h3", {}, `${several ? run.label + ": " : ""}step ${group(grid.step)}`)),
      html("img", { class: "samples", src: "data:image/png;base64," + grid.picture,
        alt: `Samples of the model after step ${grid.step}` })))));
}

/** The elements of a page about `shown`, the data of one or several runs. */
function reportParts(shown) {
  data = shown;
  runs = data.runs;
  several = runs.length > 1;
  runs.forEach((run, index) => {
    run.color = `var(--run-${index % COLORS})`;
    const twins = runs.filter((other) => other.name === run.name).length > 1;
    run.label = twins ? `${run.name} (${run.folder})` : run.name;
  });
  return [
    html("section", { class: several ? "cards" : "cards single", "aria-label": "Summary" }, runs.map(card)),
    ...learning(), ...samples(), ...evaluations(), ...sequences(), ...denoising(), ...gradients(),
    ...activations(), ...stages(), ...configuration(), ...events(),
  ].filter(Boolean);
}

/** The page of a report, which contains its data. */
function showReport() {
  const parts = reportParts(data);
  const title = several ? `Comparison of ${runs.length} runs` : runs.length ? `Run ${runs[0].label}` : "No runs";
  document.title = `${title} · Troupe`;
  document.getElementById("report").replaceChildren(
    html("h1", {}, title),
    html("p", { class: "lead" }, several ? runs.map((run) => run.label).join(" · ")
      : "All data are from the run's folder. Steps are optimizer updates."),
    ...parts);
}

// A live page draws runs itself.
if (!document.documentElement.dataset.live) showReport();
