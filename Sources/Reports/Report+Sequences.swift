import JSON
import Metrics

/// The part of a run's data that shows a language model's behavior by sequence length.
extension Report {
  /// - Parameter buckets: of the curve of the gradient's reach.
  static func sequences(_ run: RunLog, buckets: Int) -> JSON {
    guard let probe = run.probe else { return ["probe": JSON.null] }
    let points = probe.stepTimes?.points.sorted { $0.length < $1.length } ?? []
    let times: JSON = [
      "precision": probe.stepTimes?.precision, "lanes": probe.stepTimes?.lanes, "x": points.map(\.length),
      "rows": points.map(\.rows), "y": JSON.finite(points.map(\.milliseconds)),
    ]
    let norms = probe.reach?.norms ?? []
    let lengths = probe.lengths.map { length -> JSON in
      [
        "factor": length.factor, "loss": JSON.finite(length.loss, digits: LineBuffer.exactDigits),
        "loss_beyond": JSON.finite(length.lossBeyond, digits: LineBuffer.exactDigits), "places": length.places,
      ]
    }
    let shown: JSON = [
      "step": probe.step, "training_length": probe.trainingLength, "position": probe.position, "times": times,
      "reach": Curve.extremes(Array(norms.indices), norms, buckets: buckets).json,
      "reach_windows": probe.reach?.windows, "lengths": lengths,
    ]
    return ["probe": shown]
  }
}
