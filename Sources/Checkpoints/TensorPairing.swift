import Foundation

/// Pairs tensors in memory with those of a file by their names.
struct TensorPairing<Stored> {
  let match: CheckpointFile.Match
  /// Whether a stored tensor can fill one of the same name; nil where it can, or the difference after the name.
  let difference: (_ stored: Stored, _ tensor: CheckpointTensor) -> String?

  private static var mostNamed: Int { 3 }

  /// The stored tensor of each given one, or an error that names the first differences.
  func pairs(
    of tensors: [CheckpointTensor], in stored: [(name: String, tensor: Stored)], url: URL
  ) throws(CheckpointError) -> [Stored] {
    var remaining: [String: Stored] = [:]
    for (name, tensor) in stored { remaining[name] = tensor }
    var differences: [String] = []
    var pairs: [Stored] = []
    for tensor in tensors {
      guard let found = remaining.removeValue(forKey: tensor.path) else {
        differences.append("\(tensor.path) is missing in the file")
        continue
      }
      if let difference = difference(found, tensor) { differences.append("\(tensor.path) \(difference)") }
      pairs.append(found)
    }
    if match == .exact { differences += remaining.keys.sorted().map { "\($0) is in the file only" } }
    guard differences.isEmpty else {
      let rest = differences.count - Self.mostNamed
      let named = differences.prefix(Self.mostNamed).joined(separator: "; ")
      throw CheckpointError("\(url.path) does not fit: \(named)" + (rest > 0 ? "; and \(rest) more" : ""))
    }
    return pairs
  }
}
