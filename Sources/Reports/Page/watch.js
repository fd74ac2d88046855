"use strict";
// The page of `troupe watch`: fetches new data regularly, and draws them with the report's functions.

const PAUSE = 1500;
const MOST_SHOWN = 8;
/** The numbers of the drawn runs; null before the first choice, when the newest run is drawn. */
let chosen = null;
/** The number of the drawn sweep; null before the first choice. */
let chosenSweep = null;
let listed = [];
let sweeps = [];
let hidden = 0;
/** Numbers of the runs of the drawn sweep's trials, by the trials' ids. */
let trialRuns = {};
/** Trials of the drawn sweep whose records have not been read yet. */
let unread = 0;
let versions = { list: "", runs: "", sweep: "" };

const element = (id) => document.getElementById(id);

/** The first running entry, or else the last that changed. */
function foremost(list) {
  return list.find((one) => one.state === "running") || list.reduce(
    (best, one) => (!best || one.changed > best.changed ? one : best), null);
}

function shownRuns() {
  const known = new Set([...listed.map((run) => run.id), ...Object.values(trialRuns)]);
  if (chosen) return chosen.filter((id) => known.has(id));
  const first = foremost(listed);
  return first ? [first.id] : [];
}

function shownSweep() {
  return sweeps.find((sweep) => sweep.id === chosenSweep) || foremost(sweeps);
}

function choose(ids) {
  chosen = ids.slice(-MOST_SHOWN);
  versions.runs = "";
  drawList();
}

function toggle(id) {
  const shown = shownRuns();
  choose(shown.includes(id) ? shown.filter((one) => one !== id) : [...shown, id]);
  follow();
}

/** Opens runs from a sweep's ranking. */
const opener = {
  has: (id) => trialRuns[id] !== undefined,
  open: async (ids) => {
    choose(ids.map((id) => trialRuns[id]));
    await follow();
    element("opened").scrollIntoView({ behavior: "smooth", block: "start" });
  },
};

function progress(run) {
  return group(run.step) + (run.total_steps ? ` of ${group(run.total_steps)}` : "");
}

function stateCell(state) {
  return html("td", {}, html("span", { class: `state ${state}` }, state));
}

function drawList() {
  const shown = new Set(shownRuns());
  const rows = listed.map((run) => {
    const box = html("input", { type: "checkbox", "aria-label": `show ${run.name}`, "data-key": `run ${run.id}` });
    box.checked = shown.has(run.id);
    box.onchange = () => toggle(run.id);
    return html("tr", { class: run.state }, html("td", {}, box), html("th", { scope: "row" }, run.name),
      stateCell(run.state),
      html("td", { class: "number" }, progress(run)),
      html("td", { class: "number" }, run.loss === null ? "–" : format(run.loss)),
      html("td", { class: "number" }, run.validation_loss === null ? "–" : format(run.validation_loss)),
      html("td", { class: "number" }, run.step_ms === null ? "–" : `${format(run.step_ms, 3)} ms`));
  });
  const left = hidden ? html("p", { class: "note" },
    `And ${group(hidden)} more run${hidden === 1 ? "" : "s"}, older than these.`) : null;
  redraw("runs", rows.length ? [
    sweeps.length ? html("h2", {}, "Runs") : null,
    scrollTable("runs", ["", "run", "state", "step", "loss", "validation", "time per step"], rows), left] : []);
  // A way back to the sweep from its trials.
  const trials = Object.entries(trialRuns).filter(([, id]) => shown.has(id)).map(([id]) => id);
  const back = html("button", { type: "button" }, "back to the sweep");
  back.onclick = () => {
    choose([]);
    follow();
    element("sweep").scrollIntoView({ behavior: "smooth", block: "start" });
  };
  const names = points.filter((point) => point.trials.some((trial) => trials.includes(trial.id)))
    .map((point) => point.name);
  element("opened").replaceChildren(...(trials.length ? [
    html("h2", {}, `Trial${trials.length === 1 ? "" : "s"} ${trials.join(", ")} `, back),
    html("p", { class: "lead" }, names.join("; ")),
  ] : []));
}

/** The list of sweeps, if there is a choice, with the problems of those that cannot be drawn. */
function drawSweeps() {
  const drawn = shownSweep();
  const rows = sweeps.map((sweep) => {
    const button = html("input", {
      type: "radio", name: "sweep", "aria-label": `show ${sweep.name}`, "data-key": `sweep ${sweep.id}` });
    button.checked = drawn !== null && sweep.id === drawn.id;
    button.onchange = () => {
      chosenSweep = sweep.id;
      versions.sweep = "";
      // The shown trials belong to another sweep.
      if (shownRuns().some((id) => Object.values(trialRuns).includes(id))) choose([]);
      follow();
    };
    return html("tr", {}, html("td", {}, button), html("th", { scope: "row" }, sweep.name), stateCell(sweep.state),
      ...(sweep.metric ? [
        html("td", {}, sweep.method),
        html("td", { class: "number" }, `${group(sweep.finished)} of ${group(sweep.trial_count)}`
          + (sweep.failed ? `, ${group(sweep.failed)} failed` : "")),
        html("td", { class: "number" }, sweep.best === null ? "–" : `${sweep.metric} ${format(sweep.best)}`),
      ] : [html("td", { colspan: 3, class: "damage" }, sweep.problem || "not read yet")]));
  });
  redraw("sweeps", sweeps.length > 1 || sweeps.some((sweep) => !sweep.metric) ? [
    html("h2", {}, "Sweeps"),
    scrollTable("runs", ["", "sweep", "state", "method", "trials finished", "best"], rows)] : []);
}

