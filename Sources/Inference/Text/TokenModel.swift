/// A model of sequences of tokens, which reads them piece by piece and remembers what it has read.
///
/// Rows are sequences side by side, all of one length: a piece has as many tokens for each.
package protocol TokenModel: AnyObject {
  var rows: Int { get }
  /// Tokens are 0 ..< vocabulary.
  var vocabulary: Int { get }
  /// The most tokens that it remembers; nil where there is no limit.
  var context: Int? { get }
  /// Tokens of each row that it has read since the last restart.
  var position: Int { get }
  /// Whether every text's first token says that an answer begins, without which the model is lost.
  var beginsAnswers: Bool { get }

  /// Reads the next tokens of every row.
  ///
  /// - Parameter tokens: a list a row, all of one length of at least 1; `position` and it are at most `context`.
  /// - Returns: logits of what comes next, (rows, vocabulary).
  func read(_ tokens: [[Int32]]) -> [Float]

  /// Row r goes on from what row `order[r]` has read.
  func reorder(_ order: [Int])

  /// Forgets everything.
  func restart()
}

extension TokenModel {
  package var beginsAnswers: Bool { false }
}
