import Tensors

/// Random numbers drawn one after another from a counter-based stream.
package struct SampleDice: Sendable {
  private let stream: RandomStream
  private var next: Int

  /// - Parameter element: the stream's first number that is drawn.
  package init(_ stream: RandomStream, from element: Int = 0) {
    self.stream = stream
    next = element
  }

  /// Uniform in -1 ..< 1.
  package mutating func signed() -> Float { unit() * 2 - 1 }

  /// Uniform in 0 ..< 1.
  package mutating func unit() -> Float {
    next += 1
    return stream.uniform(next - 1)
  }

  package mutating func integer(below bound: Int) -> Int {
    next += 1
    return stream.integer(next - 1, below: bound)
  }

  package mutating func happens(_ probability: Float) -> Bool { unit() < probability }

  /// Bell-shaped with deviation 1, bounded by 3: the sum of three uniforms, because a logarithm's last bit is the
  /// machine's own.
  package mutating func bell() -> Float { signed() + signed() + signed() }
}
