"use strict";
// Draws a sweep. Points come in the order of their rank.

// The drawn sweep: set by `sweepParts`.
let points = [];
let ranked = [];
let metric = null;
/** The changing part of a running sweep's data; null in a report. */
let live = null;
/** Opens runs of trials, in a page that can. */
let openTrials = null;
const SHORT = {
  healthy: "✓ healthy", vanishing: "▼ vanishing", exploding: "▲ exploding", too_shallow: "– too shallow",
};
const MOST_NAMED = 8;
const MOST_CURVES = 60;

/** `depth=20 activation=relu`; leaves out the parameter at `skipped`. */
const valueTexts = (point, skipped = null) => point.texts
  .map((text, index) => (index === skipped || text === null ? null : `${data.parameters[index].short}=${text}`))
  .filter(Boolean).join(" ");
/** From the best to the worst: blue to red. */
const rankColor = (place, count) => {
  const share = count > 1 ? place / (count - 1) : 0;
  return `color-mix(in oklab, var(--run-0) ${Math.round(100 - 100 * share)}%, var(--run-1))`;
};

function valueText(point) {
  if (point.mean === null) return "–";
  return format(point.mean) + (point.deviation === null ? "" : ` ± ${format(point.deviation, 2)}`);
}

/** The number of trials, or the most that there will be. */
function trialCount() {
  return Math.max(data.trial_count, live && live.most_trials ? live.most_trials : 0);
}

/** The shares of finished, running, waiting and failed trials, side by side. */
function progressBar() {
  const parts = [
    ["finished", data.finished], ["running", live.running], ["waiting", live.waiting], ["failed", data.failed],
  ];
  const all = Math.max(1, trialCount());
  const counts = parts.filter(([, count]) => count).map(([name, count]) => `${count} ${name}`);
  const words = counts.join(", ") || "nothing yet";
  return html("div", { class: "progress", role: "img", "aria-label": `Of ${all} trials: ${words}`, title: words },
    parts.map(([name, count]) => (count ? html("i", { class: name, style: `width:${(100 * count) / all}%` }) : null)));
}

function summaryCard() {
  const best = ranked[0];
  const flows = points.flatMap((point) => point.trials.map((trial) => trial.flow)).filter(Boolean);
  const counts = Object.keys(SHORT).map((verdict) => [verdict, flows.filter((flow) => flow === verdict).length])
    .filter(([, count]) => count);
  const facts = [
    fact("method", data.method + (data.rungs.length > 1 ? `, ${data.rule}` : "")),
    fact("points", group(points.length), data.seeds.length > 1 ? `${data.seeds.length} seeds each` : ""),
    fact("trials", `${group(data.finished)} of ${group(trialCount())} finished`,
      data.failed ? `${data.failed} failed` : ""),
    live ? fact("running", group(live.running), live.waiting ? `${group(live.waiting)} waiting or paused` : "") : null,
    live && live.remaining !== null ? fact("left", `about ${duration(live.remaining)}`, "at the pace so far") : null,
    fact("steps of all trials", group(data.steps)),
    fact("time of all trials", duration(data.trial_seconds)),
    fact("time from start to end", duration(data.seconds)),
    data.rungs.length > 1 ? fact("compared after", data.rungs.join(", ")) : null,
    counts.length ? fact("gradient flow",
      counts.map(([verdict, count]) => `${count} ${SHORT[verdict].slice(2)}`).join(", ")) : null,
    fact("seeds", data.seeds.join(", ")),
  ].filter(Boolean);
  return html("article", { class: "card", style: "--accent:var(--run-0)" },
    html("header", {}, html("h3", {}, best ? `Best: ${metric.name} ${valueText(best)}` : "No point has finished yet"),
      live ? html("span", { class: `state ${live.state}` }, live.state) : null),
    best ? html("p", {}, best.name) : null, live ? progressBar() : null,
    html("dl", { class: "facts" }, facts.map((pair) => html("div", {}, pair))));
}

function badges(point) {
  return point.trials.flatMap((trial) => [
    trial.flow ? html("span", { class: `badge ${trial.flow}`, title: trial.sentence || "" }, SHORT[trial.flow]) : null,
    trial.start_flow ? html("span", { class: `badge ${trial.start_flow}`, title: trial.start_sentence },
      `${SHORT[trial.start_flow]} at first`) : null,
  ]);
}

