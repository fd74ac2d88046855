import Layers
import Models
import Tensors
import Testing

@Suite struct ParameterTableTests {
  private func table(_ settings: String = #""activation": "relu", "normalization": "batch""#) throws -> ParameterTable {
    try ParameterTable(try network(mlp(settings, depth: 2, width: 7)))
  }

  @Test func namesAreThoseOfPyTorch() throws {
    #expect(
      try table().entries.map { "\($0.name) \($0.shape)" } == [
        "hidden.0.weight [7, 20]", "hidden.0.bias [7]", "hidden_norms.0.weight [7]", "hidden_norms.0.bias [7]",
        "hidden.1.weight [7, 7]", "hidden.1.bias [7]", "hidden_norms.1.weight [7]", "hidden_norms.1.bias [7]",
        "head.weight [5, 7]", "head.bias [5]",
      ])
    #expect(
      try table().buffers.map(\.name) == [
        "hidden_norms.0.running_mean", "hidden_norms.0.running_var", "hidden_norms.1.running_mean",
        "hidden_norms.1.running_var",
      ])
    #expect(try table().entries.map(\.depth) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
    #expect(try table().parameterCount == 140 + 7 + 14 + 49 + 7 + 14 + 35 + 5)
  }

  @Test func tensorsAreAlignedAndApart() throws {
    let table = try table()
    var end = 0
    for entry in table.entries {
      #expect(entry.offset >= end && entry.offset % Arena.alignment == 0)
      end = entry.offset + 4 * entry.count
      #expect(table.index(of: entry.name).map { table.entries[$0].name } == entry.name)
    }
    #expect(end <= table.byteCount)
    end = 0
    for entry in table.entries where entry.isWeight {
      let offset = try #require(entry.bf16WeightsOffset)
      #expect(offset >= end && offset % Arena.alignment == 0)
      end = offset + 2 * entry.count
    }
    #expect(end <= table.bf16WeightsByteCount)
    end = 0
    for buffer in table.buffers {
      #expect(buffer.offset >= end && buffer.offset % Arena.alignment == 0)
      end = buffer.offset + 4 * buffer.declaration.shape.elementCount
    }
    #expect(end <= table.bufferByteCount)
    #expect(table.index(of: "head.weights") == nil)
  }

  @Test func firstValuesAreAFunctionOfTheSeed() throws {
    let graph = try network(mlp(#""activation": "relu", "normalization": "batch""#))
    let trials = try [1, 1, 2].map { try Trial(graph, seed: $0) }
    #expect(trials[0].state.parameters.allBytes == trials[1].state.parameters.allBytes)
    #expect(trials[0].state.parameters.allBytes != trials[2].state.parameters.allBytes)
    for entry in trials[0].plan.table.entries {
      let values = trials[0].values(of: entry.name, in: trials[0].state.parameters)
      if entry.name.hasSuffix("bias") { #expect(values.allSatisfy { $0 == 0 }) }
      if entry.name.hasPrefix("hidden_norms"), entry.name.hasSuffix("weight") { #expect(values.allSatisfy { $0 == 1 }) }
      if entry.isWeight { #expect(Set(values).count > values.count / 2) }
    }
    for buffer in trials[0].plan.table.buffers {
      let slice = trials[0].plan.table.slice(buffer, in: trials[0].state.buffers)
      let expected: Float = buffer.name.hasSuffix("running_var") ? 1 : 0
      #expect((0..<slice.count).allSatisfy { slice.floats[$0] == expected })
    }
  }
}
