import COneDNN
import Synchronization
import Tensors

/// The memory that a convolution needs.
package struct ConvolutionDemand: Sendable {
  /// Bytes of the packed weights, or of their packed gradient.
  package let packedByteCount: Int
  /// Bytes of working memory.
  package let scratchpadByteCount: Int
}

extension ConvolutionShape {
  package var demand: ConvolutionDemand {
    switch (algorithm, direction) {
    case (.direct, _): return directDemand
    case (.winograd, .weightGradient):
      return ConvolutionDemand(packedByteCount: 0, scratchpadByteCount: WinogradWeightGradient(self).scratchByteCount)
    case (.winograd, _):
      let winograd = WinogradConvolution(self)
      return ConvolutionDemand(
        packedByteCount: winograd.packedByteCount, scratchpadByteCount: winograd.scratchByteCount)
    }
  }

  private static let directDemands = Mutex([ConvolutionShape: ConvolutionDemand]())

  /// The demand of oneDNN on this CPU, found once per shape.
  private var directDemand: ConvolutionDemand {
    if let known = Self.directDemands.withLock({ $0[self] }) { return known }
    let stream = OneDNNStream()
    let demand = OneDNN.creating {
      let description = description(on: stream)
      let packed = description.memory(packedQuery)
      return ConvolutionDemand(
        packedByteCount: packed.byteCount,
        scratchpadByteCount: max(
          description.scratchpadByteCount, reorderDescription(packed, on: stream).scratchpadByteCount))
    }
    Self.directDemands.withLock { $0[self] = demand }
    return demand
  }
}