/** A trial's line in the ranking: its id, which opens its run in a page that can, its value and its progress. */
function trialLine(trial) {
  const now = live && live.trials[trial.id];
  const id = openTrials && openTrials.has(trial.id)
    ? html("button", { type: "button", class: "link", "data-key": trial.id, title: "show this run" }, trial.id)
    : trial.id;
  if (id !== trial.id) id.onclick = (event) => {
    event.stopPropagation();
    openTrials.open([trial.id]);
  };
  const total = now && now.total_steps ? ` of ${group(now.total_steps)}` : "";
  const step = now && now.step
    ? `step ${group(now.step)}${total}${now.loss === null ? "" : `, loss ${format(now.loss)}`}` : "starting";
  return html("div", {}, data.seeds.length > 1 ? `seed ${trial.seed}: ` : "", id,
    trial.value === null ? "" : ` ${format(trial.value)}`,
    live && data.seeds.length > 1 ? html("span", { class: `state ${trial.state}` }, trial.state) : null,
    now ? html("small", {}, step) : null, trial.reason ? html("small", { class: "reason" }, trial.reason) : null);
}

/** A dotted path that may break after each dot. */
function breakable(path) {
  return path.split(/(?<=\.)/).flatMap((part, index) => (index ? [html("wbr", {}), part] : [part]));
}

function stepsOf(trial) {
  return Math.max(trial.step, live && live.trials[trial.id] ? live.trials[trial.id].step : 0);
}

function secondsOf(trial) {
  return trial.seconds + (live && live.trials[trial.id] ? live.trials[trial.id].seconds : 0);
}

function rankingTable() {
  const head = [
    "", metric.name, "state", "gradients", ...data.parameters.map((one) => one.path), "steps", "time", "trials",
  ];
  const rows = points.map((point, index) => openingRow(point, html("tr", {},
    html("td", { class: "number" },
      html("i", { class: "swatch", style: `background:${point.color}` }), String(index + 1)),
    html("td", { class: "number" }, valueText(point)),
    html("td", {}, html("span", { class: live ? `state ${point.state}` : undefined }, point.state),
      point.rung && point.state !== "finished" ? ` after ${point.rung}` : "",
      point.reason ? html("small", { class: "reason" }, point.reason) : null),
    html("td", { class: "badges" }, badges(point)),
    point.texts.map(settingCell),
    html("td", { class: "number" }, group(point.trials.reduce((sum, trial) => sum + stepsOf(trial), 0))),
    html("td", { class: "number" }, duration(point.trials.reduce((sum, trial) => sum + secondsOf(trial), 0))),
    html("td", { class: "trials" }, point.trials.map(trialLine)))));
  return [
    html("h2", {}, "Ranking"),
    html("p", { class: "note" }, `By the mean of ${metric.name} over the seeds, `
      + `${metric.goal === "minimize" ? "lowest" : "highest"} first; ± is the deviation of the sample. Unfinished `
      + "points are below, by their progress. A badge is the gradient-flow verdict of one trial; point at it for the "
      + "sentence."),
    scrollTable("ranking", head.map(breakable), rows),
  ];
}

/** Makes a click on a point's row open all of its trials, side by side. */
function openingRow(point, row) {
  const ids = point.trials.map((trial) => trial.id).filter((id) => openTrials && openTrials.has(id));
  if (!ids.length) return row;
  row.classList.add("opens");
  row.onclick = () => {
    if (String(window.getSelection()) === "") openTrials.open(ids);
  };
  return row;
}

/** The sentence of each unhealthy gradient-flow verdict. */
function verdicts() {
  const groups = new Map();
  for (const point of points) {
    for (const trial of point.trials) {
      const add = (title, sentence) => groups.set(title, [...(groups.get(title) || []), { point, trial, sentence }]);
      if (trial.start_flow) add(`${VERDICTS[trial.start_flow].slice(2)} in the first steps`, trial.start_sentence);
      if (trial.sentence && trial.flow !== "healthy") add(VERDICTS[trial.flow].slice(2), trial.sentence);
    }
  }
  if (!groups.size) return [];
  return [html("h2", {}, "Gradient flow"), ...[...groups].map(([title, list]) => html("details",
    list.length <= 12 ? { open: "" } : {},
    html("summary", {}, `${title}: ${list.length} trial${list.length === 1 ? "" : "s"}`),
    html("ul", { class: "sentences" }, list.map(({ point, trial, sentence }) =>
      html("li", {}, html("b", {}, `${point.name} seed=${trial.seed}`), " ", sentence)))))];
}

