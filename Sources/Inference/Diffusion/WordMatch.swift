/// Finds the class that a text names, such as "circle" in "a blue circle".
package struct WordMatch {
  private let names: [String]
  private let words: [[String]]

  /// - Parameter names: the class names by label.
  package init(_ names: [String]) {
    self.names = names
    words = names.map(Self.words)
  }

  private static func words(_ text: String) -> [String] {
    text.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init)
  }

  /// The class of exactly this name, or else the class with the longest name whose words are in the text; nil if there
  /// is none or more than one.
  package func label(in text: String) -> Int? {
    if let label = names.firstIndex(of: text) { return label }
    let spoken = Self.words(text)
    let found = words.indices.filter { label in
      let name = words[label]
      guard !name.isEmpty, name.count <= spoken.count else { return false }
      return (0...spoken.count - name.count).contains { Array(spoken[$0..<$0 + name.count]) == name }
    }
    guard let longest = found.map({ words[$0].count }).max() else { return nil }
    let best = found.filter { words[$0].count == longest }
    return best.count == 1 ? best[0] : nil
  }
}
