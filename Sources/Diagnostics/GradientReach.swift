import Data
import Inference
import Kernels
import Metrics
import Models
import Runs
import Tensors

/// Measures how much of the gradient of a sequence's last token reaches the embeddings of earlier tokens.
///
///     g(d) = ‖∂L_T / ∂e_(T−d)‖₂,  d = 0…T − 1
///
/// L_T is the cross-entropy at the last of T tokens alone, e_t the embedding of token t. It computes in float32
/// whatever the run's precision, so that rounding makes no gradient vanish. Not for several threads at once.
package final class GradientReach {
  private let model: SequenceModel
  private let runner: SequenceRunner
  private let gradient: TensorSlice
  // Owns the memory of the parameters' gradients.
  private let gradients: Arena

  private static let embedding = "token_embedding"

  package var state: ModelState { model.state }

  package init(_ probe: SequenceProbe) throws {
    let length = probe.settings.trainingLength
    model = try SequenceModel(
      probe.run, probe.data, length: length, rows: 1, precision: .float32, keepsGradients: true)
    runner = SequenceRunner(model)
    guard let gradient = runner.outputGradient(of: Self.embedding), gradient.type == .float32 else {
      throw RunError("the model has no layer \(Self.embedding) whose gradient can be read")
    }
    self.gradient = gradient
    gradients = Arena(byteCount: model.state.table.byteCount)
    runner.program.bind(gradients: gradients)
  }

  /// Follows parameters that were written from outside.
  package func adoptParameters() { runner.prepare() }

  /// The loss of the last token, and g(d) by d.
  ///
  /// - Parameters:
  ///   - tokens: T of them.
  ///   - target: the token after the last.
  package func measure(_ tokens: [Int32], target: Int32) -> (loss: Double, norms: [Double]) {
    precondition(tokens.count == model.length && target >= 0)
    runner.input.write(tokens)
    runner.target.write([Int32](repeating: -1, count: tokens.count - 1) + [target])
    let loss = LaneThread.perform {
      let loss = runner.program.forward()
      runner.program.backward()
      return loss
    }
    let width = gradient.count / model.length
    let norms = (0..<model.length).map { distance in
      let place = model.length - 1 - distance
      return Self.norm(gradient.slice(place * width..<(place + 1) * width))
    }
    return (loss.value, norms)
  }

  /// The L2 norm, in float64, because squares of vanishing gradients underflow in float32.
  private static func norm(_ slice: TensorSlice) -> Double {
    let values = slice.floats
    var square = 0.0
    for index in values.indices { square += Double(values[index]) * Double(values[index]) }
    return square.squareRoot()
  }
}

extension TensorSlice {
  fileprivate var tokens: [Int32] {
    let values = integers
    var tokens: [Int32] = []
    for index in values.indices { tokens.append(values[index]) }
    return tokens
  }

  fileprivate func write(_ tokens: [Int32]) {
    var values = mutableIntegers
    for place in tokens.indices { values[place] = tokens[place] }
  }
}

extension SequenceProbe {
  /// The largest number of sequences measured.
  private static let mostWindows = 64

  /// The root mean square of the reach over evenly spread validation windows, relative to the last token's own.
  package func reach() throws -> ProbeRecord.Reach {
    try requireWindows()
    let reach = try GradientReach(self)
    let reader = SampleReader(data)
    let length = settings.trainingLength
    let memory = Arena(byteCount: 4 * length)
    let buffer = memory.all(as: .int32)
    func tokens(_ window: Int, _ name: String) -> [Int32] {
      guard let field = data.fields.firstIndex(where: { $0.name == name }) else { return [] }
      reader.read(windows[window], .evaluation, field: field, into: buffer)
      return buffer.tokens
    }
    var squares = [Double](repeating: 0, count: length)
    var count = 0
    let looks = min(Self.mostWindows, windows.count)
    for look in 0..<looks {
      let window = look * windows.count / looks
      // A window that ends in padding has no last token.
      guard let target = tokens(window, SampleField.target).last, target >= 0 else { continue }
      let norms = reach.measure(tokens(window, SampleField.input), target: target).norms
      for distance in norms.indices { squares[distance] += norms[distance] * norms[distance] }
      count += 1
    }
    guard let own = squares.first, own > 0 else {
      throw RunError(
        "\(run.folder.relativePath): no gradient to follow in \(count) whole validation windows")
    }
    return withExtendedLifetime(memory) {
      ProbeRecord.Reach(windows: count, norms: squares.map { ($0 / own).squareRoot() })
    }
  }
}
