import Checkpoints
import Configuration
import Data
import Foundation
import JSON
import Tensors
import Testing
import Training

/// One case of Tests/Golden: settings, weights and data, with PyTorch's results.
struct GoldenCase: CustomTestStringConvertible {
  let name: String
  let json: JSON
  private let tensors: URL

  var testDescription: String { name }

  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Golden")

  static var all: [GoldenCase] {
    get throws {
      try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        .filter { $0.pathExtension == "json" }
        .filter { FileManager.default.fileExists(atPath: $0.deletingPathExtension().path + ".safetensors") }
        .sorted { $0.path < $1.path }.map { try GoldenCase($0) }
    }
  }

  init(_ file: URL) throws {
    json = try ConfigurationFile.load(file.path)
    name = file.deletingPathExtension().lastPathComponent
    tensors = file.deletingPathExtension().appendingPathExtension("safetensors")
  }

  var hasBatchNorm: Bool {
    json["model"]?["normalization"]?.string == "batch" || json["model"]?["type"]?.string == "resnet"
  }

  /// The relative tolerance of `golden` numbers of this key; rounding alone changes some by more than the usual 1e-4.
  func tolerance(_ key: String) -> Double { max(1e-4, 4 * (json["rounding"]?[key]?.double ?? 0)) }
  var undetermined: [String] { json["undetermined"]?.array?.compactMap(\.string) ?? [] }

  func numbers(_ key: String) -> [Double] { json["golden"]?[key]?.array?.compactMap(\.double) ?? [] }

  /// A list of numbers for each of several runs.
  func curves(_ key: String) -> [[Double]] {
    (json["golden"]?[key]?.array ?? []).map { ($0.array ?? []).compactMap(\.double) }
  }

  func number(_ key: String) -> Double? { json["golden"]?[key]?.double }

  /// A number for each tensor.
  func numbersByName(_ key: String) -> [(name: String, value: Double)] {
    (json["golden"]?[key]?.members ?? []).compactMap { member in member.value.double.map { (member.key, $0) } }
  }

  /// The elements of each tensor.
  func elementsByName(_ key: String) -> [(name: String, values: [Double])] {
    (json["golden"]?[key]?.members ?? []).map { ($0.key, $0.value.array?.compactMap(\.double) ?? []) }
  }

  // MARK: As a run of ours

  /// The case's settings as a configuration.
  func configuration(microBatches: Int) throws -> JSON {
    let training = try #require(json["training"])
    let steps = try #require(training["steps"]?.integer)
    var members: [(String, JSON)] = [
      ("name", .string(name)), ("data", try data(training)), ("model", try model()),
      (
        "training",
        .object([
          ("duration", .string("\(steps) steps")), ("micro_batches", .integer(microBatches)),
          ("precision", training["precision"] ?? .null),
        ])
      ),
    ]
    for key in ["loss", "optimizer", "schedule", "clipping"] { members.append((key, try #require(json[key]))) }
    return .object(members)
  }

  /// A stand-in for the samples from memory: of their size, read in their order.
  private func data(_ training: JSON) throws -> JSON {
    .object([
      ("type", .string("noise")), ("count", try #require(training["rows"])),
      ("shape", .array(try inputShape.map { .integer($0) })),
      ("batch_size", try #require(training["batch_size"])), ("validation_fraction", .integer(0)),
      ("shuffle", .boolean(false)),
    ])
  }

  /// Extents of a sample.
  private var inputShape: [Int] {
    get throws {
      let inputs = try #require(json["model"]?["inputs"])
      return try (inputs.array ?? [inputs]).map { try #require($0.integer) }
    }
  }

  private func model() throws -> JSON {
    let members = try #require(json["model"]?.members)
    let hasWidths = json["model"]?["width"]?.array != nil
    return .object(
      members.compactMap { member in
        switch member.key {
        case "inputs", "outputs", "fields", "condition": nil
        case "depth" where hasWidths: nil
        case "width" where hasWidths: ("widths", member.value)
        case "normalization_position": ("normalization_place", member.value)
        default: (member.key, member.value)
        }
      })
  }

  func samples() throws -> MemorySamples {
    let entries = try Safetensors.contents(at: tensors).entries.filter { !$0.name.hasPrefix("parameters/") }
    let first = try #require(entries.first)
    return MemorySamples(name: name, count: first.dimensions[0], columns: try entries.map(column))
  }

  private func column(_ entry: Safetensors.Entry) throws -> MemorySamples.Column {
    let arena = Arena(byteCount: entry.range.count)
    let type = entry.type == .i32 ? ElementType.int32 : .float32
    let slice = arena.all(as: type)
    _ = try Safetensors.read(
      at: tensors,
      into: [CheckpointTensor(path: entry.name, shape: TensorShape(entry.dimensions), slice: slice)], match: .subset)
    let shape = TensorShape(Array(entry.dimensions.dropFirst()))
    let field = SampleField(
      name: entry.name, shape: shape, type: type, classCount: try bound(entry.name, shape, type))
    return withExtendedLifetime(arena) {
      .init(
        field,
        type == .int32 ? .integers(slice.integers.indices.map { slice.integers[$0] }) : .floats(slice.array))
    }
  }

  /// The number of classes of a field; nil for values, and for lengths of sequences.
  private func bound(_ field: String, _ shape: TensorShape, _ type: ElementType) throws -> Int? {
    if let bound = json["model"]?["fields"]?[field]?.integer { return bound }
    let outputs = try #require(json["model"]?["outputs"]?.integer)
    if type == .int32 { return field == SampleField.target || shape != .scalar ? outputs : nil }
    return field == SampleField.target && json["loss"]?["type"]?.string == "cross_entropy" ? outputs : nil
  }

  /// Writes the case's weights over the model's.
  func load(into model: RunModel) throws {
    let renamed = model.modelTensors.map { tensor in
      CheckpointTensor(
        path: "parameters/" + tensor.path.drop { $0 != "/" }.dropFirst(), shape: tensor.shape, slice: tensor.slice)
    }
    _ = try Safetensors.read(at: tensors, into: renamed, match: .subset)
    model.adoptParameters()
  }
}
