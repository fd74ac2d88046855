"use strict";
// The page of `troupe watch`: asks again and again what is new, and draws it with the report's functions.

const PAUSE = 1500;
const MOST_SHOWN = 8;
/** The runs that are drawn, by number; null until somebody has chosen, then the newest are. */
let chosen = null;
let listed = [];
let versions = { list: "", runs: "" };

function shownRuns() {
  const known = new Set(listed.map((run) => run.id));
  if (chosen) return chosen.filter((id) => known.has(id));
  // One that is running, or else the one that changed last.
  const first = listed.find((run) => run.state === "running") || listed.reduce(
    (best, run) => (!best || run.changed > best.changed ? run : best), null);
  return first ? [first.id] : [];
}

function toggle(id) {
  const shown = shownRuns();
  chosen = shown.includes(id) ? shown.filter((one) => one !== id) : [...shown, id].slice(-MOST_SHOWN);
  versions.runs = "";
  drawList();
  follow();
}

function progress(run) {
  const total = run.total_steps ? ` of ${group(run.total_steps)}` : "";
  return group(run.step) + total;
}

function drawList() {
  const shown = new Set(shownRuns());
  const rows = listed.map((run) => {
    const box = html("input", { type: "checkbox", "aria-label": `show ${run.name}` });
    box.checked = shown.has(run.id);
    box.onchange = () => toggle(run.id);
    return html("tr", { class: run.state }, html("td", {}, box), html("th", { scope: "row" }, run.name),
      html("td", {}, html("span", { class: `state ${run.state}` }, run.state)),
      html("td", { class: "number" }, progress(run)),
      html("td", { class: "number" }, run.loss === null ? "–" : format(run.loss)),
      html("td", { class: "number" }, run.validation_loss === null ? "–" : format(run.validation_loss)),
      html("td", { class: "number" }, run.step_ms === null ? "–" : `${format(run.step_ms, 3)} ms`));
  });
  document.getElementById("runs").replaceChildren(html("div", { class: "scroll runs" }, html("table", {},
    html("thead", {}, html("tr", {}, ["", "run", "state", "step", "loss", "validation", "a step takes"].map((name) =>
      html("th", { scope: "col" }, name)))), html("tbody", {}, rows))));
}

function drawSamples(samples) {
  const figures = samples.map(({ run, id, name, step }) => html("figure", { class: "sample" },
    html("img", { src: `/sample?run=${id}&name=${encodeURIComponent(name)}&step=${step}`, alt: name, loading: "lazy" }),
    html("figcaption", {}, listed.length > 1 ? `${run}: ${name}` : name)));
  document.getElementById("samples").replaceChildren(...(figures.length
    ? [html("h2", {}, "Samples"), html("div", { class: "samples" }, figures)] : []));
}

/** Whether somebody reads a chart just now: it is not taken from under the pointer. */
function isBusy() {
  const focused = document.activeElement;
  return document.querySelector("#report figure:hover") !== null
    || (focused !== null && focused.closest("#report svg") !== null);
}

function drawRuns(answer) {
  const report = document.getElementById("report");
  const open = new Set([...report.querySelectorAll("details[open] > summary")].map((one) => one.textContent));
  const parts = reportParts(answer.report);
  report.replaceChildren(...parts);
  for (const summary of report.querySelectorAll("details > summary")) {
    if (open.has(summary.textContent)) summary.parentElement.open = true;
  }
  drawSamples(answer.samples);
}

async function ask(path) {
  const response = await fetch(path, { cache: "no-store" });
  if (response.status === 204) return null;
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

let timer = 0;
let asking = false;

async function follow() {
  clearTimeout(timer);
  if (asking) {
    timer = setTimeout(follow, 50);
    return;
  }
  asking = true;
  const lead = document.getElementById("lead");
  try {
    const list = await ask(`/runs?version=${versions.list}`);
    if (list) {
      versions.list = list.version;
      listed = list.runs;
      document.getElementById("title").textContent = list.folder;
      document.title = `${list.folder} · Troupe watch`;
      drawList();
    }
    const running = listed.filter((run) => run.state === "running").length;
    lead.textContent = listed.length === 0 ? "No runs yet; they appear here as soon as one begins."
      : `${listed.length} run${listed.length === 1 ? "" : "s"}, ${running} running.`;
    lead.className = "lead";
    const wanted = shownRuns();
    if (!wanted.length) {
      document.getElementById("report").replaceChildren();
      document.getElementById("samples").replaceChildren();
      versions.runs = "";
    } else if (!isBusy()) {
      const answer = await ask(`/report?runs=${wanted.join(",")}&version=${versions.runs}`);
      if (answer) {
        versions.runs = answer.version;
        drawRuns(answer);
      }
    }
  } catch (error) {
    lead.textContent = `Nothing new: ${error.message || "troupe watch does not answer"}`;
    lead.className = "lead damage";
  }
  asking = false;
  timer = setTimeout(follow, PAUSE);
}

follow();
