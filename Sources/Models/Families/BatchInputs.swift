import Tensors

/// The fields of a batch as values of a model's graph.
package struct BatchInputs: Sendable {
  package struct Field: Sendable {
    package let name: String
    package let value: ModelGraph.Value
    /// Extents of a sample of the data. The graph's tensor is (B, …) of it, or a shorter piece of a sequence.
    package let sample: TensorShape
    /// The size of the vocabulary or the number of classes; nil for values.
    package let classCount: Int?

    package init(name: String, value: ModelGraph.Value, sample: TensorShape, classCount: Int? = nil) {
      self.name = name
      self.value = value
      self.sample = sample
      self.classCount = classCount
    }
  }

  private let fields: [Field]
  /// Tokens that attention remembers of a sequence in a graph that reads it piece by piece; nil in one that reads it at
  /// once.
  package let memory: Int?

  /// - Parameter fields: the first is the one that a model of one input reads.
  package init(_ fields: [Field], memory: Int? = nil) {
    precondition(!fields.isEmpty)
    self.fields = fields
    self.memory = memory
  }

  /// The field that a model of one input reads.
  package var main: Field { fields[0] }

  package func field(_ name: String) -> Field? { fields.first { $0.name == name } }

  /// The sequences that a language model reads, (B, T).
  func tokens(for family: String) throws(GraphError) -> Field {
    guard main.classCount != nil, main.sample.rank == 1 else {
      throw GraphError(
        node: "input",
        message: "\(family) reads sequences of tokens, but a sample of the data is \(main.sample); use \"text\" data")
    }
    return main
  }

  /// A field that a family cannot do without.
  package func require(_ name: String, for family: String) throws(GraphError) -> Field {
    if let field = field(name) { return field }
    let names = fields.map { "\"\($0.name)\"" }.joined(separator: ", ")
    throw GraphError(node: "input", message: "\(family) reads a field \"\(name)\", but the data have only \(names)")
  }
}
