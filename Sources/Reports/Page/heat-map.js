"use strict";
// Cells over steps and layers.

// Anchors, dark to light, of a color map that is even in lightness and clear to color-blind readers.
const HEAT = [
  [32, 12, 74], [58, 28, 113], [66, 62, 133], [56, 96, 140], [42, 127, 142], [35, 157, 136], [70, 186, 115],
  [144, 208, 76], [246, 230, 60],
];
const HEAT_ZERO = [120, 120, 120];
const HEAT_BROKEN = [214, 40, 40];

function heatColor(part) {
  const place = Math.min(1, Math.max(0, part)) * (HEAT.length - 1);
  const index = Math.min(HEAT.length - 2, Math.floor(place));
  return HEAT[index].map((value, channel) => Math.round(value + (HEAT[index + 1][channel] - value) * (place - index)));
}

/**
 * Cells over steps and layers. `chart`: title, note, steps, rows (of log10 values, the input first), rowNames,
 * rowNumbers, low and high of the shared color scale, isZero(value), barLabel.
 */
function heatMap(chart) {
  const height = 350;
  const parts = makeFigure(chart, height);
  const plot = { left: MARGIN.left, right: WIDTH - 108, top: MARGIN.top, bottom: height - MARGIN.bottom };
  const rows = chart.rows.length;
  const columns = chart.steps.length;
  const canvas = html("canvas", { width: columns, height: rows });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(columns, rows);
  const span = chart.high - chart.low || 1;
  chart.rows.forEach((row, index) => row.forEach((value, column) => {
    const color = value === null ? HEAT_BROKEN
      : chart.isZero(value) ? HEAT_ZERO : heatColor((value - chart.low) / span);
    pixels.data.set([...color, 255], ((rows - 1 - index) * columns + column) * 4);
  }));
  context.putImageData(pixels, 0, 0);
  const cellWidth = (plot.right - plot.left) / columns;
  const cellHeight = (plot.bottom - plot.top) / rows;
  const x = makeScale({ whole: true }, [chart.steps[0], chart.steps[columns - 1]], plot.left + cellWidth / 2,
    plot.right - cellWidth / 2, 5);
  const y = (row) => plot.bottom - (row + 0.5) * cellHeight;
  const rowTicks = rows > 1 ? linearTicks(0, rows - 1, 6).filter(Number.isInteger) : [0];
  const cross = svg("rect", { class: "cross",
    fill: "none", width: Math.max(cellWidth, 3), height: Math.max(cellHeight, 3) });
  parts.drawing.append(
    svg("desc", {}, `${chart.barLabel} of ${rows} layers over ${columns} logged steps. Arrow keys move the read-out.`),
    svg("image", {
      href: canvas.toDataURL(), x: plot.left, y: plot.top,
      width: plot.right - plot.left, height: plot.bottom - plot.top,
      preserveAspectRatio: "none", style: "image-rendering:pixelated",
    }),
    svg("rect", { class: "frame", x: plot.left, y: plot.top,
      width: plot.right - plot.left, height: plot.bottom - plot.top }),
    ...x.ticks.map((tick) => svg("text", { x: x(tick), y: plot.bottom + 17, "text-anchor": "middle" }, format(tick))),
    ...rowTicks.map((row) =>
      svg("text", { x: plot.left - 8, y: y(row) + 4, "text-anchor": "end" }, chart.rowNumbers[row])),
    ...axisNames(plot, "step (optimizer updates)", "weight layer, counted from the input"),
    ...colorBar(chart, plot), cross);
  const hide = () => {
    parts.tip.hidden = true;
    cross.style.visibility = "hidden";
  };
  addReadout(parts, plot, (px, py) => {
    const column = Math.min(columns - 1, Math.floor((px - plot.left) / cellWidth));
    const row = Math.min(rows - 1, Math.floor((plot.bottom - py) / cellHeight));
    const value = chart.rows[row][column];
    cross.setAttribute("x", plot.left + column * cellWidth);
    cross.setAttribute("y", plot.bottom - (row + 1) * cellHeight);
    cross.style.visibility = "visible";
    const text = value === null ? "not finite" : chart.isZero(value) ? "0" : format(Math.pow(10, value), 3);
    showTip(parts, px, py, `step ${group(chart.steps[column])}, layer ${chart.rowNumbers[row]}`,
      [["", chart.rowNames[row], text]]);
  }, hide);
  return parts.figure;
}

function colorBar(chart, plot) {
  const left = plot.right + 18;
  const width = 14;
  const gradient = "g" + (identifiers += 1);
  const special = [[chart.hasZero, HEAT_ZERO, "zero"],
    [chart.hasBroken, HEAT_BROKEN, "not finite"]].filter(([use]) => use);
  const bottom = plot.bottom - special.length * 20;
  const place = (value) => bottom - ((value - chart.low) / (chart.high - chart.low || 1)) * (bottom - plot.top);
  const ticks = linearTicks(chart.low, chart.high, 6).filter((tick) => Number.isInteger(tick));
  const middle = (plot.top + bottom) / 2;
  return [
    svg("linearGradient", { id: gradient, x1: 0, x2: 0, y1: 1, y2: 0 }, HEAT.map((color, index) =>
      svg("stop", { offset: index / (HEAT.length - 1), "stop-color": `rgb(${color})` }))),
    svg("rect", { x: left, y: plot.top, width, height: bottom - plot.top, fill: `url(#${gradient})` }),
    ticks.map((tick) => svg("text", { x: left + width + 5, y: place(tick) + 4 }, powerOfTen(tick))),
    special.map(([, color, name], index) => [
      svg("rect", { x: left, y: bottom + 6 + index * 20, width, height: 12, fill: `rgb(${color})` }),
      svg("text", { x: left + width + 5, y: bottom + 16 + index * 20 }, name),
    ]).flat(),
    svg("text", {
      class: "axis", x: WIDTH - 6, y: middle, "text-anchor": "middle", transform: `rotate(-90 ${WIDTH - 6} ${middle})`,
    }, chart.barLabel),
  ].flat();
}