function drawSamples(samples) {
  const figures = samples.map(({ run, id, name, changed }) => html("figure", { class: "sample" },
    html("img", {
      src: `/sample?run=${id}&name=${encodeURIComponent(name)}&changed=${changed}`, alt: `${name}, drawn by ${run}` }),
    html("figcaption", {}, listed.length > 1 ? `${run}: ${name}` : name)));
  redraw("samples", figures.length ? [html("h2", {}, "Samples"), html("div", { class: "samples" }, figures)] : []);
}

/** Whether a chart is under the pointer, or a control has the focus: then nothing is redrawn. */
function isBusy(id) {
  const focused = document.activeElement;
  return document.querySelector(`#${id} figure:hover`) !== null
    || (focused !== null && focused.closest(`#${id} svg, #${id} select`) !== null);
}

/** Replaces the contents of an element by `parts`, and keeps what was open, scrolled and focused. */
function redraw(id, parts) {
  const place = element(id);
  const key = (summary) => summary.textContent.replace(/\d+/g, "");
  const open = new Map([...place.querySelectorAll("details > summary")]
    .map((one) => [key(one), one.parentElement.open]));
  const scrolled = [...place.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  place.replaceChildren(...parts.filter(Boolean));
  for (const summary of place.querySelectorAll("details > summary")) {
    if (open.has(key(summary))) summary.parentElement.open = open.get(key(summary));
  }
  place.querySelectorAll(".scroll").forEach((one, index) => { one.scrollLeft = scrolled[index] || 0; });
  if (focused !== undefined) {
    const again = [...place.querySelectorAll("[data-key]")].find((one) => one.dataset.key === focused);
    if (again) again.focus({ preventScroll: true });
  }
}

async function ask(path) {
  const response = await fetch(path, { cache: "no-store" });
  if (response.status === 204) return null;
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

function countText(list, name) {
  const running = list.filter((one) => one.state === "running").length;
  return `${group(list.length)} ${name}${list.length === 1 ? "" : "s"}, ${running} running.`;
}

async function followList() {
  const list = await ask(`/runs?version=${versions.list}`);
  if (list) {
    versions.list = list.version;
    listed = list.runs;
    sweeps = list.sweeps;
    hidden = list.hidden;
    element("title").textContent = list.folder;
    document.title = `${list.folder} · Troupe watch`;
    drawSweeps();
    drawList();
  }
  const words = [sweeps.length ? countText(sweeps, "sweep") : null, listed.length ? countText(listed, "run") : null];
  element("lead").textContent = words.filter(Boolean).join(" ")
    || "No runs yet; they appear here as soon as one begins.";
  element("lead").className = "lead";
}

async function followSweep() {
  const shown = shownSweep();
  if (!shown) {
    trialRuns = {};
    unread = 0;
    versions.sweep = "";
    redraw("sweep", []);
    return;
  }
  if (isBusy("sweep")) {
    unread = 0;
    return;
  }
  const answer = await ask(`/sweep?id=${shown.id}&version=${versions.sweep}`);
  if (!answer) return;
  versions.sweep = answer.version;
  trialRuns = answer.runs || {};
  unread = answer.sweep ? answer.sweep.live.unread : 0;
  redraw("sweep", answer.sweep ? [
    html("h2", { class: "first" }, `Sweep ${answer.sweep.name}`),
    answer.problem ? html("p", { class: "damage" }, answer.problem) : null,
    ...sweepParts(answer.sweep, opener)] : []);
}

async function followRuns() {
  const shown = shownRuns();
  if (!shown.length) {
    redraw("report", []);
    redraw("samples", []);
    versions.runs = "";
    return;
  }
  if (isBusy("report")) return;
  const answer = await ask(`/report?runs=${shown.join(",")}&version=${versions.runs}`);
  if (!answer) return;
  versions.runs = answer.version;
  redraw("report", reportParts(answer.report));
  drawSamples(answer.samples);
}

let timer = 0;
let current = null;

/** Fetches everything once; one call at a time. */
async function follow() {
  clearTimeout(timer);
  while (current) await current;
  current = fetchAll();
  await current;
  current = null;
  clearTimeout(timer);
  timer = setTimeout(follow, unread ? 0 : PAUSE);
}

async function fetchAll() {
  try {
    await followList();
    await followSweep();
    await followRuns();
  } catch (error) {
    unread = 0;
    element("lead").textContent = `No new data: ${error.message || "troupe watch does not answer"}`;
    element("lead").className = "lead damage";
  }
}

follow();
