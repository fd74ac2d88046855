import Configuration
import Kernels
import Tensors

/// y[b, t] = s·x[b, t] + P[t]: adds its position to each token of a sequence.
///
/// x and y are (B, T, width). P is trained (`learned`, as in GPT-2), or made of waves (`PositionWaves`): of the token's
/// place in the sequence (`sinusoidal`), or of its column and row in a grid that is written row by row
/// (`sinusoidal_2d`).
///
/// Where the pass reads a later piece of a sequence, t counts from the sequence's beginning.
package struct PositionEmbedding: ConfigurableLayer {
  package static let kind = "position_embedding"

  package enum Kind: String, CaseIterable, Sendable {
    case learned, sinusoidal
    case sinusoidal2D = "sinusoidal_2d"
  }

  package struct LayerSettings: Settings {
    package var kind = Kind.learned
    /// Rows of P; what the longest sequence may have.
    package var context: Int?
    /// Of the grid, for `sinusoidal2D`.
    package var columns: Int?
    /// s; the square root of the width in Vaswani et al. 2017, section 3.4.
    package var scale = 1.0
    package var initializer = Initializer.normal(deviation: 0.02)

    package init(_ kind: Kind, context: Int) {
      self.kind = kind
      self.context = context
    }

    /// Places in a grid.
    package init(columns: Int) {
      kind = .sinusoidal2D
      self.columns = columns
    }

    package init(from reader: SettingsReader) throws(ConfigurationError) {
      kind = try reader.choice("kind", default: Kind.learned, "trained vectors, or waves of fixed lengths")
      context = try reader.optionalInteger(
        "context", in: 1...(1 << 24), "tokens of the longest sequence; those of the data if absent")
      columns = try reader.optionalInteger("columns", in: 1...65_536, "of the grid, for \"sinusoidal_2d\"")
      scale = try reader.number("scale", default: 1, in: 0...1e6, "what the input is multiplied by")
      initializer =
        try reader.component(
          "initializer", from: initializerCatalog,
          default: .object([("type", .string("normal")), ("deviation", .number(0.02))]), "how trained vectors start")
        ?? initializer
      try reader.require(
        (kind == .sinusoidal2D) == (columns != nil), "columns", "belongs to the kind \"sinusoidal_2d\", which needs it")
    }
  }

  private let settings: LayerSettings
  private let context: Int
  package let inputShapes: [TensorShape]
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
      throw LayerError("position_embedding has \(context) places, but sequences have \(input[1]) tokens")
    }
    guard let shape = TensorShape(checking: [context, input[2]]) else {
      throw LayerError("position_embedding of \(context) places of width \(input[2]): too large")
    }
    if let columns = settings.columns {
      guard input[1] % columns == 0 else {
        throw LayerError("position_embedding cannot lay \(input[1]) tokens out in \(columns) columns")
      }
      guard input[2] % 4 == 0 else {
        throw LayerError(
          "position_embedding has a sine and a cosine for column and row of every wave; a width of \(input[2]) is not "
            + "a multiple of 4")
      }
    }
    self.settings = settings
    self.context = context
    inputShapes = inputs
    kernel = PositionKernel(tokens: input[1], width: input[2], scale: Float(settings.scale))
    waves =
      switch settings.kind {
      case .learned: nil
      case .sinusoidal: PositionWaves.sequence(shape)
      case .sinusoidal2D: PositionWaves.grid(shape, columns: settings.columns ?? 1)
      }
  }

  package var parameters: [ParameterDeclaration] {
    let shape = TensorShape([context, kernel.width])
    return settings.kind == .learned
      ? [ParameterDeclaration("weight", shape, settings.initializer, fanIn: kernel.width, fanOut: context)] : []
  }

  package var backwardReads: BackwardReads { [] }

  /// The rows of P that this pass reads.
  private func places(_ table: TensorSlice, _ frame: Frame) -> TensorSlice {
    let start = frame.position * kernel.width
    return table.slice(start..<start + kernel.tokens * kernel.width)
  }

  package func forward(_ frame: Frame) {
    let table = waves?.all(as: .float32) ?? frame.weight
    kernel.forward(frame.input(), table: places(table, frame), into: frame.output)
  }

  package func backward(_ frame: Frame) {
    if waves == nil, let gradient = frame.weightGradient {
      // Places that no sequence reaches get no gradient.
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
    LayerExample(
      #"{"type": "position_embedding", "kind": "sinusoidal_2d", "columns": 3}"#, inputs: [[2, 6, 20]],
      output: [2, 6, 20]),
  ]
}
