/// A name pattern: `*` stands for any characters, dots too, and `?` for exactly one.
package struct Glob: Sendable, Equatable {
  package let pattern: String
  private let symbols: [Character]

  package init(_ pattern: String) {
    self.pattern = pattern
    symbols = Array(pattern)
  }

  /// Whether the whole name matches; costs at most the product of the two lengths.
  package func matches(_ name: String) -> Bool {
    let name = Array(name)
    var (symbol, position) = (0, 0)
    // Where to continue when a match fails after the last star, which then takes one more character.
    var retry: (symbol: Int, position: Int)?
    while position < name.count {
      if symbol < symbols.count, symbols[symbol] == "*" {
        retry = (symbol, position)
        symbol += 1
      } else if symbol < symbols.count, symbols[symbol] == "?" || symbols[symbol] == name[position] {
        symbol += 1
        position += 1
      } else if let last = retry {
        retry = (last.symbol, last.position + 1)
        (symbol, position) = (last.symbol + 1, last.position + 1)
      } else {
        return false
      }
    }
    return symbols[symbol...].allSatisfy { $0 == "*" }
  }
}
