"use strict";
// Charts in plain SVG. Every chart is a figure with a title, named axes, a legend, and a read-out that follows the
// pointer and the arrow keys.

const SVG = "http://www.w3.org/2000/svg";
// A drawing is as wide as its figure: on a phone, fewer units make the text large enough to read.
const WIDTH = window.innerWidth < 600 ? 420 : 640;
const TICK_WIDTH = 60;
const MARGIN = { left: 86, right: 14, top: 10, bottom: 46 };

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null) continue;
    if (key === "style") element.style.cssText = value;
    else element.setAttribute(key, value);
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined) element.append(child);
  }
  return element;
}

function html(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

function svg(name, attributes, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³",
  4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

function powerOfTen(exponent) {
  return "10" + [...String(exponent)].map((sign) => SUPERSCRIPT[sign]).join("");
}

/** A number with `digits` significant digits. */
function format(value, digits = 4) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "not finite";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) {
    const [mantissa, exponent] = value.toExponential(digits - 2).split("e");
    const short = String(Number(mantissa));
    const power = powerOfTen(Number(exponent));
    return short === "1" ? power : short + "·" + power;
  }
  if (Number.isInteger(value)) return group(value);
  return String(Number(value.toPrecision(digits)));
}

/** A whole number with thin spaces between thousands. */
function group(value) {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

function linearTicks(low, high, most) {
  const rough = (high - low) / most;
  const unit = Math.pow(10, Math.floor(Math.log10(rough)));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * unit).find((size) => size >= rough * 0.999);
  const ticks = [];
  for (let index = Math.ceil(low / step - 1e-9); index * step <= high + step * 1e-9; index += 1) {
    ticks.push(Number((index * step).toPrecision(12)));
  }
  return ticks;
}

function logTicks(low, high, most) {
  const first = Math.floor(Math.log10(low) + 1e-9);
  const last = Math.ceil(Math.log10(high) - 1e-9);
  const every = Math.max(1, Math.ceil((last - first) / most));
  const factors = last - first <= 2 ? [1, 2, 5] : [1];
  if (high / low < 20) return linearTicks(low, high, most);
  const ticks = [];
  for (let exponent = Math.ceil(first / every) * every; exponent <= last; exponent += every) {
    for (const factor of factors) ticks.push(Number((factor + "e" + exponent)));
  }
  return ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
}

/** Maps values to pixels: `axis` has label, log, min, max, ticks; `from` and `to` are pixels. */
function makeScale(axis, values, from, to, most) {
  const usable = values.filter((value) => Number.isFinite(value) && (!axis.log || value > 0));
  let low = axis.min ?? usable.reduce((best, value) => Math.min(best, value), Infinity);
  let high = axis.max ?? usable.reduce((best, value) => Math.max(best, value), -Infinity);
  if (!(low <= high)) [low, high] = axis.log ? [0.1, 1] : [0, 1];
  if (axis.log) {
    // At least half a decade is drawn, so that noise does not look like a trend.
    const missing = Math.max(1.1, Math.sqrt(10) / (high / low), Math.pow(high / low, 0.08));
    if (axis.pad) [low, high] = [low / Math.sqrt(missing), high * Math.sqrt(missing)];
    low = Math.max(low, 1e-300);
  } else if (high - low <= Math.abs(high) * 1e-9) {
    const reach = Math.abs(high) * 0.1 || 1;
    [low, high] = [axis.min ?? low - reach, axis.max ?? high + reach];
    if (!(low < high)) high = low + 1;
  } else if (axis.pad) {
    const reach = (high - low) * 0.04;
    [low, high] = [axis.min ?? low - reach, axis.max ?? high + reach];
  }
  const map = axis.log ? Math.log10 : (value) => value;
  const start = map(low);
  const size = map(high) - start;
  const scale = (value) => from + ((map(value) - start) / size) * (to - from);
  scale.invert = (pixel) => {
    const value = start + ((pixel - from) / (to - from)) * size;
    return axis.log ? Math.pow(10, value) : value;
  };
  // Horizontally, each tick needs room for a number.
  if (to > from) most = Math.min(most, Math.max(2, Math.floor((to - from) / TICK_WIDTH)));
  scale.ticks = axis.ticks ?? (axis.log ? logTicks(low, high, most) : linearTicks(low, high, most));
  if (axis.whole) scale.ticks = scale.ticks.filter((tick) => Number.isInteger(tick));
  return scale;
}

function tickText(value, axis) {
  if (axis.percent) return Number((value * 100).toPrecision(6)) + " %";
  const exponent = Math.log10(value);
  if (axis.log && Number.isInteger(Math.round(exponent * 1e6) / 1e6) && (value >= 1e4 || value < 1e-2)) {
    return powerOfTen(Math.round(exponent));
  }
  return format(value);
}

