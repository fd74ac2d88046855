import Configuration
import Kernels
import Tensors

/// The last layer of a training graph: compares a prediction with a target.
///
/// Its inputs are the prediction (B, …), the target and, of some, a weight of each sample (B); it has no output tensor worth the name but reports `LossSums`. The
/// gradient it writes is that of the SUM over the micro-batch: the update divides once, by the weight of the whole batch.
package protocol Loss: Layer {
  /// What `correct / count` means; nil where it means nothing.
  var accuracyName: String? { get }
}

extension Loss {
  package var outputShape: TensorShape { TensorShape([1]) }
}

/// A loss that is chosen and set, but not yet made for particular shapes.
package struct LossBlueprint: Sendable {
  package let kind: String
  /// Whether targets are classes (their numbers as int32, or a share of each as float32) rather than values (float32).
  package let wantsClasses: Bool
  /// Whether it compares values of any size, as a model that denoises predicts.
  package var comparesValues = false
  /// Whether it is the negative log-likelihood of the right class and nothing else, in nats.
  package var isPlain = false
  /// The third shape is that of the samples' weights, where they have some.
  package let make:
    @Sendable (_ prediction: TensorShape, _ target: TensorShape, _ weights: TensorShape?) throws(LayerError) -> any Loss
}

package let lossCatalog = Catalog<LossBlueprint>(
  "loss",
  [
    CatalogEntry("cross_entropy", "softmax and negative log-likelihood of the right class") {
      (reader) throws(ConfigurationError) in try CrossEntropy.blueprint(from: reader)
    },
    CatalogEntry("mse", "mean squared error over all elements") {
      (_) throws(ConfigurationError) in SquaredError.blueprint
    },
    CatalogEntry("huber", "squared error of small differences, and no more than the distance of large ones") {
      (reader) throws(ConfigurationError) in try HuberLoss.blueprint(from: reader)
    },
    CatalogEntry("binary_cross_entropy", "cross-entropy of a logistic output with targets in [0, 1]") {
      (_) throws(ConfigurationError) in BinaryCrossEntropy.blueprint
    },
  ])

/// The prediction's and the target's shapes of a loss on values, which must agree.
func matching(_ kind: String, _ prediction: TensorShape, _ target: TensorShape) throws(LayerError) {
  guard prediction == target else {
    throw LayerError("\(kind) compares tensors of one shape: the prediction is \(prediction), the target \(target)")
  }
}
