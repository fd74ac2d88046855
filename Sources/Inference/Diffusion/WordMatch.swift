/// Finds the class that a text asks for: "circle" and "red" in "a red circle".
package struct WordMatch {
  private let names: [String]
  private let words: [[String]]

  /// - Parameter names: of the classes, by label.
  package init(_ names: [String]) {
    self.names = names
    words = names.map(Self.words)
  }

  private static func words(_ text: String) -> [String] {
    text.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init)
  }

  /// The class of that very name, or else the only one whose words stand in the text, the longest name first; nil where there
  /// is none.
  package func label(in text: String) -> Int? {
    if let label = names.firstIndex(of: text) { return label }
    let said = Self.words(text)
    let found = words.indices.filter { label in
      let name = words[label]
      guard !name.isEmpty, name.count <= said.count else { return false }
      return (0...said.count - name.count).contains { Array(said[$0..<$0 + name.count]) == name }
    }
    guard let longest = found.map({ words[$0].count }).max() else { return nil }
    let best = found.filter { words[$0].count == longest }
    return best.count == 1 ? best[0] : nil
  }
}
