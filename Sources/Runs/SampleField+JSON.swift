import Configuration
import Data
import JSON
import Tensors

extension SampleField {
  /// The description of samples in a checkpoint, so that the model can be used without its data.
  static func json(of fields: [SampleField]) -> JSON { .array(fields.map(\.json)) }

  /// The inverse of `json(of:)`.
  static func fields(of json: JSON) throws(ConfigurationError) -> [SampleField] {
    var fields: [SampleField] = []
    for element in json.array ?? [] {
      guard let field = SampleField(json: element) else {
        throw ConfigurationError(path: "", message: "expected the shapes and types of the samples")
      }
      fields.append(field)
    }
    return fields
  }

  private var json: JSON {
    var members: [(String, JSON)] = [
      ("name", .string(name)), ("shape", .array(shape.dimensions.map { .integer($0) })),
      ("type", .string(type.rawValue)),
    ]
    if let classCount { members.append(("classes", .integer(classCount))) }
    if !classNames.isEmpty { members.append(("class_names", .array(classNames.map { .string($0) }))) }
    if levels != 0...1 {
      members.append(("levels", .array([levels.lowerBound, levels.upperBound].map { .number($0) })))
    }
    if !offsets.isEmpty { members.append(("offsets", .array(offsets.map { .number($0) }))) }
    return .object(members)
  }

  /// More classes than this have no names worth the memory; a hostile file does not get to ask for more.
  private static let mostClasses = 1 << 24

  private init?(json: JSON) {
    guard let name = json["name"]?.string, let type = json["type"]?.string.flatMap(ElementType.init(rawValue:)),
      let extents = json["shape"]?.array?.map(\.integer), !extents.contains(nil),
      let shape = TensorShape(checking: extents.compactMap { $0 })
    else { return nil }
    let classes = json["classes"]?.integer
    let names = json["class_names"]?.array?.compactMap(\.string) ?? []
    if let classes, !(1...Self.mostClasses).contains(classes) || names.count > classes { return nil }
    self.init(name: name, shape: shape, type: type, classCount: classes, classNames: names)
    offsets = json["offsets"]?.array?.compactMap(\.double) ?? []
    guard let ends = json["levels"] else { return }
    let numbers = ends.array?.compactMap(\.double).map { Float($0) } ?? []
    guard numbers.count == 2, numbers[0] <= numbers[1] else { return nil }
    levels = numbers[0]...numbers[1]
  }
}
