"use strict";
// Curves over a common axis.

function nearest(values, target) {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < target) low = middle + 1;
    else high = middle;
  }
  return low > 0 && target - values[low - 1] < values[low] - target ? low - 1 : low;
}

function pathOf(series, x, y, log) {
  let path = "";
  let pen = "M";
  series.x.forEach((step, index) => {
    const value = series.y[index];
    if (value === null || !Number.isFinite(value) || (log && value <= 0)) {
      pen = "M";
      return;
    }
    path += pen + x(step).toFixed(1) + " " + y(value).toFixed(1);
    pen = "L";
  });
  return path;
}

function curveStyle(series) {
  const dash = series.dash ? `;stroke-dasharray:${series.dash}` : "";
  return `stroke:${series.color};stroke-width:${series.faint ? 1 : 2};opacity:${series.faint ? 0.3 : 1}${dash}`;
}

/** The chosen scale (logarithmic or not) by the chart's title: kept when a live page is redrawn. */
const chosenScales = new Map();

function makeLegend(series) {
  const entries = series.filter((one) => !one.silent);
  if (entries.length < 2) return null;
  return html("ul", { class: "legend" }, entries.map((one) => html("li", {},
    svg("svg", { viewBox: "0 0 28 10", "aria-hidden": "true" },
      svg("line", { x1: 1, x2: 27, y1: 5, y2: 5, style: curveStyle(one) }),
      one.markers ? svg("circle", { cx: 14, cy: 5, r: 3, style: `fill:${one.color}` }) : null),
    one.name)));
}

/**
 * Curves over a common axis. `chart`: title, note, x and y axes (label, log, min, max, percent, whole), and series
 * (name, x, y, color, dash, faint, markers, silent). `chart.toggle` adds a button between log and linear.
 */
function lineChart(chart) {
  if (chosenScales.has(chart.title)) chart.y = { ...chart.y, log: chosenScales.get(chart.title) };
  const height = chart.height || 330;
  const parts = makeFigure(chart, height);
  const plot = { left: MARGIN.left, right: WIDTH - MARGIN.right, top: MARGIN.top, bottom: height - MARGIN.bottom };
  const series = chart.series.filter((one) => one.x.length > 0);
  const render = () => {
    const x = makeScale(chart.x, series.flatMap((one) => one.x), plot.left, plot.right, 7);
    const y = makeScale({ pad: true, ...chart.y }, series.flatMap((one) => one.y), plot.bottom, plot.top, 6);
    const cross = svg("line", { class: "cross", y1: plot.top, y2: plot.bottom });
    const clip = "c" + (identifiers += 1);
    const curves = series.map((one) => svg("g", {},
      svg("path", { class: "curve", d: pathOf(one, x, y, chart.y.log), style: curveStyle(one) }),
      (one.markers || one.x.length === 1) && one.x.length <= 60 ? one.x.map((step, index) => {
        const value = one.y[index];
        if (value === null || (chart.y.log && value <= 0)) return null;
        return svg("circle", { cx: x(step), cy: y(value), r: one.x.length > 25 ? 2 : 3, style: `fill:${one.color}` });
      }) : null));
    const range = series.length ? "" : "There is nothing to draw.";
    parts.drawing.replaceChildren(
      svg("desc", {}, `${chart.y.label} against ${chart.x.label}. ${range}Arrow keys move the read-out.`),
      svg("clipPath", { id: clip }, svg("rect", {
        x: plot.left, y: plot.top - 3, width: plot.right - plot.left, height: plot.bottom - plot.top + 6,
      })),
      ...drawAxes(plot, x, y, chart.x, chart.y), svg("g", { "clip-path": `url(#${clip})` }, curves), cross);
    if (!series.length) {
      parts.drawing.append(svg("text", {
        x: (plot.left + plot.right) / 2, y: height / 2, "text-anchor": "middle" }, "not logged"));
      return;
    }
    const hide = () => {
      parts.tip.hidden = true;
      cross.style.visibility = "hidden";
    };
    addReadout(parts, plot, (px, py) => {
      const target = x.invert(px);
      const spoken = series.filter((one) => !one.silent);
      const anchor = spoken.map((one) => one.x[nearest(one.x, target)])
        .reduce((best, value) => Math.abs(value - target) < Math.abs(best - target) ? value : best);
      const rows = spoken.filter((one) => anchor >= one.x[0] && anchor <= one.x[one.x.length - 1]).map((one) => {
        const value = one.y[nearest(one.x, anchor)];
        return [one.color, one.name,
          chart.y.percent && value !== null ? (value * 100).toFixed(1) + " %" : format(value)];
      });
      cross.setAttribute("x1", x(anchor));
      cross.setAttribute("x2", x(anchor));
      cross.style.visibility = "visible";
      showTip(parts, x(anchor), py, chart.x.name ? chart.x.name(anchor) : `step ${group(anchor)}`, rows);
    }, hide);
  };
  if (chart.toggle && series.length) {
    const button = html("button", { type: "button" });
    const label = () => { button.textContent = chart.y.log ? "use a linear axis" : "use a logarithmic axis"; };
    button.onclick = () => {
      chart.y = { ...chart.y, log: !chart.y.log };
      chosenScales.set(chart.title, chart.y.log);
      label();
      render();
    };
    label();
    parts.caption.append(button);
  }
  render();
  const legend = makeLegend(series);
  if (legend) parts.caption.after(legend);
  return parts.figure;
}