function drawAxes(plot, x, y, xAxis, yAxis) {
  const { left, right, top, bottom } = plot;
  const parts = [];
  for (const tick of y.ticks) {
    const place = y(tick);
    parts.push(svg("line", { class: "gridline", x1: left, x2: right, y1: place, y2: place }));
    parts.push(svg("text", { x: left - 8, y: place + 4, "text-anchor": "end" }, tickText(tick, yAxis)));
  }
  for (const tick of x.ticks) {
    const place = x(tick);
    if (!xAxis.bare) parts.push(svg("line", { class: "gridline", x1: place, x2: place, y1: top, y2: bottom }));
    parts.push(svg("text", { x: place, y: bottom + 17, "text-anchor": "middle" }, tickText(tick, xAxis)));
  }
  parts.push(svg("rect", { class: "frame", x: left, y: top, width: right - left, height: bottom - top }));
  parts.push(...axisNames(plot, xAxis.label, yAxis.label));
  return parts;
}

function axisNames(plot, xLabel, yLabel) {
  const middle = (plot.top + plot.bottom) / 2;
  return [
    svg("text", { class: "axis",
      x: (plot.left + plot.right) / 2, y: plot.bottom + 38, "text-anchor": "middle" }, xLabel),
    svg("text", {
      class: "axis", x: 12, y: middle, "text-anchor": "middle", transform: `rotate(-90 12 ${middle})`,
    }, yLabel),
  ];
}

let identifiers = 0;

/** The frame of all charts: caption, drawing, read-out. */
function makeFigure(chart, height) {
  identifiers += 1;
  const titleID = "t" + identifiers;
  const drawing = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${height}`, role: "img", tabindex: 0, "aria-labelledby": titleID,
  });
  const caption = html("figcaption", {}, html("h3", { id: titleID }, chart.title));
  const tip = html("div", { class: "tip", hidden: "" });
  const spoken = html("div", { class: "hidden", "aria-live": "polite" });
  const figure = html("figure", {}, caption, drawing, tip, spoken);
  if (chart.note) figure.append(html("p", { class: "note" }, chart.note));
  return { figure, caption, drawing, tip, spoken };
}

/** Shows `rows` of [color, name, value] under `heading` beside the point (x, y) of the drawing. */
function showTip(parts, x, y, heading, rows) {
  const { figure, drawing, tip, spoken } = parts;
  tip.replaceChildren(html("b", {}, heading), ...rows.map(([color, name, value]) =>
    html("div", {}, html("span", {}, color ? html("i", { style: `background:${color}` }) : null, name),
      html("b", {}, value))));
  tip.hidden = false;
  const box = drawing.getBoundingClientRect();
  const outer = figure.getBoundingClientRect();
  const factor = box.width / WIDTH;
  const place = box.left - outer.left + x * factor;
  const leftSide = place > outer.width / 2;
  tip.style.left = (leftSide ? Math.max(4, place - tip.offsetWidth - 12) : place + 12) + "px";
  tip.style.top = Math.max(0, box.top - outer.top + y * factor - 10) + "px";
  spoken.textContent = heading + ": " + rows.map(([, name, value]) => `${name} ${value}`).join(", ");
}

/**
 * Calls `show(x, y)` in the drawing's coordinates for the pointer and the arrow keys, `hide()` when they leave.
 * An arrow key moves by one of the `cells` across or down the plot.
 */
function addReadout(parts, plot, show, hide, cells = { across: 60, down: 30 }) {
  const { drawing } = parts;
  const cell = { x: (plot.right - plot.left) / cells.across, y: (plot.bottom - plot.top) / cells.down };
  // The middle of a cell, away from its borders.
  const at = {
    x: plot.left + (Math.floor(cells.across / 2) + 0.5) * cell.x,
    y: plot.top + (Math.floor(cells.down / 2) + 0.5) * cell.y,
  };
  const move = (x, y) => {
    at.x = Math.min(plot.right, Math.max(plot.left, x));
    at.y = Math.min(plot.bottom, Math.max(plot.top, y));
    show(at.x, at.y);
  };
  drawing.onpointermove = (event) => {
    const box = drawing.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * WIDTH;
    const y = ((event.clientY - box.top) / box.width) * WIDTH;
    if (x < plot.left - 4 || x > plot.right + 4 || y < plot.top || y > plot.bottom) hide();
    else move(x, y);
  };
  drawing.onpointerleave = hide;
  drawing.onblur = hide;
  drawing.onkeydown = (event) => {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key === "Escape") hide();
    if (!steps) return;
    event.preventDefault();
    move(at.x + steps[0] * cell.x, at.y + steps[1] * cell.y);
  };
}