/** The metric over the most important numeric parameter, a curve for each choice of the others. */
function effectChart() {
  const shares = new Map((data.importance || []).map((one) => [one.path, one.share]));
  const isNumeric = (index) => points.every((point) =>
    point.values[index] === null || Number.isFinite(point.values[index]));
  const candidates = data.parameters.map((one, index) => ({ ...one, index }))
    .filter(({ index }) => isNumeric(index) && new Set(ranked.map((point) => point.values[index])).size > 1)
    .sort((a, b) => (shares.get(b.path) ?? 0) - (shares.get(a.path) ?? 0));
  for (const axis of candidates) {
    const groups = new Map();
    for (const point of ranked) {
      if (point.values[axis.index] === null) continue;
      const key = valueTexts(point, axis.index);
      groups.set(key, [...(groups.get(key) || []), point]);
    }
    if (groups.size > COLORS || ![...groups.values()].some((list) => list.length > 1)) continue;
    const series = [...groups].map(([name, list], number) => {
      const sorted = [...list].sort((a, b) => a.values[axis.index] - b.values[axis.index]);
      return {
        name: name || metric.name, x: sorted.map((point) => point.values[axis.index]),
        y: sorted.map((point) => point.mean), color: `var(--run-${number % COLORS})`, markers: true,
      };
    });
    const values = series.flatMap((one) => one.y);
    const log = values.every((value) => value > 0) && Math.max(...values) > 30 * Math.min(...values);
    const ticks = [...new Set(series.flatMap((one) => one.x))].sort((a, b) => a - b);
    return lineChart({
      title: `${metric.name} over ${axis.path}`, series, toggle: values.every((value) => value > 0),
      x: {
        label: axis.path, log: axis.log, ticks: ticks.length <= 8 ? ticks : undefined,
        name: (at) => `${axis.short}=${format(at)}`,
      },
      y: { label: `${metric.name}, mean over seeds`, log, percent: metric.name.endsWith("accuracy") },
    });
  }
  return null;
}

function importanceChart() {
  if (!data.importance) return null;
  const bars = [...data.importance].sort((a, b) => b.share - a.share)
    .map((one) => ({ name: one.path, share: one.share }));
  bars.push({ name: "interactions", share: data.interactions, color: "var(--none)" });
  return shareBars({
    title: "Importance of parameters", label: `share of the variance of ${metric.name} (%)`, bars,
    note: "The share of the variance over the space that each parameter explains by itself, in a forest of 64 "
      + "regression trees on the finished points (functional analysis of variance, Hutter et al. 2014). Interactions "
      + "are the rest.",
  });
}

function ticksWithin(low, high, log, most) {
  return (log ? logTicks : linearTicks)(low, high, most).filter((tick) => tick >= low && tick <= high);
}

function parallelCoordinates() {
  if (!ranked.length || !data.parameters.length) return null;
  const axes = data.parameters.map((one, index) => {
    if (one.choices) {
      const place = (text) => (one.choices.length > 1 ? one.choices.indexOf(text) / (one.choices.length - 1) : 0.5);
      return {
        name: one.short, ticks: one.choices.length <= 12 ? one.choices.map((text) => [place(text), text]) : [],
        place: (point) => (point.texts[index] === null ? null : place(point.texts[index])),
      };
    }
    const map = one.log ? Math.log : (value) => value;
    const place = (value) => (map(value) - map(one.min)) / (map(one.max) - map(one.min));
    const ticks = ticksWithin(one.min, one.max, one.log, 5);
    return {
      name: one.short, ticks: ticks.map((tick) => [place(tick), format(tick, 3)]),
      place: (point) => (point.values[index] === null ? null : place(point.values[index])),
    };
  });
  const means = ranked.map((point) => point.mean);
  const [low, high] = [Math.min(...means), Math.max(...means)];
  const log = low > 0 && high > 30 * low;
  const map = log ? Math.log : (value) => value;
  const share = (value) => (high > low ? (map(value) - map(low)) / (map(high) - map(low)) : 0.5);
  const ticks = high > low ? ticksWithin(low, high, log, 6) : [low];
  axes.push({
    name: metric.name, ticks: ticks.map((tick) => [share(tick), format(tick, 3)]),
    place: (point) => share(point.mean),
  });
  return parallelChart({
    title: "Parallel coordinates", axes,
    lines: ranked.map((point, index) => ({
      name: point.label, color: point.color, strong: index < 3, places: axes.map((axis) => axis.place(point)),
      rows: [[point.color, metric.name, valueText(point)]],
    })),
    note: "A line is a finished point, from the best (blue) to the worst (orange); the best three are thick.",
  });
}

