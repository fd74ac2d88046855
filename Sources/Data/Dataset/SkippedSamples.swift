import Files
import JSON

/// What happens to samples that cannot be read.
package enum BadSamplePolicy: String, CaseIterable, Sendable {
  /// The first of them is refused, and the set with it.
  case fail
  /// They are left out of the set, counted and named.
  case skip
}

/// The samples that a data set left out because they cannot be read.
///
/// Which these are is told by their bytes alone, so that a set on the disk is the same samples whenever it is opened.
package struct SkippedSamples: Sendable, Equatable, CustomStringConvertible {
  package struct Item: Sendable, Equatable {
    /// The sample's file, as the data set names it.
    package let name: String
    /// What is wrong with it: where, what was expected, what was found.
    package let reason: String

    fileprivate var line: String { "\(name): \(reason)".inOneLine }
  }

  /// What samples are called: "images".
  package let noun: String
  /// Samples that were found, those left out among them.
  package let total: Int
  /// At least one, in the set's order.
  package let items: [Item]

  /// Most that are named one by one where the list is for people, or for programs.
  private static let mostLines = 20
  private static let mostObjects = 1000

  /// Nil where nothing was left out.
  init?(_ items: [Item], of total: Int, noun: String) {
    guard !items.isEmpty else { return nil }
    self.items = items
    self.total = total
    self.noun = noun
  }

  /// "12 of 50,000 images cannot be read and are skipped: first a/x.jpg: …".
  package var description: String {
    let verb = items.count == 1 ? "is skipped: " : "are skipped: first "
    return "\(summary) and \(verb)\(items[0].line)"
  }

  /// The samples one by one.
  package var lines: [String] {
    let left = items.count - Self.mostLines
    return items.prefix(Self.mostLines).map(\.line) + (left > 0 ? ["and \(Self.grouped(left)) more"] : [])
  }

  /// "12 of 50,000 images cannot be read".
  var summary: String { "\(Self.grouped(items.count)) of \(Self.grouped(total)) \(noun) cannot be read" }

  /// The same for programs; of very many the first are named.
  package var json: JSON {
    .object([
      ("count", .integer(items.count)), ("total", .integer(total)),
      (
        "samples",
        .array(
          items.prefix(Self.mostObjects).map { .object([("name", .string($0.name)), ("reason", .string($0.reason))]) })
      ),
    ])
  }

  /// Digits by threes: "50,000".
  private static func grouped(_ count: Int) -> String {
    var text = ""
    for (place, digit) in String(count).reversed().enumerated() {
      text = String(digit) + (place > 0 && place % 3 == 0 ? "," : "") + text
    }
    return text
  }
}
