/// A model that reads sequences of tokens piece by piece.
///
/// Rows are parallel sequences of one length: a piece has as many tokens for each.
package protocol TokenModel: AnyObject {
  var rows: Int { get }
  /// Tokens are 0 ..< vocabulary.
  var vocabulary: Int { get }
  /// The most tokens in its memory; nil if there is no limit.
  var context: Int? { get }
  /// The number of tokens read per row since the last restart.
  var position: Int { get }
  /// Whether the first token must be the one that begins answers.
  var beginsAnswers: Bool { get }

  /// Reads the next tokens of every row.
  ///
  /// - Parameter tokens: one list per row, all of one length of at least 1; with `position` at most `context` tokens.
  /// - Returns: logits of the next token, (rows, vocabulary).
  func read(_ tokens: [[Int32]]) -> [Float]

  /// Row r continues what row `order[r]` has read.
  func reorder(_ order: [Int])

  /// Forgets all tokens.
  func restart()
}

extension TokenModel {
  package var beginsAnswers: Bool { false }
}
