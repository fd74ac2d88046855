"use strict";
// The confusion matrix of a classifier, its classes and its worst mistakes.

const NAMED_CLASSES = 30;
const NUMBERED_CLASSES = 15;
const LONGEST_LABEL = 12;
const SHADES = 16;

const shorten = (name) => (name.length > LONGEST_LABEL ? name.slice(0, LONGEST_LABEL - 1) + "…" : name);

/** The share of a class's samples in each cell of its row. */
function cellShares(evaluation) {
  const shares = [];
  for (let index = 0; index < evaluation.cells.length; index += 3) {
    const [row, column, count] = evaluation.cells.slice(index, index + 3);
    shares.push({ row, column, count, share: count / (evaluation.scores[row][0] || 1) });
  }
  return shares;
}

/**
 * A row for each class, a column for each answer. `chart`: title, note, classes, scores, cells of `cellShares`, color,
 * worst: the share of the strongest shade among mistakes.
 */
function confusionMatrix(chart) {
  const size = chart.classes.length;
  const areNamed = size <= NAMED_CLASSES;
  const labels = areNamed ? chart.classes.map(shorten) : linearTicks(0, size - 1, 8).filter(Number.isInteger);
  const longest = labels.reduce((best, label) => Math.max(best, String(label).length), 1);
  const isTurned = areNamed && longest > 2;
  const plot = { left: 34 + 7 * longest, right: WIDTH - MARGIN.right, top: MARGIN.top };
  plot.bottom = plot.top + Math.min(430, plot.right - plot.left);
  const underLabels = isTurned ? 6.5 * longest : 0;
  const height = plot.bottom + MARGIN.bottom + underLabels;
  const parts = makeFigure(chart, height);
  const width = (plot.right - plot.left) / size;
  const tall = (plot.bottom - plot.top) / size;
  const x = (column) => plot.left + column * width;
  const y = (row) => plot.top + row * tall;

  // One path for each shade: a thousand classes have too many cells for one element per cell.
  // Cells of less than a pixel would be invisible.
  const [drawnWidth, drawnTall] = [Math.max(width, 1.2), Math.max(tall, 1.2)].map((side) => side.toFixed(2));
  const outline = `h${drawnWidth}v${drawnTall}h-${drawnWidth}z`;
  const shades = new Map();
  const numbers = [];
  for (const { row, column, count, share } of chart.cells) {
    const isRight = row === column;
    const part = isRight ? share : Math.sqrt(share / chart.worst);
    const level = Math.max(1, Math.round(Math.min(1, part) * SHADES));
    const key = isRight ? level : -level;
    const corner = `M${x(column).toFixed(2)} ${y(row).toFixed(2)}`;
    shades.set(key, (shades.get(key) || "") + corner + outline);
    if (size > NUMBERED_CLASSES) continue;
    numbers.push(svg("text", { class: level > SHADES * 0.6 ? "on-cell" : "value",
      x: x(column + 0.5), y: y(row + 0.5) + 4, "text-anchor": "middle" }, group(count)));
  }
  const cross = svg("rect", { class: "cross cell", fill: "none",
    width: Math.max(width, 3), height: Math.max(tall, 3) });
  const painted = [...shades].map(([key, d]) => {
    const color = key > 0 ? chart.color : "var(--bad)";
    const opacity = (0.08 + 0.92 * Math.abs(key) / SHADES).toFixed(3);
    return svg("path", { d, "shape-rendering": "crispEdges", style: `fill:${color};fill-opacity:${opacity}` });
  });
  const place = (label, index) => (areNamed ? index : label) + 0.5;
  const rowLabels = labels.map((label, index) =>
    svg("text", { x: plot.left - 7, y: y(place(label, index)) + 4, "text-anchor": "end" }, label));
  const columnLabels = labels.map((label, index) => {
    const at = x(place(label, index));
    return isTurned
      ? svg("text", { x: at, y: plot.bottom + 12, "text-anchor": "end",
        transform: `rotate(-60 ${at} ${plot.bottom + 12})` }, label)
      : svg("text", { x: at, y: plot.bottom + 17, "text-anchor": "middle" }, label);
  });
  const across = (plot.left + plot.right) / 2;
  const middle = (plot.top + plot.bottom) / 2;
  parts.drawing.append(
    svg("desc", {}, `Confusion matrix of ${size} classes: rows are true classes, columns answers. `
      + "Arrow keys move the read-out; the table of classes has the same in words."),
    ...painted,
    svg("rect", { class: "frame", x: plot.left, y: plot.top,
      width: plot.right - plot.left, height: plot.bottom - plot.top }),
    ...numbers, ...rowLabels, ...columnLabels,
    svg("text", { class: "axis", x: across, y: plot.bottom + 38 + underLabels, "text-anchor": "middle" },
      "answer of the model"),
    svg("text", { class: "axis", x: 12, y: middle, "text-anchor": "middle", transform: `rotate(-90 12 ${middle})` },
      "true class"),
    cross);
  const key = (color, text) => html("li", {}, html("i", { style: `background:${color}` }), text);
  parts.figure.insertBefore(html("ul", { class: "legend keys" },
    key(chart.color, "right: stronger is a larger share of the class"),
    key("var(--bad)", `wrong: strongest is ${shareText(chart.worst)} of the class`)), parts.tip);
  const counts = new Map(chart.cells.map((cell) => [cell.row * size + cell.column, cell.count]));
  const hide = () => {
    parts.tip.hidden = true;
    cross.style.visibility = "hidden";
  };
  addReadout(parts, plot, (px, py) => {
    const column = Math.min(size - 1, Math.floor((px - plot.left) / width));
    const row = Math.min(size - 1, Math.floor((py - plot.top) / tall));
    const count = counts.get(row * size + column) || 0;
    const [total] = chart.scores[row];
    cross.setAttribute("x", x(column));
    cross.setAttribute("y", y(row));
    cross.style.visibility = "visible";
    const [name, answer] = [chart.classes[row], chart.classes[column]];
    showTip(parts, px, py, row === column ? `${name}, recognized` : `${name}, mistaken for ${answer}`, [
      ["", "samples", `${group(count)} of ${group(total)}`],
      ["", "share of the class", total ? shareText(count / total) : "–"],
    ]);
  }, hide, { across: size, down: size });
  return parts.figure;
}

