/// The numbers from 0 up to a count, cut into pieces of one size; the last may be smaller.
struct Pieces: Sendable {
  struct Piece: Sendable {
    let range: Range<Int>
    let isLast: Bool
  }

  let size: Int
  let count: Int
  private let total: Int

  /// As even as they can be.
  ///
  /// - Parameters:
  ///   - largest: a piece's size, at most; but never below `multiple`.
  ///   - multiple: what every size but the last is a multiple of.
  init(of total: Int, upTo largest: Int, multipleOf multiple: Int = 1) {
    precondition(total > 0 && multiple > 0)
    func roundedUp(_ count: Int, to step: Int) -> Int { (count + step - 1) / step * step }
    let largest = max(multiple, largest / multiple * multiple)
    let fewest = roundedUp(total, to: largest) / largest
    size = min(total, roundedUp(roundedUp(total, to: fewest) / fewest, to: multiple))
    count = roundedUp(total, to: size) / size
    self.total = total
  }

  var lastSize: Int { total - (count - 1) * size }

  subscript(index: Int) -> Piece {
    Piece(range: index * size..<min(total, (index + 1) * size), isLast: index == count - 1)
  }
}
