import Foundation
import Tensors

extension IDXData {
  /// Recognizes IDX files by their first bytes, and folders by the names of the MNIST files.
  package static func inspect(_ place: InspectedPath) throws(DataError) -> DatasetSummary? {
    guard let names = place.names else {
      // Two zeros and an element type, which is never zero.
      guard place.head.count >= 4, place.head.starts(with: [0, 0]), place.head[2] != 0 else { return nil }
      return try summary(place.path, limit: place.limit)
    }
    let images = names.filter { $0.contains("images") && $0.contains("idx") }
    // Training files before test files.
    guard let first = images.first(where: { $0.contains("train") }) ?? images.first else { return nil }
    var summary = try summary("\(place.path)/\(first)", limit: place.limit)
    if images.count > 1 { summary.notes.append("also: " + images.filter { $0 != first }.joined(separator: ", ")) }
    return summary
  }

  private static func summary(_ path: String, limit: Int) throws(DataError) -> DatasetSummary {
    let file = try IDXFile(reading: path, ranks: 1...IDXFile.largestRank, limit: limit)
    if file.dimensions.count == 1 {
      let classCount = Int(file.bytes.max() ?? 0) + 1
      let field = SampleField.label(of: classCount)
      return DatasetSummary(
        path: path, kind: kind, count: file.count,
        parts: [.init(name: field.name, shape: TensorShape(file.dimensions), type: "uint8 labels")],
        classes: DatasetSummary.histogram(file.bytes.map(Int32.init), of: field))
    }
    if let labels = labelFile(beside: path) {
      let samples = try read(images: path, labels: labels, classes: nil, limit: limit)
      return DatasetSummary(
        path: path, kind: kind, of: samples, typeNames: ["uint8", "uint8 labels"], notes: ["labels: \(labels)"])
    }
    let samples = MemorySamples(name: path, count: file.count, columns: [.init(inputField(file), .bytes(file.bytes))])
    return DatasetSummary(path: path, kind: kind, of: samples, typeNames: ["uint8"])
  }

  /// `…/train-labels-idx1-ubyte` for `…/train-images-idx3-ubyte`, packed or not, if it is there.
  private static func labelFile(beside path: String) -> String? {
    let url = URL(fileURLWithPath: path)
    let name = url.lastPathComponent
    guard name.contains("images") else { return nil }
    let own = name.replacingOccurrences(of: "images", with: "labels")
      .replacingOccurrences(of: "idx3", with: "idx1").replacingOccurrences(of: "idx4", with: "idx1")
    let folder = url.deletingLastPathComponent()
    return [own, own + ".gz", own.replacingOccurrences(of: ".gz", with: "")]
      .map { folder.appendingPathComponent($0).path }
      .first { FileManager.default.fileExists(atPath: $0) }
  }
}
