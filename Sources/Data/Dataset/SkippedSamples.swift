import Files
import JSON

/// The treatment of samples that cannot be read.
package enum BadSamplePolicy: String, CaseIterable, Sendable {
  /// The first of them ends the run.
  case fail
  /// They are left out of the set, and reported.
  case skip
}

/// The samples that a data set left out because they cannot be read.
///
/// Their bytes alone decide, so that a set on the disk has the same samples whenever it is opened.
package struct SkippedSamples: Sendable, Equatable, CustomStringConvertible {
  package struct Item: Sendable, Equatable {
    /// The sample's file, as the data set names it.
    package let name: String
    /// The error in it: the place, what was expected, what was found.
    package let reason: String

    fileprivate var line: String { "\(name): \(reason)".inOneLine }
  }

  /// The word for samples: "images".
  package let noun: String
  /// All samples, with those left out.
  package let total: Int
  /// At least one, in the set's order.
  package let items: [Item]

  /// Most samples that are listed for people, and for programs.
  private static let mostLines = 20
  private static let mostObjects = 1000

  /// Nil without any.
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

  /// The first samples for programs, and their number.
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
