"use strict";
// The parts of all pages: data, sections, facts and times. Text from runs and configurations becomes text nodes, never
// markup.

// A live page replaces the data.
let data = JSON.parse(document.getElementById("data").textContent);
const COLORS = 8;
const STEP_AXIS = { label: "step (optimizer updates)" };
const VERDICTS = {
  healthy: "✓ healthy gradients", vanishing: "▼ vanishing gradients", exploding: "▲ exploding gradients",
  too_shallow: "– gradients not judged",
};

function section(title, note, content, single) {
  const figures = content.filter(Boolean);
  if (!figures.length) return [];
  return [
    html("h2", {}, title), note ? html("p", { class: "note" }, note) : null,
    html("div", { class: single ? "grid single" : "grid" }, figures),
  ];
}

/** A table that scrolls sideways where it is too wide; `name` is its class. */
function scrollTable(name, heads, rows) {
  return html("div", { class: "scroll" }, html("table", { class: name },
    html("thead", {}, html("tr", {}, heads.map((head) => html("th", { scope: "col" }, head)))),
    html("tbody", {}, rows)));
}

function duration(seconds) {
  if (seconds === null || seconds === undefined) return "not logged";
  if (seconds < 60) return format(seconds, 3) + " s";
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return parts[0] ? `${parts[0]} h ${parts[1]} min` : `${parts[1]} min ${parts[2]} s`;
}

function fact(name, value, small) {
  if (value === null || value === undefined) return null;
  return [html("dt", {}, name), html("dd", {}, value, small ? html("small", {}, small) : null)];
}

/** A cell with the value of a setting; null where a run or point lacks it. */
function settingCell(value) {
  return value === null ? html("td", { class: "absent" }, "absent") : html("td", {}, value);
}

function percent(value) {
  return (value * 100).toFixed(2) + " %";
}
