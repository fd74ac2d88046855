import Kernels
import Tensors

/// A linear layer and the cross-entropy of its output, without all logits in memory at once.
///
///     z = x·Wᵀ + b      dz = ∂loss/∂z      dx = dz·W      dW = dzᵀ·x      db = Σ rows of dz
///
/// x is (…, in), W (classes, in), b (classes), the target (…) class numbers. Logits are computed tile by tile: blocks
/// of rows, and within them groups of classes, so that a weight is read once per block and not once per row. A row's
/// log-sum-exp is updated with each of its tiles, and is all that is kept (Milakov and Gimelshein 2018). The backward
/// pass computes each tile again and makes it its own gradient: a fourth product in place of memory for rows × classes
/// float32, twice.
///
/// Being the loss it runs backwards first, so it sets every gradient and adds to none.
package struct ChunkedCrossEntropy: Loss {
  package static let kind = Linear.kind
  package static let examples: [LayerExample] = []

  /// When logits are split, and into which tiles.
  package struct Limits: Sendable {
    /// Logits up to this many bytes stay together, which costs a product less.
    package var logitsByteCount = 16 << 20
    package var blockRows = 512
    package var tileByteCount = 1 << 20

    package init() {}
  }

  /// Products write rows of whole cache lines, and vectors of classes are whole ones.
  private static let classGroup = 64

  package let inputShapes: [TensorShape]
  private let linear: Linear
  private let loss: CrossEntropy
  private let blocks: Pieces
  private let groups: Pieces
  private var width: Int { linear.inputs }

  /// nil where the logits are few, or the two do more than this layer can.
  package init?(_ linear: Linear, _ loss: CrossEntropy, limits: Limits = Limits()) {
    let logits = linear.outputShape
    guard linear.activation == .identity, !loss.hasShares, loss.inputShapes[0] == logits,
      logits.elementCount * ElementType.float32.byteCount > limits.logitsByteCount
    else { return nil }
    self.linear = linear
    self.loss = loss
    inputShapes = [linear.inputShapes[0], loss.inputShapes[1]]
    blocks = Pieces(of: linear.rows, upTo: limits.blockRows)
    let columns = limits.tileByteCount / (ElementType.float32.byteCount * blocks.size)
    groups = Pieces(of: linear.settings.units, upTo: columns, multipleOf: Self.classGroup)
  }

  package var accuracyName: String? { loss.accuracyName }
  package var integerInputs: [Int: Int] { loss.integerInputs }
  package var parameters: [ParameterDeclaration] { linear.parameters }
  package var saved: [TensorShape] { loss.saved }
  package var forwardFlops: Int { linear.forwardFlops + loss.forwardFlops }
  package var repeatsMatmuls: Bool { true }
  package var additions: [String] { [CrossEntropy.kind] }

  // MARK: What the plan provides

  private enum Product: Int, CaseIterable {
    case weightGradient, addedWeightGradient, inputGradient, addedInputGradient
  }

  /// Tiles come in up to four shapes, since the last block and the last group may be smaller.
  private static let tileShapes = 4

  private func logitsNumber(_ block: Pieces.Piece, _ group: Pieces.Piece) -> Int {
    (block.isLast ? 2 : 0) + (group.isLast ? 1 : 0)
  }

  private func number(_ product: Product, _ block: Pieces.Piece, _ group: Pieces.Piece) -> Int {
    Self.tileShapes + logitsNumber(block, group) * Product.allCases.count + product.rawValue
  }

  package func matmuls(_ placement: LayerPlacement) -> [MatmulShape] {
    let shapes = [blocks.size, blocks.lastSize].flatMap { rows in
      [groups.size, groups.lastSize].map { classes in (rows: rows, classes: classes) }
    }
    let logits = shapes.map { rows, classes in
      var shape = MatmulShape(
        rows: rows, columns: classes, inner: width, transposesB: true, inputs: placement.inputs, output: .float32)
      shape.hasBias = linear.settings.hasBias
      return shape
    }
    guard placement.isTraining else { return logits }
    let gradients = shapes.flatMap { rows, classes in
      Product.allCases.map { product in
        let isWeight = product == .weightGradient || product == .addedWeightGradient
        var shape = MatmulShape(
          rows: isWeight ? classes : rows, columns: width, inner: isWeight ? rows : classes, transposesA: isWeight,
          inputs: placement.inputs, output: .float32)
        shape.accumulates = product == .addedWeightGradient || product == .addedInputGradient
        return shape
      }
    }
    return logits + gradients
  }

  private var tileByteCount: Int { Arena.aligned(blocks.size * groups.size * ElementType.float32.byteCount) }

  /// A tile; behind it forwards the states of its rows, backwards where products read bfloat16 its copy for them, and
  /// then a block of dx, which is summed up in float32.
  package func scratchByteCount(_ placement: LayerPlacement) -> Int {
    let states = blocks.size * CrossEntropyKernel.rowStateByteCount
    guard placement.isTraining, placement.inputs != .float32 else { return tileByteCount + states }
    let sums = blocks.size * width * ElementType.float32.byteCount
    return tileByteCount + max(states, narrowByteCount(placement.inputs) + sums)
  }

  private func narrowByteCount(_ type: ElementType) -> Int {
    Arena.aligned(blocks.size * groups.size * type.byteCount)
  }

  // MARK: Passes

  /// A tile of logits, at the start of the scratch.
  private func logits(_ frame: Frame, _ block: Pieces.Piece, _ group: Pieces.Piece) -> TensorSlice {
    let count = block.range.count * group.range.count
    let tile = frame.scratch.reinterpreted(as: .float32, count: count)
    let bias = linear.settings.hasBias ? frame.bias.slice(group.range) : nil
    frame.matmul(logitsNumber(block, group)).execute(
      rows(of: frame.input(), block.range), rows(of: frame.bf16Weights(0), group.range), bias: bias, into: tile)
    return tile
  }

  private func rows(of matrix: TensorSlice, _ range: Range<Int>) -> TensorSlice {
    matrix.slice(range.lowerBound * width..<range.upperBound * width)
  }

  package func forward(_ frame: Frame) {
    let (kernel, targets, validRows) = (loss.kernel, frame.input(1), loss.validRows(frame))
    let states = frame.scratch.bytes(from: tileByteCount)
    var tally = kernel.tally()
    for index in 0..<blocks.count {
      let block = blocks[index]
      guard block.range.lowerBound < validRows else { break }
      for index in 0..<groups.count {
        let group = groups[index]
        kernel.read(
          logits(frame, block, group), rows: block.range, classes: group.range, targets: targets, validRows: validRows,
          states: states)
      }
      kernel.finish(
        rows: block.range, targets: targets, validRows: validRows, states: states, logSumExp: frame.saved(0),
        tally: &tally)
    }
    frame.report(tally.closed)
  }

  package func backward(_ frame: Frame) {
    precondition(!frame.accumulatesInputGradient() && !frame.accumulatesParameterGradient(0))
    for blockIndex in 0..<blocks.count {
      let block = blocks[blockIndex]
      let x = rows(of: frame.input(), block.range)
      let dx = frame.inputGradient().map { rows(of: $0, block.range) }
      let sums = dx.map { $0.type == .float32 ? $0 : wideSums(frame, count: $0.count) }
      for groupIndex in 0..<groups.count {
        let group = groups[groupIndex]
        let dz = gradient(frame, block, group, isFirstBlock: blockIndex == 0)
        if let weightGradient = frame.weightGradient {
          let product = blockIndex == 0 ? Product.weightGradient : .addedWeightGradient
          frame.matmul(number(product, block, group)).execute(dz, x, into: rows(of: weightGradient, group.range))
        }
        if let sums {
          let product = groupIndex == 0 ? Product.inputGradient : .addedInputGradient
          frame.matmul(number(product, block, group)).execute(
            dz, rows(of: frame.bf16Weights(0), group.range), into: sums)
        }
      }
      if let dx, let sums, dx.type != .float32 { Elementwise.convert(sums, into: dx) }
    }
  }

  /// The gradient of a tile of logits in the products' type; its column sums go to that of the bias.
  private func gradient(
    _ frame: Frame, _ block: Pieces.Piece, _ group: Pieces.Piece, isFirstBlock: Bool
  ) -> TensorSlice {
    let tile = logits(frame, block, group)
    loss.kernel.backward(
      tile, rows: block.range, classes: group.range, targets: frame.input(1), validRows: loss.validRows(frame),
      logSumExp: frame.saved(0))
    if linear.settings.hasBias, let biasGradient = frame.biasGradient {
      ColumnSums.add(
        tile, rows: block.range.count, columns: group.range.count, into: biasGradient.slice(group.range),
        accumulate: !isFirstBlock)
    }
    let type = frame.input().type
    guard type != .float32 else { return tile }
    let narrow = frame.scratch.bytes(from: tileByteCount).reinterpreted(as: type, count: tile.count)
    Elementwise.convert(tile, into: narrow)
    return narrow
  }

  /// Where the gradient of a block of inputs is summed up before it is rounded.
  private func wideSums(_ frame: Frame, count: Int) -> TensorSlice {
    frame.scratch.bytes(from: tileByteCount + narrowByteCount(frame.input().type))
      .reinterpreted(as: .float32, count: count)
  }
}
