import Configuration

/// An exponential moving average (EMA) of the parameters and of running statistics, drawn along at every step:
/// average ← average + (1 − d)·(parameter − average).
package struct AverageSettings: Settings {
  private let decay: Double?
  private let warmsUp: Bool

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    decay = try reader.optionalNumber(
      "decay", in: 0...1, "share of the old average that a step keeps, such as 0.999; no average if absent")
    warmsUp = try reader.boolean(
      "warmup", default: true, "keep only min(decay, (1 + t) / (10 + t)) in step t, to forget the first parameters soon"
    )
    try reader.require((decay ?? 0) < 1, "decay", "1 never moves: expected below 1")
  }

  package var isEnabled: Bool { decay != nil }

  /// The share that step `step`, counted from 0, keeps; 0 where no average is kept.
  package func decay(step: Int) -> Double {
    guard let decay else { return 0 }
    return warmsUp ? min(decay, (1 + Double(step)) / (10 + Double(step))) : decay
  }
}
