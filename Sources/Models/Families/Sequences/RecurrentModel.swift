import Configuration
import Layers

/// A recurrent network that predicts the next token (Mikolov et al. 2010; Zaremba et al. 2014).
///
///     tokens ── token_embedding ── dropout ── rnn: [ RNN, LSTM or GRU ]·layers ── dropout ── head
///
/// With `carry` a batch continues where the previous one stopped, and so do the states (truncated backpropagation).
package struct RecurrentModel: Architecture, Settings {
  package enum Cell: String, CaseIterable, Sendable { case rnn, lstm, gru }

  private let cell: Cell
  private let width: Int
  private let recurrent: RecurrentSettings
  private let tiesHead: Bool

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    cell = try reader.choice("cell", default: Cell.lstm, "the kind of recurrent layer")
    let width = try reader.optionalInteger(
      "width", in: 1...65_536, "features of a token's vector; as many as \"units\" if absent")
    let units = try reader.integer("units", in: 1...65_536, "size of each layer's state")
    self.width = width ?? units
    var recurrent = RecurrentSettings(units: units)
    recurrent.layers = try reader.integer("layers", default: 1, in: 1...100, "recurrent layers, one over the other")
    recurrent.dropout = try reader.number(
      "dropout", default: 0, in: 0...0.999, "the rate after the embedding and after each layer")
    recurrent.carries = try reader.boolean(
      "carry", default: false,
      "whether training continues from the state of the previous batch; needs \"order\": \"streams\"")
    self.recurrent = recurrent
    tiesHead = try reader.boolean(
      "tied_head", default: false, "whether the head's weights are the embedding's, which must be as wide as the state")
    try reader.require(
      !tiesHead || self.width == units, "tied_head",
      "needs \"width\" (\(self.width)) and \"units\" (\(units)) to be equal")
  }

  package var predictsNextToken: Bool { true }

  package func memory(ofSamples length: Int) -> SequenceMemory? { .state }

  package func build(
    _ graph: inout GraphBuilder, inputs: BatchInputs, outputs: Int
  ) throws(GraphError) -> ModelGraph.Value {
    let tokens = try inputs.tokens(for: "recurrent")
    let embedding = Embedding.LayerSettings(vocabulary: outputs, width: width)
    var x = try graph.add("token_embedding", Embedding.blueprint(embedding), tokens.value)
    x = try dropped(&graph, "embedding_dropout", x)
    x = try graph.add("rnn", layer, x)
    x = try dropped(&graph, "dropout", x)
    var head = Linear.LayerSettings(units: outputs, initializer: .glorotUniform)
    // A tied head has no weights of its own to set right, and no bias (Press and Wolf 2017).
    head.hasBias = !tiesHead
    return try graph.add("head", Linear.blueprint(head), x, sharing: tiesHead ? "token_embedding" : nil)
  }

  private var layer: LayerBlueprint {
    switch cell {
    case .rnn: RNN.blueprint(.init(recurrent))
    case .lstm: LSTM.blueprint(recurrent)
    case .gru: GRU.blueprint(recurrent)
    }
  }

  private func dropped(
    _ graph: inout GraphBuilder, _ name: String, _ x: ModelGraph.Value
  ) throws(GraphError) -> ModelGraph.Value {
    recurrent.dropout > 0 ? try graph.add(name, Dropout.blueprint(.init(rate: recurrent.dropout)), x) : x
  }
}
