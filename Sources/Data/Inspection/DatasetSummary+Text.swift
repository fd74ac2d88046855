import Configuration
import Foundation
import JSON

extension DatasetSummary {
  /// Most classes listed one by one.
  private static let mostClasses = 40

  /// The summary for people, line by line.
  package var lines: [String] {
    var lines = ["\(path): \(kind), \(count) sample\(count == 1 ? "" : "s")"]
    if let skipped {
      lines.append("  \(skipped.summary); data.on_bad_sample says whether training skips them:")
      lines += skipped.lines.map { "    " + $0 }
    }
    let width = parts.map(\.name.count).max() ?? 0
    for part in parts {
      var line = "  " + part.name.padding(toLength: width, withPad: " ", startingAt: 0)
      line += "  \(part.shape) \(part.type)"
      if let moments = part.moments {
        line += "  min \(Self.short(moments.minimum))  max \(Self.short(moments.maximum))"
        line += "  mean \(Self.short(moments.mean))  std \(Self.short(moments.deviation))"
      }
      lines.append(line)
    }
    if !classes.isEmpty {
      lines.append("  \(classes.count) classes, samples in each:")
      let nameWidth = min(24, classes.map(\.name.count).max() ?? 0)
      let most = max(1, classes.map(\.count).max() ?? 1)
      for item in classes.prefix(Self.mostClasses) {
        let bar = String(repeating: "█", count: item.count * 40 / most)
        let name = item.name.padding(toLength: nameWidth, withPad: " ", startingAt: 0)
        lines.append("    \(name) \(String(item.count).leftPadded(to: 8)) \(bar)")
      }
      if classes.count > Self.mostClasses { lines.append("    and \(classes.count - Self.mostClasses) more") }
    }
    lines += notes.map { "  " + $0 }
    return lines + preview
  }

  /// The summary for programs.
  package var json: JSON {
    .object([
      ("path", .string(path)), ("kind", .string(kind)), ("count", .integer(count)),
      (
        "fields",
        .array(
          parts.map { part in
            var members: [(String, JSON)] = [
              ("name", .string(part.name)), ("shape", .array(part.shape.dimensions.map { .integer($0) })),
              ("type", .string(part.type)),
            ]
            if let moments = part.moments {
              members += [
                ("min", .number(moments.minimum)), ("max", .number(moments.maximum)), ("mean", .number(moments.mean)),
                ("std", .number(moments.deviation)),
              ]
            }
            return .object(members)
          })
      ),
      ("classes", .array(classes.map { .object([("name", .string($0.name)), ("count", .integer($0.count))]) })),
      ("notes", .array(notes.map { .string($0) })), ("skipped_samples", skipped?.json ?? .null),
    ])
  }

  private static func short(_ value: Double) -> String { String(format: "%.5g", value) }
}

extension String {
  fileprivate func leftPadded(to width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}
