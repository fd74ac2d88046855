"use strict";
// Shares as bars.

/** Bars of (name, share, text) from 0 to 1. `chart`: title, note, label, bars. */
function shareBars(chart) {
  const rowHeight = 30;
  const height = MARGIN.top + chart.bars.length * rowHeight + MARGIN.bottom;
  const parts = makeFigure(chart, height);
  const longest = chart.bars.reduce((best, bar) => Math.max(best, bar.name.length), 0);
  const plot = {
    left: Math.min(250, 20 + 7 * longest), right: WIDTH - 70, top: MARGIN.top, bottom: height - MARGIN.bottom,
  };
  const axis = { label: chart.label, min: 0, max: 1, percent: true };
  const x = makeScale(axis, [0, 1], plot.left, plot.right, 5);
  const rows = chart.bars.map((bar, index) => {
    const top = plot.top + index * rowHeight + 6;
    return svg("g", {},
      svg("rect", {
        x: plot.left, y: top, width: Math.max(0, x(Math.min(1, bar.share)) - plot.left), height: rowHeight - 12,
        style: `fill:${bar.color || "var(--run-0)"}`,
      }),
      svg("text", { class: "value", x: plot.left - 8, y: top + 13, "text-anchor": "end" }, bar.name),
      svg("text", { class: "value", x: plot.right + 8, y: top + 13 }, Math.round(bar.share * 100) + " %"));
  });
  parts.drawing.append(
    svg("desc", {}, chart.bars.map((bar) => `${bar.name} ${Math.round(bar.share * 100)} percent`).join("; ")),
    ...drawAxes(plot, x, { ticks: [] }, axis, { label: "" }), ...rows);
  return parts.figure;
}
