"use strict";
// The error of denoisers by the amount of noise.

/** The error by noise level, at the first and at the last evaluation. */
function noiseLevelChart() {
  const series = runs.flatMap((run) => run.validation.flatMap((validation) =>
    validation.noise_levels.map((level, index, all) => {
      const x = level.y.map((_, place) => (place + 0.5) / level.y.length * 100);
      const name = ` ${validation.split}, step ${group(level.step)}`;
      return line(run, { x, y: level.y }, name, { markers: true, dash: index < all.length - 1 ? "6 4" : null });
    })));
  if (!series.length) return null;
  return lineChart({
    title: "Error by noise level",
    x: { label: "time (% of the way from the image to noise)", name: (time) => `${format(time)}% of the way` },
    y: { label: "mean squared error", log: true },
    series,
    note: "The mean squared error of the prediction, over held-out samples in ten equal ranges of time; every "
      + "evaluation has the same times and noise. Dashed: the first evaluation.",
  });
}

function denoising() {
  const chart = noiseLevelChart();
  return chart ? [html("h2", {}, "Denoising"), html("div", { class: "grid" }, [chart])] : [];
}
