import Layers
import Tensors

/// The places of a graph's parameters and buffers in their arenas.
package struct ParameterTable: Sendable {
  package struct Entry: Sendable {
    /// PyTorch's name, `hidden.0.weight`.
    package let name: String
    package let declaration: ParameterDeclaration
    /// Bytes from the start of the parameter arena (and of the gradient, optimizer state and average arenas).
    package let offset: Int
    /// Position of its layer from the input, among layers that have parameters.
    package let depth: Int
    /// Bytes from the start of the arena of bfloat16 weights; nil for a parameter that no product reads from there.
    package internal(set) var bf16WeightsOffset: Int?

    package var shape: TensorShape { declaration.shape }
    package var count: Int { shape.elementCount }
    /// Whether it is a matrix or larger, which weight decay acts on by default.
    package var isWeight: Bool { shape.rank >= 2 }
  }

  package struct Buffer: Sendable {
    package let name: String
    package let declaration: BufferDeclaration
    package let offset: Int
    /// The node it belongs to, and its number there.
    package let node: Int
    package let index: Int
  }

  package private(set) var entries: [Entry] = []
  package private(set) var buffers: [Buffer] = []
  package private(set) var byteCount = 0
  package private(set) var bf16WeightsByteCount = 0
  package private(set) var bufferByteCount = 0
  private var indices: [String: Int] = [:]
  private var bufferIndices: [String: Int] = [:]

  /// Parameters of one name (tied weights) are one parameter.
  package init(_ graph: ModelGraph) throws(GraphError) {
    var depth = 0
    for (nodeIndex, node) in graph.nodes.enumerated() {
      for (name, declaration) in zip(node.parameterNames, node.layer.parameters) {
        if let index = indices[name] {
          guard entries[index].shape == declaration.shape else {
            throw GraphError(
              node: node.name,
              message: "shares \(name), but as \(declaration.shape) instead of \(entries[index].shape)")
          }
          placeBF16Weights(of: index, declaration)
          continue
        }
        indices[name] = entries.count
        entries.append(Entry(name: name, declaration: declaration, offset: byteCount, depth: depth))
        byteCount = Self.advance(byteCount, by: declaration.shape)
        placeBF16Weights(of: entries.count - 1, declaration)
      }
      for (index, declaration) in node.layer.buffers.enumerated() {
        bufferIndices[node.bufferNames[index]] = buffers.count
        buffers.append(
          Buffer(
            name: node.bufferNames[index], declaration: declaration, offset: bufferByteCount, node: nodeIndex,
            index: index))
        bufferByteCount = Self.advance(bufferByteCount, by: declaration.shape)
      }
      if !node.layer.parameters.isEmpty { depth += 1 }
    }
  }

  private static func advance(_ offset: Int, by shape: TensorShape, _ type: ElementType = .float32) -> Int {
    Arena.aligned(offset + shape.elementCount * type.byteCount)
  }

  /// Products read matrices in bfloat16, unless their layer packs its weights itself.
  private mutating func placeBF16Weights(of index: Int, _ declaration: ParameterDeclaration) {
    guard entries[index].isWeight, !declaration.isPrepared, entries[index].bf16WeightsOffset == nil else { return }
    entries[index].bf16WeightsOffset = bf16WeightsByteCount
    bf16WeightsByteCount = Self.advance(bf16WeightsByteCount, by: declaration.shape, .bfloat16)
  }

  package func index(of name: String) -> Int? { indices[name] }

  package func buffer(named name: String) -> Buffer? { bufferIndices[name].map { buffers[$0] } }

  /// All parameters, frozen ones included.
  package var parameterCount: Int { entries.reduce(0) { $0 + $1.count } }

  /// The tensor of an entry in the parameter arena or one laid out like it.
  package func slice(_ entry: Entry, in arena: Arena) -> TensorSlice {
    arena.slice(offset: entry.offset, count: entry.count, type: .float32)
  }

  package func slice(_ buffer: Buffer, in arena: Arena) -> TensorSlice {
    arena.slice(offset: buffer.offset, count: buffer.declaration.shape.elementCount, type: .float32)
  }

  /// Writes the first values of every parameter and buffer: a pure function of the seed.
  package func initialize(parameters: Arena, buffers arena: Arena, seed: UInt64) {
    for (index, entry) in entries.enumerated() {
      let random = RandomStream(seed: seed, purpose: .initialization, stream: index)
      entry.declaration.initializer.fill(slice(entry, in: parameters), entry.declaration, random)
    }
    for buffer in buffers {
      var span = slice(buffer, in: arena).mutableFloats
      for i in span.indices { span[i] = buffer.declaration.initialValue }
    }
  }
}
