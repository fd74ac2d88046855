import JSON
import Metrics

/// The parts of a run's data that are numbers and lists: summary, curves, stages, events.
extension Report {
  /// Steps at the end of the run whose mean is called its final training loss.
  private static let finalSteps = 50
  /// Characters of an event that are shown.
  private static let mostText = 500
  /// The smoothed curve is the mean over this part of the run.
  static let smoothedPart = 0.02

  static func summary(_ run: RunLog) -> JSON {
    let header = run.header
    let lastSteps = run.steps.suffix(finalSteps)
    let flow = run.gradientFlow
    return [
      "name": run.name, "folder": run.folder.lastPathComponent, "family": header?.family,
      "precision": header?.precision, "started": header?.started,
      // As text: a seed may have more bits than a script's numbers.
      "seed": header.map { String($0.seed) },
      "parameters": header?.parameterCount, "micro_batches": header?.microBatches, "lanes": header?.lanes,
      "host_threads": header?.hostThreads, "damaged_lines": run.damagedLines,
      "skipped_samples": run.skippedSamples.map { String($0.prefix(mostText)) },
      "last_step": run.steps.last?.step ?? run.norms.last?.step ?? 0, "epochs": JSON.finite(run.steps.last?.epoch),
      "final_loss": JSON.finite(lastSteps.isEmpty ? nil : mean(lastSteps.map { Double($0.loss) })),
      "final_steps": lastSteps.count, "seconds": JSON.finite(trainingSeconds(run.steps).last ?? 0),
      "samples_per_second": JSON.finite(median(run.steps.map(\.samplesPerSecond))),
      "step_ms": JSON.finite(median(run.steps.map(\.stepMilliseconds))),
      "flow": [
        "verdict": flow.verdict, "slope": JSON.finite(flow.slope), "change": JSON.finite(flow.change),
        "sentence": flow.sentence, "advice": flow.advice,
      ] as JSON,
    ]
  }

  static func curves(_ run: RunLog, buckets: Int) -> JSON {
    let steps = run.steps.map(\.step)
    let losses = run.steps.map { Double($0.loss) }
    let norms = run.steps.map { Double($0.gradientNorm) }
    let clipped = run.steps.map { $0.clipScale < 1 ? 1.0 : 0.0 }
    let radius = Int(Double(steps.count) * smoothedPart / 2)
    return [
      "smoothed_steps": 2 * radius + 1,
      "clock": Curve.extremes(steps, trainingSeconds(run.steps), buckets: buckets / 2).json,
      "loss": Curve.extremes(steps, losses, buckets: buckets).json,
      "smoothed_loss": Curve.smoothed(steps, losses, radius: radius, buckets: buckets).json,
      "learning_rate": Curve.extremes(steps, run.steps.map(\.learningRate), buckets: buckets / 2).json,
      "gradient_norm": Curve.extremes(steps, norms, buckets: buckets).json,
      "smoothed_gradient_norm": Curve.smoothed(steps, norms, radius: radius, buckets: buckets).json,
      "clipped": Curve.means(steps, clipped, buckets: min(buckets, 100)).json,
      "throughput": Curve.means(steps, run.steps.map(\.samplesPerSecond), buckets: buckets).json,
      "validation": validationSeries(run.validations).map { validation($0, buckets: buckets / 2) },
    ]
  }

  private static func validation(_ series: [ValidationRecord], buckets: Int) -> JSON {
    let scored = series.filter { $0.accuracy != nil }
    let accuracies = scored.map { Double($0.accuracy ?? .nan) }
    let losses = series.map { Double($0.loss) }
    // Final and best values, taken before any thinning.
    let lowest = series.filter { $0.loss.isFinite }.min { $0.loss < $1.loss }
    let highest = series.filter { $0.accuracy?.isFinite == true }.max { ($0.accuracy ?? 0) < ($1.accuracy ?? 0) }
    return [
      "split": series.first?.split, "is_ema": series.first?.isEMA,
      "loss": Curve.extremes(series.map(\.step), losses, buckets: buckets).json,
      "accuracy": Curve.extremes(scored.map(\.step), accuracies, buckets: buckets).json,
      "final_loss": JSON.finite(losses.last), "best_loss": JSON.finite(lowest.map { Double($0.loss) }),
      "best_loss_step": lowest?.step, "final_accuracy": JSON.finite(series.last?.accuracy.map { Double($0) }),
      "best_accuracy": JSON.finite(highest?.accuracy.map { Double($0) }), "best_accuracy_step": highest?.step,
      "noise_levels": noiseLevels(series),
    ]
  }

  /// The errors by noise level at the first and the last evaluation.
  private static func noiseLevels(_ series: [ValidationRecord]) -> [JSON] {
    let measured = series.filter { $0.noiseLevels != nil }
    return (measured.count > 1 ? [measured[0], measured[measured.count - 1]] : measured).map { record in
      ["step": record.step, "y": JSON.finite((record.noiseLevels ?? []).map { Double($0) })]
    }
  }

  /// Evaluations by split and kind of parameters, in order of first appearance.
  private static func validationSeries(_ records: [ValidationRecord]) -> [[ValidationRecord]] {
    var series: [[ValidationRecord]] = []
    for record in records {
      let place = series.firstIndex { $0.first?.split == record.split && $0.first?.isEMA == record.isEMA }
      if let place { series[place].append(record) } else if series.count < 8 { series.append([record]) }
    }
    return series
  }

  static func activations(_ run: RunLog) -> JSON {
    guard let last = run.activations.last, let first = run.activations.first else {
      return ["activations": [:] as JSON]
    }
    func column(_ record: ActivationsRecord, _ value: (ActivationStatistics) -> Float) -> JSON {
      JSON.finite(record.layers.map { Double(value($0)) })
    }
    let activations: JSON = [
      "names": run.header?.activationLayers ?? [], "first_step": first.step, "last_step": last.step,
      "first_rms": column(first, \.rms), "rms": column(last, \.rms), "dead": column(last, \.dead),
      "saturated": column(last, \.saturated),
    ]
    return ["activations": activations]
  }

  static func stages(_ run: RunLog) -> JSON {
    let totals = StagesRecord.totals(run.stages).map { stage -> JSON in
      ["name": stage.name, "busy": JSON.finite(stage.busy), "waiting": JSON.finite(stage.waiting)]
    }
    return ["stages": totals]
  }

  static func events(_ run: RunLog) -> JSON {
    let events = run.events.suffix(listedEvents).map { event -> JSON in
      ["step": event.step, "kind": event.kind.rawValue, "text": String(event.text.prefix(mostText))]
    }
    return ["event_count": run.events.count, "events": events]
  }

  /// Time in steps up to the end of each, in seconds; where only every n-th step was logged, each stands for n.
  private static func trainingSeconds(_ steps: [StepRecord]) -> [Double] {
    var seconds = 0.0
    var previous = (steps.first?.step ?? 0) - 1
    return steps.map { record in
      guard record.stepMilliseconds.isFinite else { return seconds }
      seconds += record.stepMilliseconds / 1000 * Double(max(0, record.step - previous))
      previous = record.step
      return seconds
    }
  }

  private static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }

  private static func median(_ values: [Double]) -> Double { GradientFlow.median(values.filter(\.isFinite)) }
}

extension Curve {
  /// The points as a page draws them.
  package var json: JSON {
    ["x": JSON.finite(x, digits: LineBuffer.exactDigits), "y": JSON.finite(y)]
  }
}
