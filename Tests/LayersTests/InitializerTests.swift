import Layers
import Tensors
import Testing

@Suite struct InitializerTests {
  private func values(_ initializer: Initializer, _ shape: [Int], stream: Int = 0) -> [Float] {
    let tensor = GuardedTensor(count: shape.shape.elementCount, type: .float32)
    let declaration = ParameterDeclaration("weight", shape.shape, initializer, fanIn: shape[1], fanOut: shape[0])
    let random = RandomStream(seed: 3, purpose: .initialization, stream: stream)
    initializer.fill(tensor.slice, declaration, random)
    #expect(tensor.isIntact)
    return tensor.values
  }

  static let variances: [(Initializer, Double)] = [
    (.glorotUniform, 2 / 300), (.glorotNormal, 2 / 300), (.heUniform, 2 / 200), (.heNormal, 2 / 200),
    (.normal(deviation: 0.5), 0.25), (.uniform(bound: 3), 3),
  ]

  @Test(arguments: variances) func hasItsVariance(_ initializer: Initializer, variance: Double) {
    let x = values(initializer, [100, 200]).map(Double.init)
    let mean = x.reduce(0, +) / 20_000
    let second = x.reduce(0) { $0 + $1 * $1 } / 20_000
    #expect(abs(mean) < 5 * (variance / 20_000).squareRoot())
    #expect(abs(second / variance - 1) < 0.05)
    #expect(values(initializer, [100, 200]).map(Double.init) == x)
    #expect(values(initializer, [100, 200], stream: 1).map(Double.init) != x)
  }

  @Test(arguments: [[12, 30], [30, 12], [9, 9]]) func orthogonalIsOrthogonal(_ shape: [Int]) {
    let x = values(.orthogonal(gain: 2), shape).map(Double.init)
    let (rows, columns) = (shape[0], shape[1])
    let isWide = rows <= columns
    let (count, length) = isWide ? (rows, columns) : (columns, rows)
    func element(_ vector: Int, _ i: Int) -> Double { isWide ? x[vector * columns + i] : x[i * columns + vector] }
    for a in 0..<count {
      for b in 0..<count {
        let product = (0..<length).reduce(0) { $0 + element(a, $1) * element(b, $1) }
        #expect(abs(product - (a == b ? 4 : 0)) < 1e-5)
      }
    }
  }

  @Test func constantsAreConstant() {
    #expect(values(.zeros, [2, 3]) == [Float](repeating: 0, count: 6))
    #expect(values(.constant(-1.5), [2, 3]) == [Float](repeating: -1.5, count: 6))
  }
}
