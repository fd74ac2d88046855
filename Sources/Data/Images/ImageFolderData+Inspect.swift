import Configuration
import Formats

extension ImageFolderData {
  /// Images of differing sizes are shown in this one.
  private static let commonSide = 64

  /// Recognizes folders by the images in them, and tar archives by their names.
  package static func inspect(_ place: InspectedPath) throws(DataError) -> DatasetSummary? {
    if place.isFile {
      guard place.path.hasSuffix(".tar") else { return nil }
    } else if try ImageCollection(path: place.path, onBadSample: .skip).names.isEmpty {
      return nil
    }
    let (summary, skipped) = try inspect(place.path, limit: place.limit, without: [])
    // A damaged image may have a damaged header too, which must not count.
    return skipped.isEmpty ? summary : try inspect(place.path, limit: place.limit, without: skipped).summary
  }

  /// - Parameter unreadable: names of images whose headers are not believed.
  /// - Returns: also the names of those that cannot be read.
  private static func inspect(
    _ path: String, limit: Int, without unreadable: Set<String>
  ) throws(DataError) -> (summary: DatasetSummary, skipped: Set<String>) {
    var data = ImageFolderData(path: path)
    data.maxBytes = limit
    data.onBadSample = .skip
    let sizes = try data.sizes(without: unreadable)
    var notes: [String] = []
    if sizes.areDifferent {
      data.size = AxisPair(commonSide)
      data.mode = .crop
      notes.append(
        "sizes differ, from \(text(sizes.smallest)) to \(text(sizes.largest)): set data.size; "
          + "cropped to \(text(AxisPair(commonSide))) here")
    }
    if sizes.areGray {
      data.channels = 1
      notes.append("all images are gray: set data.channels to 1")
    }
    let opened = try data.open(seed: 0)
    guard let samples = opened.samples as? MemorySamples else {
      throw DataError(
        path, expected: "images that decode to at most \(DataError.bytes(limit)), to look at them all",
        found: "more, which only training can read", advice: "inspect a part of them")
    }
    if let test = opened.test { notes.append("also: \(test.count) samples for the test") }
    var summary = DatasetSummary(
      path: path, kind: kind, of: samples, typeNames: ["uint8", "folder names"], notes: notes)
    summary.skipped = opened.skipped
    return (summary, Set(opened.skipped?.items.map(\.name) ?? []))
  }

  private static func text(_ size: AxisPair) -> String { "\(size.vertical)×\(size.horizontal)" }

  /// The sizes in the headers of the files that have one.
  private func sizes(without unreadable: Set<String>) throws(DataError) -> ImageSizes {
    let collection = try ImageCollection(path: path, onBadSample: onBadSample)
    let layout = try ImageFolderLayout(images: collection.names, folders: collection.folders, path: path)
    var sizes = ImageSizes()
    for item in layout.training + layout.test where !unreadable.contains(collection.names[item.index]) {
      do throws(ImageFailure) {
        sizes.add(try ImageDecoding.header(collection, item.index))
      } catch {
        guard case .badSample = error else { throw error.refusal(path, collection.names[item.index], onBadSample) }
      }
    }
    return sizes
  }
}

/// The range of images' sizes.
private struct ImageSizes {
  var smallest = AxisPair(.max)
  var largest = AxisPair(0)
  var areGray = true

  var areDifferent: Bool { smallest != largest }

  mutating func add(_ header: ImageHeader) {
    smallest = AxisPair(min(smallest.vertical, header.height), min(smallest.horizontal, header.width))
    largest = AxisPair(max(largest.vertical, header.height), max(largest.horizontal, header.width))
    areGray = areGray && header.channels == 1
  }
}
