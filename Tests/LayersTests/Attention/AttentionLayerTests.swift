import Kernels
import Layers
import Tensors
import Testing

@Suite struct AttentionLayerTests {
  private static let types: [ElementType] = OneDNN.supportsBFloat16 ? [.float32, .bfloat16] : [.float32]
  private static let positions = Attention.Position.allCases

  private func settings(
    heads: Int, keyHeads: Int? = nil, causal: Bool = true, _ position: Attention.Position = .none
  ) -> Attention.LayerSettings {
    var settings = Attention.LayerSettings(heads: heads)
    settings.keyHeads = keyHeads
    settings.isCausal = causal
    settings.position = position
    return settings
  }

  private func bench(_ layer: Attention, _ type: ElementType, isTraining: Bool = false) -> LayerBench {
    var conditions = Conditions()
    conditions.activations = type
    conditions.isTraining = isTraining
    let bench = LayerBench(layer, conditions)
    bench.fill()
    return bench
  }

  @Test(arguments: types, positions) func laterTokensChangeNothing(
    _ type: ElementType, _ position: Attention.Position
  ) throws {
    let (tokens, width) = (100, 2 * 32)
    let layer = try Attention(settings: settings(heads: 2, position), inputs: [[2, tokens, 3 * width].shape])
    let bench = bench(layer, type)
    bench.forward()
    let first = bench.output.values.map(\.bitPattern)
    for changed in [0, 1, 31, 32, 63, 64, 77, 99] {
      bench.fill()
      var values = bench.inputs[0].values
      for row in 0..<2 {
        let token = (row * tokens + changed) * 3 * width
        for i in token..<token + 3 * width { values[i] = -7 * values[i] }
      }
      bench.inputs[0].values = values
      bench.forward()
      let second = bench.output.values.map(\.bitPattern)
      for row in 0..<2 {
        let (start, token) = (row * tokens * width, (row * tokens + changed) * width)
        #expect(first[start..<token] == second[start..<token], "token \(changed)")
        #expect(first[token..<token + width] != second[token..<token + width])
      }
    }
  }

  /// The whole sequence at once, and in pieces: equal bits, whatever the pieces.
  @Test(arguments: types, positions)
  func piecesEqualTheWhole(_ type: ElementType, _ position: Attention.Position) throws {
    let (tokens, heads, keyHeads, d) = (135, 4, 2, 20)
    let (inputWidth, width) = ((heads + 2 * keyHeads) * d, heads * d)
    var settings = settings(heads: heads, keyHeads: keyHeads, position)
    let whole = bench(try Attention(settings: settings, inputs: [[2, tokens, inputWidth].shape]), type)
    whole.forward()
    let (input, expected) = (whole.inputs[0].values, whole.output.values)
    settings.cacheCapacity = 140
    var sizes: [Int: LayerBench] = [:]
    var sequenceState: [[Float]] = []
    var start = 0
    // The last piece ends before the KV cache does.
    for size in [70, 1, 1, 1, 7, 33, 1, 7, 1, 1, 7, 1, 1, 1, 1, 1] {
      let piece =
        try sizes[size]
        ?? bench(try Attention(settings: settings, inputs: [[2, size, inputWidth].shape]), type)
      sizes[size] = piece
      for (memory, values) in zip(piece.sequenceState, sequenceState) { memory.values = values }
      var part: [Float] = []
      for row in 0..<2 {
        let first = (row * tokens + start) * inputWidth
        part += input[first..<first + size * inputWidth]
      }
      piece.inputs[0].values = part
      piece.change { $0.position = start }
      piece.poison([piece.output, piece.scratch] + piece.saved)
      let complaints = piece.trespasses(
        in: piece.forward, writable: [piece.output, piece.scratch] + piece.saved + piece.sequenceState)
      #expect(complaints.isEmpty, "\(complaints)")
      let output = piece.output.values
      for row in 0..<2 {
        let range = (row * tokens + start) * width..<(row * tokens + start + size) * width
        let found = output[row * size * width..<(row + 1) * size * width].map(\.bitPattern)
        let same = found == expected[range].map(\.bitPattern)
        #expect(same, "a piece of \(size) at \(start)")
      }
      sequenceState = piece.sequenceState.map(\.values)
      start += size
    }
    #expect(start == tokens)
  }

  @Test func behavesWithDropout() throws {
    for (heads, inputs) in [(2, [[2, 37, 48]]), (1, [[2, 70, 20], [2, 9, 40]])] {
      var settings = settings(heads: heads, causal: inputs.count == 1)
      settings.dropout = 0.3
      var check = LayerCheck(layer: try Attention(settings: settings, inputs: inputs.map(\.shape)))
      check.isSameInInference = false
      let complaints = check.complaints()
      #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
    }
  }

  @Test func scratchGrowsLinearlyWithTokens() throws {
    let bytes = try [1024, 2048, 4096].map { tokens in
      let layer = try Attention(settings: settings(heads: 6), inputs: [[1, tokens, 3 * 384].shape])
      return layer.scratchByteCount(
        LayerPlacement(
          inputs: .float32, output: .float32, isTraining: true, needsInputGradient: [true],
          accumulatesInputGradient: [false], accumulatesParameterGradient: []))
        + layer.saved.reduce(0) { $0 + 4 * $1.elementCount }
    }
    #expect(bytes[2] - bytes[1] == 2 * (bytes[1] - bytes[0]))
    #expect(bytes[2] < 4096 * 4 * (8 * 64 + 64))
  }

  @Test(
    arguments: [
      (3, nil, Attention.Position.none, [[2, 5, 48]], "multiple of 9"),
      (5, nil, .none, [[2, 5, 48], [2, 5, 96]], "cannot divide a width of 48 into 5 heads"),
      (4, 3, .none, [[2, 5, 40]], "cannot share 3 heads of keys among 4"),
      (2, nil, .rope, [[2, 5, 42]], "a head has 7"),
      (2, nil, .none, [[2, 48]], "(B, T, D), got [2, 48]"),
      (2, nil, .none, [[2, 5, 16], [3, 5, 32]], "shape [2, 5, 32], got [3, 5, 32]"),
      (2, nil, .alibi, [[2, 5, 16], [2, 5, 32]], "cross-attention has no order"),
    ] as [(Int, Int?, Attention.Position, [[Int]], String)])
  func refusesWhatDoesNotFit(
    _ heads: Int, _ keyHeads: Int?, _ position: Attention.Position, _ inputs: [[Int]], _ words: String
  ) {
    let settings = settings(heads: heads, keyHeads: keyHeads, causal: false, position)
    let error = #expect(throws: LayerError.self) {
      _ = try Attention(settings: settings, inputs: inputs.map(\.shape))
    }
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
  }

  @Test func refusesMasksOfOtherShapes() {
    for (mask, shape, words) in [
      (AttentionMask.lengths, [3], "shape [2], got [3]"), (.full, [2, 5, 6], "shape [2, 5, 5], got [2, 5, 6]"),
    ] {
      var settings = settings(heads: 2)
      settings.mask = mask
      let error = #expect(throws: LayerError.self) {
        _ = try Attention(settings: settings, inputs: [[2, 5, 48].shape, shape.shape])
      }
      #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }
  }
}
