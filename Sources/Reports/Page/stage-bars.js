"use strict";
// Busy and waiting time of the stages.

/** Busy and waiting time as stacked bars. `chart`: title, note, bars of (name, busy, waiting) in seconds, color. */
function stageBars(chart) {
  const rowHeight = 26;
  const height = MARGIN.top + chart.bars.length * rowHeight + MARGIN.bottom;
  const parts = makeFigure(chart, height);
  const plot = { left: 112, right: WIDTH - 120, top: MARGIN.top, bottom: height - MARGIN.bottom };
  const longest = chart.longest || Math.max(...chart.bars.map((bar) => bar.busy + bar.waiting));
  const axis = { label: "time (seconds): filled is busy, outlined is waiting", min: 0, max: longest };
  const x = makeScale(axis, [0, longest], plot.left, plot.right, 5);
  const rows = chart.bars.map((bar, index) => {
    const top = plot.top + index * rowHeight + 5;
    const share = bar.busy / (bar.busy + bar.waiting || 1);
    const bold = index === chart.bound ? "font-weight:700" : "";
    return svg("g", {},
      svg("title", {}, `${bar.name}: busy ${format(bar.busy, 3)} s, waiting ${format(bar.waiting, 3)} s`),
      svg("rect", {
        x: plot.left, y: top, width: Math.max(0, x(bar.busy + bar.waiting) - plot.left), height: rowHeight - 10,
        style: `fill:${chart.color};fill-opacity:.14;stroke:${chart.color}`,
      }),
      svg("rect", {
        x: plot.left, y: top, width: Math.max(0, x(bar.busy) - plot.left), height: rowHeight - 10,
        style: `fill:${chart.color}`,
      }),
      svg("text", { class: "value", x: plot.left - 8, y: top + 12, "text-anchor": "end", style: bold }, bar.name),
      svg("text", { class: "value", x: plot.right + 8, y: top + 12, style: bold },
        `${Math.round(share * 100)} % of ${format(bar.busy + bar.waiting, 3)} s`));
  });
  parts.drawing.append(
    svg("desc", {}, chart.bars.map((bar) =>
      `${bar.name} busy ${format(bar.busy, 3)} seconds, waiting ${format(bar.waiting, 3)} seconds`).join("; ")),
    ...drawAxes(plot, x, { ticks: [] }, axis, { label: "" }), ...rows);
  return parts.figure;
}
