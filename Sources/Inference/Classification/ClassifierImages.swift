import Data
import Runs
import Tensors

/// The images and classes of a stored classifier, with the transforms of its evaluation.
struct ClassifierImages: Sendable {
  /// The fields of the samples that the model reads.
  let fields: [SampleField]
  /// The model's input: [height, width, 1 or 3].
  let input: SampleField
  /// The input of the data, before the transforms of evaluation.
  let source: SampleField
  /// The class names by label.
  let classNames: [String]
  let augmentation: Augmentation?
  let standardization: Standardization?

  init(_ run: StoredRun) throws {
    let name = run.checkpoint.url.lastPathComponent
    fields = try run.fields()
    input = try Self.imageField(in: fields, of: name)
    // Old checkpoints do not store the source fields.
    source = try run.sourceFields().map { try Self.imageField(in: $0, of: name) } ?? input
    guard let target = fields.first(where: { $0.name == SampleField.target }), let names = target.classLabels,
      run.configuration.loss.wantsClasses
    else { throw RunError(.configuration, "\(name): expected a classifier, found a model that predicts values") }
    classNames = names
    augmentation = try Augmentation(
      run.configuration.data.common.augmentation, of: source, seed: run.configuration.seed, name: name)
    guard (augmentation?.output.tensorShape ?? source.shape) == input.shape else {
      throw RunError(
        .configuration,
        "\(name): the checkpoint does not describe its images before augmentation made them \(input.shape); "
          + "resume the run to write one that does")
    }
    standardization = try run.checkpoint.metadata.standardization(of: run.checkpoint.url)
    if let standardization, !standardization.fits(input.shape) {
      throw RunError("\(name): \(standardization.mean.count) means do not standardize inputs of \(input.shape)")
    }
  }

  private static func imageField(in fields: [SampleField], of name: String) throws(RunError) -> SampleField {
    let input = fields.first { $0.name == SampleField.input }
    guard let input, input.isImage else {
      throw RunError(
        .configuration,
        "\(name): expected a model of images [height, width, 1 or 3], found inputs of shape "
          + (input?.shape.description ?? "none"))
    }
    return input
  }
}