const WEAKEST = 12;
const LISTED_CLASSES = 20;

/**
 * Classes with their scores: all of a few, the weakest of many with the others folded away. `rows`: name, order, and
 * cells(), which makes new cells at each call.
 */
function classFigure(title, heads, rows) {
  const table = (some) => scrollTable("classes", heads,
    some.map((row) => html("tr", {}, html("th", { scope: "row" }, row.name), row.cells())));
  const isLong = rows.length > LISTED_CLASSES;
  const weakest = [...rows].sort((a, b) => a.order - b.order).slice(0, WEAKEST);
  return html("figure", {}, html("figcaption", {}, html("h3", {}, title)),
    isLong ? html("p", { class: "note" }, `The ${WEAKEST} weakest of ${rows.length} classes.`) : null,
    table(isLong ? weakest : rows),
    isLong ? html("details", {}, html("summary", {}, `All ${rows.length} classes`), table(rows)) : null);
}

/** A share as text, with the precision of some hundred samples. */
function shareText(value) {
  if (value === null) return "not finite";
  return value > 0 && value < 0.0005 ? "<\u00a00.1\u00a0%" : (value * 100).toFixed(1) + "\u00a0%";
}

/** A share with a bar of that length. */
function shareCell(value) {
  return value === null ? html("td", { class: "absent" }, "–")
    : html("td", { class: "share", style: `--share:${(value * 100).toFixed(2)}%` }, shareText(value));
}

/** Misclassified samples, with their images if there are any. */
function mistakeFigure(title, evaluation) {
  const shown = evaluation.mistakes;
  return html("figure", {}, html("figcaption", {}, html("h3", {}, title)),
    html("ul", { class: "mistakes" }, shown.map((mistake) => html("li", {},
      mistake.picture ? html("img", { src: "data:image/png;base64," + mistake.picture, loading: "lazy",
        alt: `Sample ${mistake.sample}: ${mistake.target}, mistaken for ${mistake.predicted}` }) : null,
      html("div", {}, html("b", {}, mistake.target), " mistaken for ", html("b", {}, mistake.predicted)),
      html("div", {}, `with ${shareText(mistake.probability)}`),
      html("small", {}, `true class: ${shareText(mistake.target_probability)}`),
      html("small", {}, `sample ${group(mistake.sample)}`)))),
    html("p", { class: "note" }, `${group(shown.length)} of ${group(evaluation.mistake_count)} mistakes: those of the `
      + "highest loss, the least probability of the true class."
      + (shown.some((mistake) => mistake.picture)
        ? " Images are as in the data, before standardization and augmentation." : "")));
}

