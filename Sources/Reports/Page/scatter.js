"use strict";
// Points in a plane, and their Pareto front.

/** Indices of the points without another that is better in one cost and no worse in the other; smaller is better. */
function paretoFront(points) {
  return points.map((_, index) => index).filter((index) => {
    const { a, b } = points[index];
    return !points.some((other) => other.a <= a && other.b <= b && (other.a < a || other.b < b));
  });
}

/** The chosen measures by the chart's title: kept when a live page is redrawn. */
const chosenMeasures = new Map();

/**
 * A scatter of points (name, color, measures) with a choice of two measures and their Pareto front.
 * `chart`: title, note, measures of (name, smaller), points, first and second (names of measures).
 */
function scatterChart(chart) {
  const height = 360;
  const parts = makeFigure(chart, height);
  const plot = { left: MARGIN.left, right: WIDTH - MARGIN.right, top: MARGIN.top, bottom: height - MARGIN.bottom };
  const chosen = chosenMeasures.get(chart.title) || { x: chart.second, y: chart.first };
  chosenMeasures.set(chart.title, chosen);
  const measure = (name) => chart.measures.find((one) => one.name === name);
  const render = () => {
    const shown = chart.points.filter((point) =>
      [chosen.x, chosen.y].every((name) => Number.isFinite(point.measures[name] ?? NaN)));
    const log = (name) => {
      const values = shown.map((point) => point.measures[name]);
      return values.every((value) => value > 0) && Math.max(...values) > 30 * Math.min(...values);
    };
    const xAxis = { label: chosen.x, log: log(chosen.x), pad: true };
    const yAxis = { label: chosen.y, log: log(chosen.y), pad: true };
    const x = makeScale(xAxis, shown.map((point) => point.measures[chosen.x]), plot.left, plot.right, 6);
    const y = makeScale(yAxis, shown.map((point) => point.measures[chosen.y]), plot.bottom, plot.top, 6);
    const cost = (point, name) => point.measures[name] * (measure(name).smaller ? 1 : -1);
    const front = paretoFront(shown.map((point) => ({ a: cost(point, chosen.x), b: cost(point, chosen.y) })))
      .sort((a, b) => shown[a].measures[chosen.x] - shown[b].measures[chosen.x]);
    const line = front.map((index, place) => (place ? "L" : "M") + x(shown[index].measures[chosen.x]).toFixed(1) + " "
      + y(shown[index].measures[chosen.y]).toFixed(1)).join("");
    const ring = svg("circle", { r: 8, class: "cross cell", fill: "none" });
    parts.drawing.replaceChildren(
      svg("desc", {}, `${chosen.y} against ${chosen.x}; ${front.length} of ${shown.length} points are on the Pareto `
        + "front. Arrow keys move the read-out."),
      ...drawAxes(plot, x, y, xAxis, yAxis),
      svg("path", { class: "curve", d: line, style: "stroke:var(--muted);stroke-width:1.5;stroke-dasharray:5 4" }),
      ...shown.map((point, index) => svg("circle", {
        cx: x(point.measures[chosen.x]), cy: y(point.measures[chosen.y]), r: front.includes(index) ? 6 : 4,
        style: `fill:${point.color}`
          + (front.includes(index) ? ";stroke:var(--ink);stroke-width:1.5" : ";opacity:.75"),
      })), ring);
    if (!shown.length) return;
    const hide = () => {
      parts.tip.hidden = true;
      ring.style.visibility = "hidden";
    };
    addReadout(parts, plot, (px, py) => {
      const away = (point) => Math.hypot(x(point.measures[chosen.x]) - px, y(point.measures[chosen.y]) - py);
      const near = shown.reduce((best, point) => (away(point) < away(best) ? point : best));
      ring.setAttribute("cx", x(near.measures[chosen.x]));
      ring.setAttribute("cy", y(near.measures[chosen.y]));
      ring.style.visibility = "visible";
      showTip(parts, x(near.measures[chosen.x]), y(near.measures[chosen.y]), near.name,
        [chosen.y, chosen.x].map((name) => [near.color, name, format(near.measures[name])]));
    }, hide);
  };
  const chooser = (axis, label) => html("label", {}, label + " ", (() => {
    const list = html("select", {}, chart.measures.map((one) =>
      html("option", one.name === chosen[axis] ? { value: one.name, selected: "" } : { value: one.name }, one.name)));
    list.onchange = () => {
      chosen[axis] = list.value;
      // A live page is not redrawn while a list has the focus.
      list.blur();
      render();
    };
    return list;
  })());
  parts.caption.after(html("p", { class: "choices" }, chooser("y", "upwards:"), " ", chooser("x", "to the right:")));
  render();
  return parts.figure;
}
