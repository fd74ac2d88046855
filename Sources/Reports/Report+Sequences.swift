import JSON
import Metrics

/// The part of a run's data that shows what a language model does with sequences.
extension Report {
  /// - Parameter buckets: of the curve of the gradient's reach.
  static func sequences(_ run: RunLog, buckets: Int, _ text: inout JSONText) {
    guard let probe = run.probe else { return text.field("probe", optional: nil) }
    text.object("probe") { text in
      text.field("step", probe.step)
      text.field("training_length", probe.trainingLength)
      text.field("position", optional: probe.position)
      text.object("times") { text in
        let points = probe.stepTimes?.points.sorted { $0.length < $1.length } ?? []
        text.field("precision", optional: probe.stepTimes?.precision)
        text.field("lanes", probe.stepTimes?.lanes ?? 0)
        text.field("x", points.map { Double($0.length) }, digits: LineBuffer.exactDigits)
        text.field("rows", points.map { Double($0.rows) }, digits: LineBuffer.exactDigits)
        text.field("y", points.map(\.milliseconds))
      }
      let norms = probe.reach?.norms ?? []
      curve("reach", .extremes(Array(norms.indices), norms, buckets: buckets), &text)
      text.field("reach_windows", probe.reach?.windows ?? 0)
      text.array("lengths") { text in
        for length in probe.lengths {
          text.object { text in
            text.field("factor", length.factor)
            text.field("loss", length.loss, digits: LineBuffer.exactDigits)
            text.field("loss_beyond", length.lossBeyond, digits: LineBuffer.exactDigits)
            text.field("places", length.places.map { Double($0) }, digits: LineBuffer.exactDigits)
          }
        }
      }
    }
  }
}
