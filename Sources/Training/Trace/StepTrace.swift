import Tensors

/// One number for each result of a training step, in the order of computation.
package struct StepTrace: Sendable {
  /// The part of a step that computes something.
  package enum Pass: String, Sendable, CaseIterable {
    /// The state before the first step: parameters, buffers, optimizer state.
    case start
    case data
    case forward
    case loss
    case backward
    /// The batch's gradients, summed over its micro-batches.
    case gradient
    case update
  }

  /// The result that a number stands for.
  package struct Place: Sendable, Equatable {
    package let pass: Pass
    /// The layer or the field of the data; empty for other results.
    package let layer: String
    package let tensor: String
    /// Nil for results of the whole batch.
    package let microBatch: Int?

    package init(pass: Pass, layer: String, tensor: String, microBatch: Int?) {
      self.pass = pass
      self.layer = layer
      self.tensor = tensor
      self.microBatch = microBatch
    }
  }

  package private(set) var places: [Place] = []
  private var values: [UInt64] = []
  /// Mean loss of the batch.
  package var loss = Double.nan
  /// The first result that was not finite, if any. Such a step has no update.
  package var nonfinite: String?

  mutating func note(_ pass: Pass, _ layer: String, _ tensor: String, microBatch: Int? = nil, _ slice: TensorSlice) {
    note(pass, layer, tensor, microBatch: microBatch, slice.fingerprint)
  }

  mutating func note(_ pass: Pass, _ layer: String, _ tensor: String, microBatch: Int? = nil, _ value: UInt64) {
    places.append(Place(pass: pass, layer: layer, tensor: tensor, microBatch: microBatch))
    values.append(value)
  }

  /// The first place at which two traces differ.
  ///
  /// If their places differ (other micro-batches, other layers fused by the plan), only the common places are compared.
  package func firstDifference(from other: StepTrace) -> Place? {
    if places == other.places {
      return places.indices.first { values[$0] != other.values[$0] }.map { places[$0] }
    }
    var theirs: [String: UInt64] = [:]
    for (place, value) in zip(other.places, other.values) { theirs[place.key] = value }
    let different = zip(places, values).first { place, value in theirs[place.key].map { $0 != value } ?? false }
    return different?.0
  }
}

extension StepTrace.Place {
  fileprivate var key: String { "\(pass.rawValue)\n\(layer)\n\(tensor)\n\(microBatch ?? -1)" }
}