function evaluations() {
  const judged = runs.flatMap((run) => run.evaluations.map((evaluation) => ({ run, evaluation })));
  const matrices = judged.filter(({ evaluation }) => evaluation.scores.length)
    .map((one) => ({ ...one, cells: cellShares(one.evaluation) }));
  // One scale for all, so that runs compare.
  const worst = matrices.flatMap(({ cells }) => cells).filter((cell) => cell.row !== cell.column)
    .reduce((best, cell) => Math.max(best, cell.share), 0) || 1;
  const heading = (name, { run, evaluation }) =>
    `${name}: ${several ? run.label + ", " : ""}${evaluation.split}${evaluation.is_ema ? " (ema)" : ""}`
    + viewsOf(evaluation);
  const matrix = (one) => {
    const { run, evaluation } = one;
    const top = evaluation.top_accuracy === null ? "" : `, ${percent(evaluation.top_accuracy)} among the first five`;
    const hidden = evaluation.hidden_cells
      ? ` ${group(evaluation.hidden_cells)} of the smallest cells are left out.` : "";
    return confusionMatrix({
      title: heading("Confusion matrix", one), classes: evaluation.classes, scores: evaluation.scores,
      cells: one.cells, color: run.color, worst,
      note: `Step ${group(evaluation.step)}, ${group(evaluation.count)} samples: `
        + `${percent(evaluation.accuracy)} right${top}.` + hidden,
    });
  };
  const mistakes = (one) => (one.evaluation.mistakes.length
    ? mistakeFigure(heading("Worst mistakes", one), one.evaluation) : null);
  const figures = several
    ? [...matrices.map(matrix), ...judged.map(mistakes), ...classComparison(matrices)]
    : judged.flatMap((one) => {
      const drawn = matrices.find(({ evaluation }) => evaluation === one.evaluation);
      const table = () => classTable(heading("Classes", one), one.evaluation);
      return [drawn ? html("div", { class: "stack" }, matrix(drawn), table()) : null, mistakes(one)];
    });
  return section("Right and wrong answers", several ? "All matrices share one scale for mistakes." : null, figures);
}

/** The part of a heading about an evaluation with several views of every image. */
function viewsOf(evaluation) {
  return evaluation.views > 1 ? `, mean of ${evaluation.views} views` : "";
}

function classTable(title, evaluation) {
  return classFigure(title, ["class", "samples", "right", "precision", "most often mistaken for"],
    evaluation.scores.map(([count, predicted, correct, other, mistaken], label) => ({
      name: evaluation.classes[label], order: count ? correct / count : 2,
      cells: () => [html("td", { class: "number" }, group(count)), shareCell(count ? correct / count : null),
        shareCell(predicted ? correct / predicted : null),
        html("td", {}, mistaken ? `${evaluation.classes[other]} (${group(mistaken)})` : "")],
    })));
}

/** Right answers of the runs with the same classes, side by side. */
function classComparison(matrices) {
  const groups = new Map();
  for (const one of matrices) {
    const key = JSON.stringify([one.evaluation.split, one.evaluation.classes]);
    groups.set(key, [...(groups.get(key) || []), one]);
  }
  return [...groups.values()].map((same) => classFigure(
    `Right answers by class: ${same[0].evaluation.split}`,
    ["class", "samples", ...same.map(({ run, evaluation }) => run.label + viewsOf(evaluation))],
    same[0].evaluation.classes.map((name, label) => {
      const shares = same.map(({ evaluation }) => {
        const [count, , correct] = evaluation.scores[label];
        return count ? correct / count : null;
      });
      return {
        name, order: Math.min(...shares.map((share) => share ?? 2)),
        cells: () => [
          html("td", { class: "number" }, group(same[0].evaluation.scores[label][0])), ...shares.map(shareCell),
        ],
      };
    })));
}