function front() {
  const names = data.metric_names;
  if (ranked.length < 2 || names.length < 2) return null;
  const measures = names.map((name) => ({
    name, smaller: name === metric.name ? metric.goal === "minimize"
      : name === data.second.name ? data.second.goal === "minimize" : !/accuracy|match/.test(name),
  }));
  return scatterChart({
    title: "Pareto front", measures, first: metric.name, second: data.second.name,
    points: ranked.map((point) => ({ name: point.label, color: point.color, measures: point.metrics })),
    note: "Ringed points are the Pareto front: no other point is better in both measures.",
  });
}

function curves() {
  const shown = points.filter((point) => point.trials.some((trial) => trial.training || trial.validation))
    .slice(0, MOST_CURVES);
  const series = (kind) => shown.flatMap((point, index) => point.trials.map((trial, number) => {
    const curve = trial[kind];
    if (!curve || !curve.x.length) return null;
    const named = index < MOST_NAMED && number === 0;
    return {
      name: point.label, x: curve.x, y: curve.y, color: point.color, silent: !named,
      markers: kind === "validation" && named,
    };
  })).filter(Boolean);
  const log = (list) => {
    const values = list.flatMap((one) => one.y).filter((value) => value > 0);
    return values.reduce((a, b) => Math.max(a, b), 0) > 30 * values.reduce((a, b) => Math.min(a, b), Infinity);
  };
  const chart = (kind, title) => {
    const list = series(kind);
    return list.length ? lineChart({
      title, x: STEP_AXIS, y: { label: "mean loss per sample", log: log(list) }, series: list, toggle: true,
      note: live && live.unread ? `${group(live.unread)} more trial${live.unread === 1 ? " is" : "s are"} being read.`
        : points.length > shown.length && shown.length === MOST_CURVES ? `The ${shown.length} best points.`
          : "All trials, from the best (blue) to the worst.",
    }) : null;
  };
  return [chart("training", "Training loss"), chart("validation", "Validation loss")];
}

/**
 * The elements of a page about the sweep `shown`.
 *
 * `opener`: `has(id)` and `open(ids)`, in a page that can open runs of trials.
 */
function sweepParts(shown, opener = null) {
  data = shown;
  points = data.points;
  metric = data.metric;
  live = data.live || null;
  openTrials = opener;
  ranked = points.filter((point) => point.rank !== null);
  points.forEach((point, index) => {
    point.color = point.rank === null ? "var(--none)" : rankColor(point.rank, ranked.length);
    // Stored, because `data` is a run's after one has been opened.
    point.name = valueTexts(point) || "the only point";
    point.label = `${index + 1}. ${point.name}`;
  });
  return [
    html("p", { class: "lead" }, `${metric.goal === "minimize" ? "Lowest" : "Highest"} ${metric.name} over `
      + data.parameters.map((one) => one.path).join(", ") + "."),
    html("section", { class: "cards single", "aria-label": "Summary" }, summaryCard()),
    // In a live page the ranking is the most important part.
    ...(live ? rankingTable() : []),
    ...section("Parameters", null, [effectChart(), importanceChart(), parallelCoordinates(), front()]),
    ...(live ? [] : rankingTable()), ...verdicts(), ...section("Curves", null, curves()),
  ].filter(Boolean);
}

// A live page draws sweeps itself.
if (!document.documentElement.dataset.live) {
  document.title = `Sweep ${data.name} · Troupe`;
  document.getElementById("report").replaceChildren(html("h1", {}, `Sweep ${data.name}`), ...sweepParts(data));
}
