import Configuration
import Foundation
import JSON
import Layers
import Metrics
import Models
import Optimizers
import Runs
import Tensors

extension RunPlan {
  /// The table of layers and the costs of a run, for people.
  package var description: String {
    let estimate = RunEstimate(self)
    var lines = ["\(configuration.name): \(configuration.modelKind), \(configuration.training.precision.rawValue)", ""]
    let header = ["layer", "type", "output", "parameters", "MFLOP", "activations"]
    var rows = [header]
    for step in trainingPlan.steps {
      rows.append([
        step.name, ([type(of: step.layer).kind] + step.layer.additions).joined(separator: "+"),
        step.layer.outputShape.description, String(Self.parameterCount(step)),
        String(format: "%.2f", Double(step.flops) / 1e6),
        RunEstimate.text(step.output.count * step.output.type.byteCount),
      ])
    }
    lines += Self.table(rows)
    lines += [
      "",
      "parameters           \(table.parameterCount) in \(table.entries.count) tensors",
      "data                 \(data.name): \(data.splits.training.count) train, "
        + "\(data.splits.validation.count) validation, \(data.splits.test.count) test",
      "batch                \(batchSize) in \(tree.microBatches) micro-batches of \(self.rows), "
        + "run by \(tree.lanes) lanes",
      "run                  \(totalSteps) steps, \(stepsPerEpoch) per epoch",
      String(format: "arithmetic           %.3f GFLOP per step in products", estimate.flopsPerStep / 1e9),
      "memory               \(RunEstimate.text(estimate.memoryBytes))" + Self.shortage(estimate.memoryBytes),
    ]
    lines += estimate.memory.map {
      "  " + $0.name.padding(toLength: 26, withPad: " ", startingAt: 0) + RunEstimate.text($0.bytes)
    }
    lines += [
      "checkpoint           \(RunEstimate.text(estimate.checkpointBytes)) each, "
        + "up to \(RunEstimate.text(estimate.diskBytes)) on disk",
      "learning rate        \(Sparkline.text(rates, width: Self.curveWidth, from: 0))",
      "                     " + Self.rateSummary(rates),
    ]
    return lines.joined(separator: "\n")
  }

  /// The same for programs.
  package var json: JSON {
    let estimate = RunEstimate(self)
    let gflopPerStep = estimate.flopsPerStep / 1e9
    let layers = trainingPlan.steps.map { step -> JSON in
      [
        "name": step.name, "type": type(of: step.layer).kind, "output": step.layer.outputShape.dimensions,
        "parameters": Self.parameterCount(step), "flops": step.flops,
      ]
    }
    return [
      "name": configuration.name, "model": configuration.modelKind, "parameters": table.parameterCount,
      "steps": totalSteps, "steps_per_epoch": stepsPerEpoch, "batch_size": batchSize,
      "micro_batches": tree.microBatches, "lanes": tree.lanes, "gflop_per_step": gflopPerStep,
      "memory_bytes": estimate.memoryBytes,
      "memory": JSON.object(estimate.memory.map { ($0.name, .integer($0.bytes)) }),
      "checkpoint_bytes": estimate.checkpointBytes, "disk_bytes": estimate.diskBytes, "layers": layers,
      "learning_rates": rates.map { Float($0) }, "skipped_samples": data.skipped?.json,
    ]
  }

  /// A note if `train` would refuse the run.
  private static func shortage(_ bytes: Int) -> String {
    guard let available = SystemMemory.availableByteCount, bytes > available else { return "" }
    return ", more than the \(RunEstimate.text(available)) available: train would refuse"
  }

  private static func parameterCount(_ step: ExecutionPlan.Step) -> Int {
    step.layer.parameters.reduce(0) { $0 + $1.shape.elementCount }
  }

  private static let curveWidth = 60

  /// The learning rate at evenly spaced steps.
  private var rates: [Double] {
    let horizon = ScheduleHorizon(totalSteps: totalSteps, stepsPerEpoch: stepsPerEpoch)
    let points = min(Self.curveWidth, max(totalSteps, 1))
    return (0..<points).map { point in
      let step = points > 1 ? point * max(totalSteps - 1, 0) / (points - 1) : 0
      return configuration.optimizer.learningRate * configuration.schedule.factor(step: step, horizon: horizon)
    }
  }

  private static func rateSummary(_ rates: [Double]) -> String {
    String(format: "%.3g first, %.3g highest, %.3g last", rates.first ?? 0, rates.max() ?? 0, rates.last ?? 0)
  }

  /// Columns as wide as their widest cell; numbers to the right.
  private static func table(_ rows: [[String]]) -> [String] {
    guard let columns = rows.first?.count else { return [] }
    let widths = (0..<columns).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      zip(row, widths).enumerated().map { index, cell in
        let padding = String(repeating: " ", count: cell.1 - cell.0.count)
        return index < 3 ? cell.0 + padding : padding + cell.0
      }.joined(separator: "  ")
    }
  }
}
