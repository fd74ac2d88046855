/// What is wrong with a configuration, said in one line: where, what was found, what was expected, what to do.
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
    [location?.description, path.isEmpty ? nil : path, message].compactMap { $0 }.joined(separator: ": ")
  }
}

/// The edit distance of Damerau and Levenshtein (insert, delete, replace, swap neighbours) for "did you mean".
package enum NearestName {
  /// The closest of `candidates` if it is close enough to be a slip of the fingers.
  package static func of(_ name: String, among candidates: some Sequence<String>) -> String? {
    let scored = candidates.map { (distance(name.lowercased(), $0.lowercased()), $0) }
    guard let best = scored.min(by: { $0 < $1 }) else { return nil }
    let close = max(2, max(name.count, best.1.count) / 3)
    let contains = name.count >= 3 && (best.1.contains(name) || name.contains(best.1))
    return best.0 <= close || contains ? best.1 : nil
  }

  /// `, did you mean "x"?` or, when nothing is near, `; known: a, b, c`.
  package static func hint(_ name: String, among candidates: [String]) -> String {
    if let nearest = of(name, among: candidates) { return ", did you mean \"\(nearest)\"?" }
    return candidates.isEmpty ? "" : "; known: " + candidates.sorted().joined(separator: ", ")
  }

  static func distance(_ a: String, _ b: String) -> Int {
    // A name longer than this is nobody's typing slip; the bound keeps hostile input from costing a quadratic search.
    let a = Array(a.prefix(128))
    let b = Array(b.prefix(128))
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
