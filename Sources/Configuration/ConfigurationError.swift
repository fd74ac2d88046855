import JSON

/// An error of a configuration in one line: the place, the value found, the value expected, the remedy.
package struct ConfigurationError: Error, CustomStringConvertible, Sendable {
  /// Keys from the top, `model.layers[2].width`; empty for the whole file.
  package var path: String
  package var message: String
  package var location: JSON.Location?

  package init(path: String, message: String, location: JSON.Location? = nil) {
    self.path = path
    self.message = message
    self.location = location
  }

  package var description: String {
    [location?.description, path.isEmpty ? nil : path, message].compactMap { $0 }.joined(separator: ": ").onOneLine
  }
}

extension String {
  /// The string with control characters as JSON's escapes: keys of a file must not break the line of an error.
  fileprivate var onOneLine: String {
    guard unicodeScalars.contains(where: { $0.value < 0x20 }) else { return self }
    return unicodeScalars.map { scalar in
      let digits = String(scalar.value, radix: 16)
      return scalar.value < 0x20 ? "\\u" + String(repeating: "0", count: 4 - digits.count) + digits : String(scalar)
    }.joined()
  }
}

/// The edit distance of Damerau and Levenshtein (insert, delete, replace, swap neighbors) for "did you mean".
package enum NearestName {
  /// Names of other trainers.
  private static let synonyms = [
    "lr": "learning_rate", "wd": "weight_decay", "eps": "epsilon", "epochs": "duration",
    "steps": "duration", "max_steps": "duration", "dtype": "precision", "bs": "batch_size",
  ]

  /// The closest of `candidates` if it is close enough for a typing error, or another trainer's name.
  package static func of(_ name: String, among candidates: some Sequence<String>) -> String? {
    if let synonym = synonyms[name.lowercased()], candidates.contains(synonym) { return synonym }
    let scored = candidates.map { (distance(name.lowercased(), $0.lowercased()), $0) }
    guard let best = scored.min(by: { $0 < $1 }) else { return nil }
    let close = max(2, max(min(name.count, longest), best.1.count) / 3)
    if best.0 <= close { return best.1 }
    return name.count >= 3 ? candidates.first { $0.contains(name) || $0.count >= 3 && name.contains($0) } : nil
  }

  /// `, did you mean "x"?` or, when nothing is near, `; known: a, b, c`.
  package static func hint(_ name: String, among candidates: [String]) -> String {
    if let nearest = of(name, among: candidates) { return ", did you mean \"\(nearest)\"?" }
    return candidates.isEmpty ? "" : "; known: " + candidates.sorted().joined(separator: ", ")
  }

  /// The longest compared prefix: malicious names must not cost a quadratic search.
  private static let longest = 128

  static func distance(_ a: String, _ b: String) -> Int {
    let a = Array(a.prefix(longest))
    let b = Array(b.prefix(longest))
    guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
    var beforeLast = [Int](repeating: 0, count: b.count + 1)
    var last = Array(0...b.count)
    for i in 1...a.count {
      var current = [i] + [Int](repeating: 0, count: b.count)
      for j in 1...b.count {
        current[j] = min(last[j] + 1, current[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
          current[j] = min(current[j], beforeLast[j - 2] + 1)
        }
      }
      (beforeLast, last) = (last, current)
    }
    return last[b.count]
  }
}
