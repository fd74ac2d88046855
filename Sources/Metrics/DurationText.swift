/// Durations in a few characters.
package enum DurationText {
  /// Such as `42s`, `3m05s`, `2h07m`, `3d04h`.
  package static func short(_ seconds: Double) -> String {
    guard seconds.isFinite, abs(seconds) < 1e9 else { return "…" }
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole)s" }
    if whole < 3600 { return "\(whole / 60)m\(twoDigits(whole % 60))s" }
    if whole < 86_400 { return "\(whole / 3600)h\(twoDigits(whole / 60 % 60))m" }
    return "\(whole / 86_400)d\(twoDigits(whole / 3600 % 24))h"
  }

  private static func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
