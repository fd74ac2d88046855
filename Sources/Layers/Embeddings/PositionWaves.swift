import Foundation
import Tensors

/// Fixed vectors for the places of tokens: sines and cosines of many wavelengths, from 2π places to 20,000π.
enum PositionWaves {
  private static let base = 10_000.0

  /// Places of a sequence of any length (Vaswani et al. 2017, section 3.5):
  ///
  ///     P[t, 2i] = sin(t / 10000^(2i / width))      P[t, 2i + 1] = cos(t / 10000^(2i / width))
  ///
  /// - Parameter shape: (places, width).
  static func sequence(_ shape: TensorShape) -> Arena {
    let arena = Arena(byteCount: 4 * shape.elementCount)
    var table = arena.all(as: .float32).mutableFloats
    let width = shape[1]
    for place in 0..<shape[0] {
      for column in 0..<width {
        let angle = Double(place) / pow(base, Double(column / 2 * 2) / Double(width))
        table[place * width + column] = Float(column % 2 == 0 ? sin(angle) : cos(angle))
      }
    }
    return arena
  }

  /// Places of a grid that is written row by row (He et al. 2022, and Peebles and Xie 2023 after them). A place in
  /// column u and row v has, with q = width / 4 and i < q:
  ///
  ///     P[i]      = sin(u / 10000^(i / q))      P[q + i]  = cos(u / 10000^(i / q))
  ///     P[2q + i] = sin(v / 10000^(i / q))      P[3q + i] = cos(v / 10000^(i / q))
  ///
  /// - Parameter shape: (places, width); the width is a multiple of 4.
  static func grid(_ shape: TensorShape, columns: Int) -> Arena {
    let arena = Arena(byteCount: 4 * shape.elementCount)
    var table = arena.all(as: .float32).mutableFloats
    let (width, quarter) = (shape[1], shape[1] / 4)
    precondition(width == 4 * quarter)
    for place in 0..<shape[0] {
      let (row, column) = place.quotientAndRemainder(dividingBy: columns)
      for wave in 0..<quarter {
        let scale = pow(base, -Double(wave) / Double(quarter))
        for (part, coordinate) in [column, row].enumerated() {
          let start = place * width + 2 * part * quarter + wave
          table[start] = Float(sin(Double(coordinate) * scale))
          table[start + quarter] = Float(cos(Double(coordinate) * scale))
        }
      }
    }
    return arena
  }
}
