import Tensors

/// The order of the training samples: a pure function of (seed, epoch, position), with nothing to save.
package struct SampleOrder: Sendable {
  package let samples: SampleSet
  package let isShuffled: Bool
  package let seed: UInt64
  /// Rows of a batch, where each continues its row in the batch before; nil where samples come in any order.
  package let streams: Int?

  package init(samples: SampleSet, isShuffled: Bool, seed: UInt64, streams: Int? = nil) {
    self.samples = samples
    self.isShuffled = isShuffled
    self.seed = seed
    self.streams = streams
  }

  /// One epoch's order; every sample occurs once in it.
  package struct Epoch: Sendable {
    private enum Order: Sendable {
      case ascending
      case permuted(Permutation)
      /// Position k·streams + r is piece k of stream r, of `length` pieces each.
      case streams(Int, length: Int)
    }

    package let samples: SampleSet
    private let order: Order

    fileprivate init(samples: SampleSet, permutation: Permutation?) {
      self.samples = samples
      order = permutation.map(Order.permuted) ?? .ascending
    }

    fileprivate init(samples: SampleSet, streams: Int) {
      self.samples = samples
      order = .streams(streams, length: samples.count / streams)
    }

    /// Streams have equal lengths, so the last samples may be unused.
    package var count: Int {
      if case .streams(let streams, let length) = order { streams * length } else { samples.count }
    }

    /// The sample at `position`, found in O(1) and without the ones before it.
    package subscript(position: Int) -> Int {
      switch order {
      case .ascending: return samples[position]
      case .permuted(let permutation): return samples[permutation[position]]
      case .streams(let streams, let length):
        precondition(position < streams * length)
        return samples[position % streams * length + position / streams]
      }
    }
  }

  /// - Parameter epoch: from 0.
  package func epoch(_ epoch: Int) -> Epoch {
    if let streams { return Epoch(samples: samples, streams: streams) }
    let isPermuted = isShuffled && samples.count > 1
    return Epoch(
      samples: samples,
      permutation: isPermuted
        ? RandomStream(seed: seed, purpose: .shuffling, step: epoch).permutation(of: samples.count) : nil)
  }

  /// Full batches in an epoch; the remaining samples wait for the next epoch's order.
  package func stepsPerEpoch(batchSize: Int) -> Int { samples.count / batchSize }

  /// Where the batch of `step` (from 0) begins.
  package func position(step: Int, batchSize: Int) -> (epoch: Int, position: Int) {
    let steps = stepsPerEpoch(batchSize: batchSize)
    precondition(steps > 0, "a batch of \(batchSize) from \(samples.count) samples")
    return (step / steps, step % steps * batchSize)
  }

  /// Tokens of the batch's sequences in earlier batches of the epoch, in pieces of `pieceLength`.
  package func tokensBefore(step: Int, batchSize: Int, pieceLength: Int) -> Int {
    step % stepsPerEpoch(batchSize: batchSize) * pieceLength
  }
}
