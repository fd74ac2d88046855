"use strict";
// Parallel coordinates: an axis per parameter, a line per point.

/**
 * `chart`: title, note, axes of (name, log, ticks of [place 0...1, text]), and lines (name, color, places, rows,
 * strong) with a place from 0 to 1 on each axis, or null where the point has none.
 */
function parallelChart(chart) {
  const height = 400;
  const parts = makeFigure(chart, height);
  const plot = { left: 60, right: WIDTH - 60, top: 44, bottom: height - 20 };
  const count = chart.axes.length;
  const x = (index) => plot.left + (count > 1 ? (index / (count - 1)) * (plot.right - plot.left) : 0);
  const y = (place) => plot.bottom - place * (plot.bottom - plot.top);
  const paths = chart.lines.map((line) => {
    let path = "";
    let pen = "M";
    line.places.forEach((place, index) => {
      if (place === null) return;
      path += pen + x(index).toFixed(1) + " " + y(place).toFixed(1);
      pen = "L";
    });
    return svg("path", {
      class: "curve", d: path,
      style: `stroke:${line.color};stroke-width:${line.strong ? 2.5 : 1.3};opacity:${line.strong ? 1 : 0.6}`,
    });
  });
  const axes = chart.axes.map((axis, index) => svg("g", {},
    svg("line", { x1: x(index), x2: x(index), y1: plot.top, y2: plot.bottom, style: "stroke:var(--muted)" }),
    svg("text", {
      class: "axis", x: x(index), y: index % 2 ? 30 : 14,
      "text-anchor": index === 0 ? "start" : index === count - 1 ? "end" : "middle",
      dx: index === 0 ? -50 : index === count - 1 ? 50 : 0,
    }, axis.name),
    axis.ticks.map(([place, text]) => svg("g", {},
      svg("line", { x1: x(index) - 4, x2: x(index) + 4, y1: y(place), y2: y(place), style: "stroke:var(--muted)" }),
      svg("text", {
        class: "value halo", x: x(index) + (index === count - 1 ? 8 : -8), y: y(place) + 4,
        "text-anchor": index === count - 1 ? "start" : "end",
      }, text)))));
  // From the worst to the best, so that the best are on top.
  parts.drawing.append(
    svg("desc", {}, `${chart.lines.length} points over ${count} axes. Arrow keys move the read-out.`),
    svg("g", {}, [...paths].reverse()), ...axes);
  const plain = paths.map((path) => path.style.cssText);
  const hide = () => {
    parts.tip.hidden = true;
    paths.forEach((path, index) => { path.style.cssText = plain[index]; });
  };
  if (!chart.lines.length || count < 2) return parts.figure;
  const at = (line, px) => {
    const known = line.places.map((place, index) => (place === null ? null : [x(index), y(place)])).filter(Boolean);
    const after = known.findIndex(([place]) => place >= px);
    if (after <= 0) return (after < 0 ? known[known.length - 1] : known[0])[1];
    const [[x0, y0], [x1, y1]] = [known[after - 1], known[after]];
    return y0 + ((y1 - y0) * (px - x0)) / (x1 - x0);
  };
  addReadout(parts, plot, (px, py) => {
    const away = (index) => Math.abs(at(chart.lines[index], px) - py);
    const near = chart.lines.reduce((best, _, index) => (away(index) < away(best) ? index : best), 0);
    paths.forEach((path, index) => {
      path.style.cssText = plain[index] + (index === near ? ";opacity:1;stroke-width:3.5" : ";opacity:.15");
    });
    showTip(parts, px, py, chart.lines[near].name, chart.lines[near].rows);
  }, hide);
  return parts.figure;
}
