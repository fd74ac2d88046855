import CPlatform

/// Sixteen by sixteen elements, as rows.
typealias SquareOfVectors = InlineArray<16, Vector>

/// Exchanges rows and columns, in four rounds that each interleave the first eight rows with the last eight.
@inline(__always) func transpose(_ square: inout SquareOfVectors) {
  for _ in 0..<4 {
    let before = square
    for i in 0..<8 {
      square[2 * i] = troupe_interleave_low16(before[i], before[i + 8])
      square[2 * i + 1] = troupe_interleave_high16(before[i], before[i + 8])
    }
  }
}
