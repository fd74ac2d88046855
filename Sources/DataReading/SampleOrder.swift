import Arenas

/// The order in which training meets its samples: a pure function of (seed, epoch, position) with nothing to save.
package struct SampleOrder: Sendable {
  package let samples: SampleSet
  package let isShuffled: Bool
  package let seed: UInt64

  package init(samples: SampleSet, isShuffled: Bool, seed: UInt64) {
    self.samples = samples
    self.isShuffled = isShuffled
    self.seed = seed
  }

  /// One epoch's order; every sample occurs once in it.
  package struct Epoch: Sendable {
    package let samples: SampleSet
    private let permutation: Permutation?

    fileprivate init(samples: SampleSet, permutation: Permutation?) {
      self.samples = samples
      self.permutation = permutation
    }

    package var count: Int { samples.count }

    /// The sample at `position`, found in O(1) and without the ones before it.
    package subscript(position: Int) -> Int { samples[permutation?[position] ?? position] }
  }

  /// - Parameter epoch: from 0.
  package func epoch(_ epoch: Int) -> Epoch {
    let isPermuted = isShuffled && samples.count > 1
    return Epoch(
      samples: samples,
      permutation: isPermuted
        ? RandomStream(seed: seed, purpose: .shuffling, step: epoch).permutation(of: samples.count) : nil)
  }

  /// Full batches in an epoch; the samples left over wait for the next epoch's order.
  package func stepsPerEpoch(batchSize: Int) -> Int { samples.count / batchSize }

  /// Where the batch of `step` (from 0) begins.
  package func position(step: Int, batchSize: Int) -> (epoch: Int, position: Int) {
    let steps = stepsPerEpoch(batchSize: batchSize)
    precondition(steps > 0, "a batch of \(batchSize) from \(samples.count) samples")
    return (step / steps, step % steps * batchSize)
  }
}
