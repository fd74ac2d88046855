import Foundation
import JSON
import Layers
import Metrics
import Models
import Runs

/// The time per layer, as `troupe train --profile` prints and writes it.
package struct ProfileSummary: Sendable {
  /// A layer or another task of the lanes, in milliseconds per step of all lanes together.
  package struct Row: Sendable {
    package let name: String
    package let type: String
    package var forward = 0.0
    package var backward = 0.0
    /// Additions and multiplications in a step's products.
    package var flops = 0.0

    package init(name: String, type: String, backward: Double = 0, flops: Double = 0) {
      self.name = name
      self.type = type
      self.backward = backward
      self.flops = flops
    }

    package var milliseconds: Double { forward + backward }
    /// 10⁹ operations per second; nil without products.
    package var rate: Double? { flops > 0 && milliseconds > 0 ? flops / milliseconds / 1e6 : nil }
  }

  /// In the model's order.
  package private(set) var layers: [Row]
  /// The lanes' other tasks, whose time is in `backward`.
  package private(set) var others: [Row]
  package let steps: Range<Int>
  package let lanes: Int
  /// The wall time of a step.
  package let stepMilliseconds: Double

  /// - Returns: nil if the run ended before the window began.
  init?(_ profile: StepProfile, _ plan: RunPlan) {
    guard let (begin, end) = profile.window.bounds, profile.window.stepCount > 0 else { return nil }
    let count = profile.window.stepCount
    let first = profile.window.steps.lowerBound + 1
    steps = first..<first + count
    lanes = profile.lanes.count
    stepMilliseconds = Double(end - begin) / 1e6 / Double(count)
    layers = plan.trainingPlan.steps.map {
      Row(
        name: $0.name, type: type(of: $0.layer).kind, flops: Double($0.flops) * Double(plan.tree.microBatches))
    }
    var sums: [ProfileSpan.Kind: Double] = [:]
    for span in profile.lanes.flatMap(\.all) {
      let milliseconds = Double(span.end - span.start) / 1e6 / Double(count)
      switch span.kind {
      case .forward: layers[Int(span.layer)].forward += milliseconds
      case .backward: layers[Int(span.layer)].backward += milliseconds
      default: sums[span.kind, default: 0] += milliseconds
      }
    }
    others = ProfileSpan.Kind.allCases.compactMap { kind in
      kind.title.map { Row(name: $0, type: "", backward: sums[kind] ?? 0) }
    }
    let known = (layers + others).reduce(0) { $0 + $1.milliseconds }
    others.append(Row(name: "the rest", type: "", backward: max(0, total - known)))
    others.removeAll { $0.milliseconds <= 0 }
  }

  /// Milliseconds that the lanes have in a step.
  package var total: Double { stepMilliseconds * Double(lanes) }

  package func share(of row: Row) -> Double { total > 0 ? row.milliseconds / total : 0 }

  package var headline: String {
    String(
      format: "steps %d to %d: %.3f ms per step on %d lanes; below, milliseconds per step of all lanes",
      steps.lowerBound, steps.upperBound - 1, stepMilliseconds, lanes)
  }

  package var json: JSON {
    func describe(_ row: Row) -> JSON {
      [
        "name": row.name, "type": row.type, "forward_ms": row.forward, "backward_ms": row.backward,
        "share": share(of: row), "gflops": row.rate,
      ]
    }
    return [
      "first_step": steps.lowerBound, "steps": steps.count, "step_ms": stepMilliseconds, "lanes": lanes,
      "layers": layers.map(describe),
      "others": others.map { row -> JSON in
        ["name": row.name, "ms": row.milliseconds, "share": share(of: row)]
      },
    ]
  }
}

extension ProfileSpan.Kind {
  /// The title of its row; nil for spans of layers and stages.
  fileprivate var title: String? {
    switch self {
    case .forward, .backward, .working: nil
    case .reduction: "sums of gradients"
    case .preparation: "packing weights"
    case .clipping: "clipping rows"
    case .update: "update"
    case .evaluation: "evaluation and samples"
    case .snapshot: "copy for checkpoint"
    case .waiting: "waiting"
    }
  }
}

extension StepProfile {
  /// Writes the spans for Perfetto or chrome://tracing.
  func write(to file: URL, _ plan: RunPlan) throws(RecordsError) {
    guard let (begin, _) = window.bounds else { return }
    let layers = plan.trainingPlan.steps
    let tracks = (lanes + stages).map { track in
      ChromeTrace.Track(
        name: track.name,
        events: track.all.map { span in
          let name = span.layer >= 0 ? layers[Int(span.layer)].name : "\(span.kind)"
          return ChromeTrace.Event(
            name: name, category: "\(span.kind)", start: Double(span.start - begin) / 1e3,
            duration: Double(span.end - span.start) / 1e3, step: Int(span.step),
            microBatch: span.microBatch >= 0 ? Int(span.microBatch) : nil)
        })
    }
    try ChromeTrace(process: "troupe train \(plan.configuration.name)", tracks: tracks).write(to: file)
  }
}
