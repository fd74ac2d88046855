import Foundation
import Metrics

/// The progress of a run as one line of a given width.
struct ProgressLine {
  var step = 0
  var totalSteps = 0
  var epoch = 0.0
  /// Smoothed.
  var loss = 0.0
  var learningRate = 0.0
  /// Smoothed.
  var samplesPerSecond = 0.0
  /// Seconds since this session began.
  var elapsed = 0.0
  /// Seconds to the end at the pace so far; nil while it is unknown.
  var remaining: Double?

  private static let widestBar = 30
  private static let narrowestBar = 8

  /// For a file: everything, without a bar.
  var plain: String { fields.map(\.text).joined(separator: "  ") }

  /// For a terminal: a bar in front, and the least important fields left out where they would not fit.
  func drawn(columns: Int) -> String {
    // The last column stays free: some terminals break the line there.
    let room = columns - 1
    var shown = fields
    func width() -> Int { shown.reduce(0) { $0 + $1.text.count + 2 } }
    while shown.count > 1, width() + Self.narrowestBar > room {
      guard let least = shown.indices.min(by: { shown[$0].weight < shown[$1].weight }) else { break }
      shown.remove(at: least)
    }
    let bar = min(Self.widestBar, room - width())
    let text = shown.map(\.text).joined(separator: "  ")
    return bar < Self.narrowestBar ? String(text.prefix(max(room, 0))) : self.bar(bar) + "  " + text
  }

  /// The fields in order; those of the least weight are left out first.
  private var fields: [(weight: Int, text: String)] {
    let share = totalSteps > 0 ? 100 * step / totalSteps : 100
    let time =
      step >= totalSteps
      ? "took \(DurationText.short(elapsed))" : "ETA \(remaining.map(DurationText.short) ?? "…")"
    return [
      (2, String(format: "%3d%%", share)),
      (5, "step \(step)/\(totalSteps)"),
      (1, String(format: "epoch %.2f", epoch)),
      (6, "loss " + Self.figures(loss)),
      (0, String(format: "lr %.2e", learningRate)),
      (3, Self.quantity(samplesPerSecond) + " samples/s"),
      (4, time),
    ]
  }

  /// Filled by eighths of a character, so that slow runs visibly move.
  private func bar(_ width: Int) -> String {
    let eighths = Array(" ▏▎▍▌▋▊▉")
    let share = totalSteps > 0 ? min(1, Double(step) / Double(totalSteps)) : 1
    let filled = Int(share * Double(8 * width))
    var cells = String(repeating: "█", count: filled / 8)
    if filled % 8 > 0 { cells.append(eighths[filled % 8]) }
    return cells + String(repeating: "·", count: width - cells.count)
  }

  /// Four decimals, or an exponent where those would be all zeros or needless.
  private static func figures(_ value: Double) -> String {
    value == 0 || (1e-3..<1e5).contains(abs(value)) ? String(format: "%.4f", value) : String(format: "%.3g", value)
  }

  /// Such as `812`, `10.4k`, `1.25M`.
  static func quantity(_ value: Double) -> String {
    switch value {
    case ..<9.95: String(format: "%.1f", value)
    case ..<9_995: String(format: "%.0f", value)
    case ..<999_500: String(format: "%.1fk", value / 1e3)
    default: String(format: "%.2fM", value / 1e6)
    }
  }
}
