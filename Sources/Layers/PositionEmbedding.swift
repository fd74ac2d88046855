import Arenas
import Configuration
import Foundation
import Kernels

/// y[b, t] = s·x[b, t] + P[t]: tells a Transformer where in the sequence a token stands.
///
/// x and y are (B, T, width). P is trained (`learned`, as in GPT-2), or the waves of Vaswani et al. 2017, section 3.5, which
/// go on beyond every length (`sinusoidal`):
///
///     P[t, 2i] = sin(t / 10000^(2i / width))      P[t, 2i + 1] = cos(t / 10000^(2i / width))
///
/// Where the pass reads a later piece of a sequence, t counts from the sequence's beginning.
package struct PositionEmbedding: ConfigurableLayer {
  package static let kind = "position_embedding"

  package enum Kind: String, CaseIterable, Sendable { case learned, sinusoidal }

  package struct LayerSettings: Settings {
    package var kind = Kind.learned
    /// Rows of P; what the longest sequence may have.
    package var context: Int?
    /// s; the square root of the width in Vaswani et al. 2017, section 3.4.
    package var scale = 1.0
    package var initializer = Initializer.normal(deviation: 0.02)

    package init(_ kind: Kind, context: Int) {
      self.kind = kind
      self.context = context
    }

    package init(from reader: SettingsReader) throws(ConfigurationError) {
      kind = try reader.choice("kind", default: Kind.learned, "trained vectors, or waves of fixed lengths")
      context = try reader.optionalInteger(
        "context", in: 1...(1 << 24), "tokens of the longest sequence; those of the data if absent")
      scale = try reader.number("scale", default: 1, in: 0...1e6, "what the input is multiplied by")
      initializer =
        try reader.component(
          "initializer", from: initializerCatalog,
          default: .object([("type", .string("normal")), ("deviation", .number(0.02))]), "how trained vectors start")
        ?? initializer
    }
  }

  private let settings: LayerSettings
  private let context: Int
  package let inputShapes: [TensorShape]
  package var outputShape: TensorShape { inputShapes[0] }
  private let kernel: PositionKernel
  /// The waves for the whole context; nil where vectors are trained.
  private let waves: Arena?

  package init(settings: LayerSettings, inputs: [TensorShape]) throws(LayerError) {
    let input = try Self.single(inputs)
    guard input.rank == 3 else {
      throw LayerError("position_embedding expects sequences (batch, tokens, width), got \(input)")
    }
    let context = settings.context ?? input[1]
    guard input[1] <= context else {
      throw LayerError("position_embedding knows \(context) places, but sequences have \(input[1]) tokens")
    }
    guard let shape = TensorShape(checking: [context, input[2]]) else {
      throw LayerError("position_embedding of \(context) places of width \(input[2]): too large")
    }
    self.settings = settings
    self.context = context
    inputShapes = inputs
    kernel = PositionKernel(tokens: input[1], width: input[2], scale: Float(settings.scale))
    waves = settings.kind == .sinusoidal ? Self.waves(shape) : nil
  }

  private static let longestWave = 10_000.0

  private static func waves(_ shape: TensorShape) -> Arena {
    let arena = Arena(byteCount: 4 * shape.elementCount)
    var table = arena.all(as: .float32).mutableFloats
    let width = shape[1]
    for place in 0..<shape[0] {
      for column in 0..<width {
        let angle = Double(place) / pow(longestWave, Double(column / 2 * 2) / Double(width))
        table[place * width + column] = Float(column % 2 == 0 ? sin(angle) : cos(angle))
      }
    }
    return arena
  }

  package var parameters: [ParameterDeclaration] {
    let shape = TensorShape([context, kernel.width])
    return settings.kind == .sinusoidal
      ? [] : [ParameterDeclaration("weight", shape, settings.initializer, fanIn: kernel.width, fanOut: context)]
  }

  package var backwardReads: BackwardReads { [] }

  /// The rows of P that this pass reads.
  private func places(_ table: TensorSlice, _ frame: Frame) -> TensorSlice {
    let start = frame.position * kernel.width
    return table.slice(start..<start + kernel.tokens * kernel.width)
  }

  package func forward(_ frame: Frame) {
    let table = waves?.all(as: .float32) ?? frame.parameter(0)
    kernel.forward(frame.input(), table: places(table, frame), into: frame.output)
  }

  package func backward(_ frame: Frame) {
    if waves == nil, let gradient = frame.parameterGradient(0) {
      // Places that no sequence reaches learn nothing.
      if !frame.accumulatesParameterGradient(0), kernel.tokens < context { gradient.zero() }
      kernel.backward(
        frame.outputGradient, into: places(gradient, frame),
        accumulate: frame.accumulatesParameterGradient(0))
    }
    guard let dx = frame.inputGradient() else { return }
    kernel.backward(frame.outputGradient, to: dx, accumulate: frame.accumulatesInputGradient())
  }

  package static let examples = [
    LayerExample(#"{"type": "position_embedding"}"#, inputs: [[3, 5, 19]], output: [3, 5, 19]),
    LayerExample(#"{"type": "position_embedding", "context": 9}"#, inputs: [[2, 5, 18]], output: [2, 5, 18]),
    LayerExample(
      #"{"type": "position_embedding", "kind": "sinusoidal", "scale": 3}"#, inputs: [[2, 6, 17]], output: [2, 6, 17]),
  ]
}
