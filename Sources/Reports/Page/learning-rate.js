"use strict";
// The page of a search for a learning rate.

const RATE_COLORS = ["var(--run-0)", "var(--run-1)", "var(--run-2)"];

function rateChart() {
  const { rates, losses, smoothed, steepest, lowest } = data;
  const point = (place, name, color) => (place === null ? [] : [{
    name: `${name}: ${format(rates[place], 3)}`, x: [rates[place]], y: [smoothed[place]], color, markers: true,
  }]);
  // Losses far above the first are divergence; their size does not matter.
  const top = smoothed[0] + 1.5 * Math.max(1e-9, smoothed[0] - Math.min(...smoothed));
  const low = Math.min(...losses);
  return lineChart({
    title: "Loss against learning rate",
    x: { label: "learning rate", log: true, name: (rate) => `rate ${format(rate, 3)}` },
    y: { label: "mean loss per sample", min: low - 0.05 * (top - low), max: top },
    series: [
      { name: "every step", x: rates, y: losses, color: RATE_COLORS[0], faint: true, silent: true },
      { name: "mean over neighbors", x: rates, y: smoothed, color: RATE_COLORS[0] },
      ...point(steepest, "steepest fall", RATE_COLORS[1]), ...point(lowest, "lowest loss", RATE_COLORS[2]),
    ],
    note: "Every step had a larger rate than the step before. The loss falls fastest at the suggested rate.",
  });
}

const answer = data.steepest === null ? "The loss falls at no rate."
  : `Suggested learning rate: ${format(data.rates[data.steepest], 3)}.`;
document.title = `Learning rate of ${data.name} · Troupe`;
document.getElementById("report").replaceChildren(
  html("h1", {}, `Learning rate of ${data.name}`),
  html("p", { class: "lead" }, answer
    + (data.diverged ? ` Training diverged at ${format(data.diverged, 3)}.` : "")),
  html("div", { class: "grid single" }, rateChart()));
