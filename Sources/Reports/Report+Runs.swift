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

  static func summary(_ run: RunLog, _ text: inout JSONText) {
    let header = run.header
    let lastSteps = run.steps.suffix(finalSteps)
    text.field("name", run.name)
    text.field("folder", run.folder.lastPathComponent)
    text.field("family", optional: header?.family)
    text.field("precision", optional: header?.precision)
    text.field("started", optional: header?.started)
    // As text: a seed may have more bits than a script's numbers.
    text.field("seed", optional: header.map { String($0.seed) })
    text.field("parameters", header.map { Double($0.parameterCount) }, digits: LineBuffer.exactDigits)
    text.field("micro_batches", header.map { Double($0.microBatches) })
    text.field("lanes", header.map { Double($0.lanes) })
    text.field("host_threads", header.map { Double($0.hostThreads) })
    text.field("damaged_lines", run.damagedLines)
    text.field("skipped_samples", optional: run.skippedSamples.map { String($0.prefix(mostText)) })
    text.field("last_step", run.steps.last?.step ?? run.norms.last?.step ?? 0)
    text.field("epochs", run.steps.last?.epoch)
    text.field("final_loss", lastSteps.isEmpty ? nil : mean(lastSteps.map { Double($0.loss) }))
    text.field("final_steps", lastSteps.count)
    text.field("seconds", trainingSeconds(run.steps).last ?? 0)
    text.field("samples_per_second", median(run.steps.map(\.samplesPerSecond)))
    text.field("step_ms", median(run.steps.map(\.stepMilliseconds)))
    let flow = run.gradientFlow
    text.object("flow") { text in
      text.field("verdict", flow.verdict.rawValue)
      text.field("slope", flow.slope)
      text.field("change", flow.change)
      text.field("sentence", flow.sentence)
      text.field("advice", flow.advice)
    }
  }

  static func curves(_ run: RunLog, buckets: Int, _ text: inout JSONText) {
    let steps = run.steps.map(\.step)
    let losses = run.steps.map { Double($0.loss) }
    let norms = run.steps.map { Double($0.gradientNorm) }
    let clipped = run.steps.map { $0.clipScale < 1 ? 1.0 : 0.0 }
    let radius = Int(Double(steps.count) * smoothedPart / 2)
    text.field("smoothed_steps", 2 * radius + 1)
    curve("clock", .extremes(steps, trainingSeconds(run.steps), buckets: buckets / 2), &text)
    curve("loss", .extremes(steps, losses, buckets: buckets), &text)
    curve("smoothed_loss", .smoothed(steps, losses, radius: radius, buckets: buckets), &text)
    curve("learning_rate", .extremes(steps, run.steps.map(\.learningRate), buckets: buckets / 2), &text)
    curve("gradient_norm", .extremes(steps, norms, buckets: buckets), &text)
    curve("smoothed_gradient_norm", .smoothed(steps, norms, radius: radius, buckets: buckets), &text)
    curve("clipped", .means(steps, clipped, buckets: min(buckets, 100)), &text)
    curve("throughput", .means(steps, run.steps.map(\.samplesPerSecond), buckets: buckets), &text)
    text.array("validation") { text in
      for series in validationSeries(run.validations) {
        text.object { text in
          text.field("split", series.first?.split ?? "")
          text.field("is_ema", series.first?.isEMA ?? false)
          let steps = series.map(\.step)
          curve("loss", .extremes(steps, series.map { Double($0.loss) }, buckets: buckets / 2), &text)
          let scored = series.filter { $0.accuracy != nil }
          let accuracies = scored.map { Double($0.accuracy ?? .nan) }
          curve("accuracy", .extremes(scored.map(\.step), accuracies, buckets: buckets / 2), &text)
          best(series, &text)
          noiseLevels(series, &text)
        }
      }
    }
  }

  /// Final and best values, taken before any thinning.
  private static func best(_ series: [ValidationRecord], _ text: inout JSONText) {
    let lowest = series.filter { $0.loss.isFinite }.min { $0.loss < $1.loss }
    let highest = series.filter { $0.accuracy?.isFinite == true }.max { ($0.accuracy ?? 0) < ($1.accuracy ?? 0) }
    text.field("final_loss", series.last.map { Double($0.loss) })
    text.field("best_loss", lowest.map { Double($0.loss) })
    text.field("best_loss_step", lowest?.step ?? 0)
    text.field("final_accuracy", series.last?.accuracy.map { Double($0) })
    text.field("best_accuracy", highest?.accuracy.map { Double($0) })
    text.field("best_accuracy_step", highest?.step ?? 0)
  }

  /// The errors by noise level at the first and the last evaluation.
  private static func noiseLevels(_ series: [ValidationRecord], _ text: inout JSONText) {
    let measured = series.filter { $0.noiseLevels != nil }
    text.array("noise_levels") { text in
      for record in measured.count > 1 ? [measured[0], measured[measured.count - 1]] : measured {
        text.object { text in
          text.field("step", record.step)
          text.field("y", (record.noiseLevels ?? []).map { Double($0) })
        }
      }
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

  static func activations(_ run: RunLog, _ text: inout JSONText) {
    text.object("activations") { text in
      guard let last = run.activations.last, let first = run.activations.first else { return }
      text.field("names", run.header?.activationLayers ?? [])
      text.field("first_step", first.step)
      text.field("last_step", last.step)
      text.field("first_rms", first.layers.map { Double($0.rms) })
      text.field("rms", last.layers.map { Double($0.rms) })
      text.field("dead", last.layers.map { Double($0.dead) })
      text.field("saturated", last.layers.map { Double($0.saturated) })
    }
  }

  static func stages(_ run: RunLog, _ text: inout JSONText) {
    var totals: [StageTime] = []
    for stage in run.stages.flatMap(\.stages) {
      if let place = totals.firstIndex(where: { $0.name == stage.name }) {
        totals[place].busy += stage.busy
        totals[place].waiting += stage.waiting
      } else if totals.count < 256 {
        totals.append(stage)
      }
    }
    text.array("stages") { text in
      for stage in totals {
        text.object { text in
          text.field("name", stage.name)
          text.field("busy", stage.busy)
          text.field("waiting", stage.waiting)
        }
      }
    }
  }

  static func events(_ run: RunLog, _ text: inout JSONText) {
    text.field("event_count", run.events.count)
    text.array("events") { text in
      for event in run.events.suffix(listedEvents) {
        text.object { text in
          text.field("step", event.step)
          text.field("kind", event.kind.rawValue)
          text.field("text", String(event.text.prefix(mostText)))
        }
      }
    }
  }

  static func curve(_ key: StaticString, _ curve: Curve, _ text: inout JSONText) {
    text.object(key) { text in
      text.field("x", curve.x, digits: LineBuffer.exactDigits)
      text.field("y", curve.y)
    }
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
