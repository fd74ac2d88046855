import Data
import Inference
import Kernels
import Metrics
import Models
import Runs
import Tensors

/// How much of the gradient of a sequence's last token arrives at the embeddings of the tokens before it.
///
///     g(d) = ‖∂L_T / ∂e_(T−d)‖₂,  d = 0…T − 1
///
/// L_T is the cross-entropy of the prediction at the last of T tokens alone, e_t the vector of the embedding at token t. In
/// float32 whatever the run's precision: what vanishes should do so of itself. Not for several threads at once.
package final class GradientReach {
  private let model: SequenceModel
  private let player: SequencePlayer
  private let gradient: TensorSlice
  // Keeps the memory alive that parameters' gradients are written to.
  private let gradients: Arena

  private static let embedding = "token_embedding"

  package var state: ModelState { model.state }

  package init(_ probe: SequenceProbe) throws {
    let length = probe.settings.trainingLength
    model = try SequenceModel(
      probe.run, probe.data, length: length, rows: 1, precision: .float32, keepsGradients: true)
    player = SequencePlayer(model)
    guard let gradient = player.outputGradient(of: Self.embedding), gradient.type == .float32 else {
      throw RunError("the model has no layer \(Self.embedding) whose gradient can be read")
    }
    self.gradient = gradient
    gradients = Arena(byteCount: model.state.table.byteCount)
    player.program.bind(gradients: gradients)
  }

  /// Follows parameters that were written from outside.
  package func adoptParameters() { player.prepare() }

  /// The loss of the last token, and g(d) by d.
  ///
  /// - Parameters:
  ///   - tokens: T of them.
  ///   - target: what comes behind the last.
  package func measure(_ tokens: [Int32], target: Int32) -> (loss: Double, norms: [Double]) {
    precondition(tokens.count == model.length && target >= 0)
    player.input.write(tokens)
    player.target.write([Int32](repeating: -1, count: tokens.count - 1) + [target])
    let loss = LaneThread.perform {
      let loss = player.program.forward()
      player.program.backward()
      return loss
    }
    let width = gradient.count / model.length
    let norms = (0..<model.length).map { distance in
      let place = model.length - 1 - distance
      return Self.norm(gradient.slice(place * width..<(place + 1) * width))
    }
    return (loss.value, norms)
  }

  /// The L2 norm, in float64: squares of what has vanished are no float32.
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
  /// Sequences that are looked at, at most.
  private static let mostWindows = 64

  /// The root mean square of the reach over validation windows, evenly spread, relative to the last token's own.
  package func reach() throws -> ProbeRecord.Reach {
    try requireWindows()
    let reach = try GradientReach(self)
    let reader = SampleReader(data)
    let length = settings.trainingLength
    let memory = Arena(byteCount: 4 * length)
    let slot = memory.all(as: .int32)
    func tokens(_ window: Int, _ name: String) -> [Int32] {
      guard let field = data.fields.firstIndex(where: { $0.name == name }) else { return [] }
      reader.read(windows[window], .evaluation, field: field, into: slot)
      return slot.tokens
    }
    var squares = [Double](repeating: 0, count: length)
    var count = 0
    let looks = min(Self.mostWindows, windows.count)
    for look in 0..<looks {
      let window = look * windows.count / looks
      // A window that padding ends says nothing of its last token.
      guard let target = tokens(window, SampleField.target).last, target >= 0 else { continue }
      let norms = reach.measure(tokens(window, SampleField.input), target: target).norms
      for distance in norms.indices { squares[distance] += norms[distance] * norms[distance] }
      count += 1
    }
    guard let own = squares.first, own > 0 else {
      throw RunError(
        "\(run.folder.relativePath): no gradient to follow: \(count) whole validation windows, and none gave one")
    }
    return withExtendedLifetime(memory) {
      ProbeRecord.Reach(windows: count, norms: squares.map { ($0 / own).squareRoot() })
    }
  }
}
