import Configuration
import Data
import JSON
import Tensors

/// The description of samples in a checkpoint, which makes the model usable without its data.
extension SampleField: JSONRecord {
  /// The most classes that a file can ask memory for.
  private static let mostClasses = 1 << 24

  package init() { self.init(name: "", shape: .scalar, type: .float32) }

  package mutating func code(_ coder: inout JSONCoder) {
    coder.member("name", &name)
    var extents = shape.dimensions
    coder.member("shape", &extents)
    coder.member("type", &type)
    coder.member(optional: "classes", &classCount)
    var names = classNames.isEmpty ? nil : classNames
    coder.member(optional: "class_names", &names)
    var ends = levels == 0...1 ? nil : [levels.lowerBound, levels.upperBound]
    coder.member(optional: "levels", &ends)
    var starts = offsets.isEmpty ? nil : offsets
    coder.member(optional: "offsets", &starts)
    guard coder.isReading else { return }
    coder.require(TensorShape(checking: extents) != nil, "shape", "expected a shape that fits memory")
    shape = TensorShape(checking: extents) ?? .scalar
    classNames = names ?? []
    offsets = starts ?? []
    let most = classCount ?? Self.mostClasses
    coder.require((1...Self.mostClasses).contains(most), "classes", "expected 1 to \(Self.mostClasses)")
    coder.require(classCount == nil || classNames.count <= most, "class_names", "expected at most \(most)")
    guard let ends else { return }
    let isRange = ends.count == 2 && ends[0] <= ends[1]
    coder.require(isRange, "levels", "expected the levels of black and white")
    if isRange { levels = ends[0]...ends[1] }
  }

  static func fields(of json: JSON) throws(ConfigurationError) -> [SampleField] {
    do throws(JSONMismatch) {
      return try [SampleField](json: json)
    } catch {
      throw ConfigurationError(path: "", message: error.description)
    }
  }
}

extension ElementType: JSONValue {}
