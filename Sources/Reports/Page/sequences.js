"use strict";
// Language models by sequence length: step times, the reach of gradients, losses at other lengths.

/** The time of a step against the length of its sequences. */
function stepTimeChart(probed) {
  const timed = probed.filter((run) => run.probe.times.x.length);
  if (!timed.length) return null;
  const lengths = [...new Set(timed.flatMap((run) => run.probe.times.x))].sort((a, b) => a - b);
  const tokens = timed.flatMap(({ probe }) => probe.times.x.map((length, index) => length * probe.times.rows[index]));
  const [fewest, most] = [Math.min(...tokens), Math.max(...tokens)];
  const conditions = [...new Set(timed.map(({ probe }) =>
    `${probe.times.precision}, ${probe.times.lanes} lane${probe.times.lanes === 1 ? "" : "s"}`))];
  return lineChart({
    title: "Step time against sequence length",
    x: {
      label: "tokens in a sequence", log: true, pad: true, ticks: lengths, name: (length) => `T = ${group(length)}`,
    },
    y: { label: "median time of a training step (ms)", log: true },
    series: timed.map((run) => line(run, run.probe.times, "", { markers: true })),
    note: `Each step has ${group(fewest)}${most > fewest ? " to " + group(most) : ""} random tokens, in fewer `
      + `sequences where they are longer; ${conditions.join(" or ")}.`,
  });
}

/** The gradient of the last token's loss at the tokens before it. */
function reachChart(probed) {
  const measured = probed.filter((run) => run.probe.reach.x.length);
  if (!measured.length) return null;
  return lineChart({
    title: "How far gradients reach back",
    x: { label: "distance (tokens before the last)", name: (distance) => `${group(distance)} tokens back` },
    y: { label: "gradient norm ÷ that of the last token", log: true },
    series: measured.map((run) => line(run, run.probe.reach, "")),
    note: "The loss of a window's last token alone; L2 norm of its gradient at the embedding of each token, root mean "
      + `square over ${group(Math.max(...measured.map((run) => run.probe.reach_windows)))} validation windows. `
      + "A straight fall is a memory that fades at a fixed rate per token.",
  });
}

function lossCell(length) {
  if (!length) return html("td", { class: "absent" }, "not measured");
  if (length.places !== null) return html("td", { class: "absent" }, `no positions beyond ${group(length.places)}`);
  if (length.loss === null) return html("td", {}, "not finite");
  const beyond = length.loss_beyond === null ? null
    : html("small", {}, ` beyond ${format(length.loss_beyond)} (${format(Math.exp(length.loss_beyond))})`);
  return html("td", {}, `${format(length.loss)} (${format(Math.exp(length.loss))})`, beyond);
}

/** The validation loss of each run in windows of several training lengths. */
function lengthTable(probed) {
  const measured = probed.filter((run) => run.probe.lengths.length);
  if (!measured.length) return null;
  const factors = [...new Set(measured.flatMap((run) => run.probe.lengths.map((one) => one.factor)))]
    .sort((a, b) => a - b);
  const heads = ["run", "positions", "training length", ...factors.map((factor) => `${factor}×`)];
  const rows = measured.map((run) => html("tr", {},
    html("th", { scope: "row" }, run.label), html("td", {}, run.probe.position ?? "recurrent"),
    html("td", {}, `${group(run.probe.training_length)} tokens`),
    factors.map((factor) => lossCell(run.probe.lengths.find((one) => one.factor === factor)))));
  return html("figure", {},
    html("figcaption", {}, html("h3", {}, "Validation loss beyond the training length")),
    scrollTable("lengths", heads, rows),
    html("p", { class: "note" }, "Cross-entropy in nats per token, perplexity in brackets, on the same tokens in "
      + `windows of ${factors.join(", ")} training lengths. Beyond: only the tokens of a window after its first `
      + "training length."));
}

function sequences() {
  const probed = runs.filter((run) => run.probe);
  const charts = [stepTimeChart(probed), reachChart(probed)].filter(Boolean);
  const table = lengthTable(probed);
  if (!charts.length && !table) return [];
  return [
    html("h2", {}, "Sequences"), charts.length ? html("div", { class: "grid" }, charts) : null,
    table ? html("div", { class: "grid single" }, table) : null,
  ];
}
