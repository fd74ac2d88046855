import Configuration
import Formats
import Tensors

/// Images in a folder for each class, or in a tar archive of such folders.
package struct ImageFolderData: DataKind {
  package static let kind = "image_folder"
  package static let places = ["path"]
  package static let documentation = "JPEG and PNG images in one folder per class, or in a tar archive of such folders"

  package var path: String
  /// Nil: the size of the images, which then all must have.
  package var size: AxisPair?
  package var channels = 3
  package var mode = ImageResizing.Mode.stretch
  package var onBadSample = BadSamplePolicy.fail
  package var maxBytes = IDXFile.defaultLimit

  /// About the limit of JPEG.
  static let longestSide = 1 << 16

  package init(path: String) { self.path = path }

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    path = try reader.string(
      "path", "the folder or .tar of the classes' folders, or of train and test with these inside")
    size = try reader.optionalPair(
      "size", in: 1...Self.longestSide,
      "size of all images: one side or [height, width]; by default all must have one size")
    channels = try reader.integer("channels", default: 3, in: 1...3, "3 for colors, 1 for gray levels")
    mode = try reader.choice(
      "resize", default: .stretch,
      "stretch to the size, or scale the shorter side to it and crop the middle")
    try reader.require(
      size != nil || mode == .stretch, "resize", "is not used without \"size\", to which images are resized")
    onBadSample = try reader.choice(
      "on_bad_sample", default: .fail,
      "files that are no readable image: fail names the first and stops, skip leaves them out and reports them"
    )
    maxBytes = try reader.integer(
      "max_bytes", default: IDXFile.defaultLimit, in: 1...(1 << 46),
      "memory for the decoded images, a byte per channel; where they take more, or more than half of the available "
        + "memory, they are decoded whenever they are read")
    try reader.require(channels != 2, "channels", "must be 1 or 3")
  }

  package var resizingMode: ImageResizing.Mode { mode }

  package func open(seed: UInt64) throws(DataError) -> OpenedSamples {
    let collection = try ImageCollection(path: path, onBadSample: onBadSample)
    let layout = try ImageFolderLayout(images: collection.names, folders: collection.folders, path: path)
    let decoding = try decoding(of: collection, layout)
    let count = layout.training.count + layout.test.count
    // The other half is for the run itself.
    let isResident =
      count * decoding.sampleCount <= min(maxBytes, (SystemMemory.availableByteCount ?? .max) / 2)
    func samples(_ items: [ImageFolderLayout.Item], _ split: String) throws(DataError) -> ReadSamples {
      let decoded = try decoding.decode(items, keepsPixels: isResident)
      try checkClasses(decoded, of: items, in: collection, layout.classNames, split)
      return ReadSamples(
        source: source(decoded, layout.classNames, decoding, isResident), skipped: decoded.skipped)
    }
    let training = try samples(layout.training, "training")
    var opened = OpenedSamples(samples: training.source)
    var skipped = training.skipped
    if !layout.test.isEmpty {
      let test = try samples(layout.test, "test")
      opened.test = test.source
      skipped += test.skipped
    }
    opened.skipped = SkippedSamples(skipped, of: count, noun: "images")
    return opened
  }

  private struct ReadSamples {
    let source: any SampleSource
    let skipped: [SkippedSamples.Item]
  }

  /// How images are decoded: to the size asked for, or to that of the first.
  private func decoding(
    of collection: ImageCollection, _ layout: ImageFolderLayout
  ) throws(DataError) -> ImageDecoding {
    var extents = size
    var model: Int?
    if size == nil,
      let first = try ImageDecoding.model(
        among: layout.training.map(\.index), of: collection, path: path, onBadSample)
    {
      extents = AxisPair(first.header.height, first.header.width)
      model = first.index
    }
    // Where no image can be read, any size serves to find out why.
    let pair = extents ?? AxisPair(1)
    let count = layout.training.count + layout.test.count
    guard TensorShape(checking: [count, pair.vertical, pair.horizontal, channels]) != nil,
      pair.vertical * pair.horizontal * channels <= maxBytes
    else {
      throw DataError(
        path, expected: "images that decode to at most \(DataError.bytes(maxBytes)) each",
        found: "\(count) of \(pair.vertical)×\(pair.horizontal)×\(channels)",
        advice: "lower size, or raise max_bytes if the memory is there")
    }
    return ImageDecoding(
      collection: collection, path: path, channels: channels,
      resizing: ImageResizing(width: pair.horizontal, height: pair.vertical, mode: mode),
      model: model.map { collection.names[$0] }, policy: onBadSample)
  }

  /// Refuses a split in which a class has lost all of its images.
  private func checkClasses(
    _ decoded: ImageDecoding.Decoded, of items: [ImageFolderLayout.Item], in collection: ImageCollection,
    _ classNames: [String], _ split: String
  ) throws(DataError) {
    guard !decoded.skipped.isEmpty else { return }
    let kept = Set(decoded.items.map(\.label))
    guard let lost = items.first(where: { !kept.contains($0.label) }) else { return }
    let name = collection.names[lost.index]
    let reason = decoded.skipped.first { $0.name == name }?.reason ?? ""
    let ofAll = kept.isEmpty
    let count = ofAll ? items.count : items.count { $0.label == lost.label }
    throw DataError(
      path, at: ofAll ? "" : "class \(DataError.quoted(classNames[lost.label]))",
      expected: "\(split) images that can be read", found: "none among \(count) (first \(name): \(reason))",
      advice: "replace the images" + (ofAll ? "" : " or remove the class"))
  }

  private func source(
    _ decoded: ImageDecoding.Decoded, _ classNames: [String], _ decoding: ImageDecoding, _ isResident: Bool
  ) -> any SampleSource {
    let items = decoded.items
    let resizing = decoding.resizing
    let extents = [resizing.height, resizing.width, channels]
    let description =
      "\(Self.kind) \(extents) \(size == nil ? "" : mode.rawValue) \(classNames) \(decoded.checksum)"
    let fingerprint = Fingerprint.of(description, count: items.count)
    let input = SampleField.input(of: TensorShape(extents))
    let target = SampleField.label(of: classNames.count, names: classNames)
    guard isResident else {
      return StreamedImages(items, decoding, fields: [input, target], fingerprint: fingerprint)
    }
    return MemorySamples(
      name: path, count: items.count,
      columns: [
        .init(input, .bytes(decoded.pixels)),
        .init(target, .integers(items.map { Int32(truncatingIfNeeded: $0.label) })),
      ], fingerprint: fingerprint)
  }
}
