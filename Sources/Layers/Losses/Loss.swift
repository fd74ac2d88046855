import Configuration
import Kernels
import Tensors

/// The last layer of a training graph: compares a prediction with a target.
///
/// Its inputs are the prediction (B, …), the target and, of some, a weight of each sample (B); its output is unused,
/// since it reports `LossSums`. The gradient it writes is that of the SUM over the micro-batch: the update divides
/// once, by the weight of the whole batch.
package protocol Loss: Layer {
  /// The name of `correct / count`; nil where it has no meaning.
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

/// A loss that a configuration can choose.
package protocol ConfigurableLoss: Loss {
  static func blueprint(from reader: SettingsReader) throws(ConfigurationError) -> LossBlueprint
}

extension ConfigurableLoss {
  static func catalogEntry(_ documentation: String) -> CatalogEntry<LossBlueprint> {
    CatalogEntry(kind, documentation) { (reader) throws(ConfigurationError) in try blueprint(from: reader) }
  }
}

/// Every loss; adding one is its file and its line here.
package let lossTypes: [(type: any ConfigurableLoss.Type, documentation: String)] = [
  (CrossEntropy.self, "softmax and negative log-likelihood of the right class"),
  (SquaredError.self, "mean squared error over all elements"),
  (HuberLoss.self, "squared error of small differences, and no more than the distance of large ones"),
  (BinaryCrossEntropy.self, "cross-entropy of a logistic output with targets in [0, 1]"),
]

package let lossCatalog = Catalog<LossBlueprint>("loss", lossTypes.map { $0.type.catalogEntry($0.documentation) })

/// The prediction's and the target's shapes of a loss on values, which must agree.
func matching(_ kind: String, _ prediction: TensorShape, _ target: TensorShape) throws(LayerError) {
  guard prediction == target else {
    throw LayerError("\(kind) compares tensors of one shape: the prediction is \(prediction), the target \(target)")
  }
}
