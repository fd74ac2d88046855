import Configuration
import Data
import Formats
import Foundation
import JSON
import Tensors
import TestSupport
import Testing

/// Images that cannot be read among others that can.
@Suite struct BadSampleTests {
  let scratch: TemporaryFolder
  init() throws { scratch = try TemporaryFolder() }

  // Written by Pillow and by zlib: kinds of files that we never write ourselves. Both are 4×3.
  private static let cmykJPEG =
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAQCwwODAoQDg0OEhEQExgoGhgWFhgxIyUdKDozPTw5Mzg3QEhcTkBEV0U3OFBtUVdfYmdoZz5NcXlwZHhc"
    + "ZWdj/8AAFAgAAwAEBEMRAE0RAFkRAEsRAP/EABUAAQEAAAAAAAAAAAAAAAAAAAYF/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAA4EQwBNAFkASwAA"
    + "PwCmbER2/9k="
  private static let deepPNG =
    "iVBORw0KGgoAAAANSUhEUgAAAAQAAAADEAIAAABrBuXSAAAAD0lEQVR4nGNIwQEYSJYAAB83HCHQhA3YAAAAAElFTkSuQmCC"

  private func bytes(_ base64: String) throws -> [UInt8] { [UInt8](try #require(Data(base64Encoded: base64))) }

  private func image(_ level: UInt8, _ width: Int = 4, _ height: Int = 3, channels: Int = 3) -> Image {
    Image(width: width, height: height, channels: channels, filledWith: level)
  }

  /// Noise, so that its data take some bytes.
  private func noise(_ seed: UInt64) throws -> [UInt8] {
    let random = RandomStream(seed: seed, purpose: .checking)
    return try Image(width: 4, height: 3, channels: 3, bytes: (0..<36).map { UInt8(random.integer($0, below: 256)) })
      .jpeg()
  }

  private struct BadFile {
    var name: String
    var bytes: [UInt8]
    /// In the reason.
    var words: [String]
  }

  /// One of each kind, in the order of their names.
  private func badFiles() throws -> [BadFile] {
    let (jpeg, png) = (try noise(1), try image(9).png())
    var damaged = png
    damaged[damaged.count - 20] ^= 0x40
    var huge = png
    // The header's width and height, and its checksum.
    huge.replaceSubrange(16..<24, with: [0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60])
    huge.replaceSubrange(29..<33, with: try checksum(of: huge[12..<29]))
    return [
      BadFile(name: "cmyk.jpg", bytes: try bytes(Self.cmykJPEG), words: ["JPEG header", "CMYK"]),
      BadFile(name: "cut.jpg", bytes: Array(jpeg.dropLast(12)), words: ["JPEG data", "4×3"]),
      BadFile(name: "cut.png", bytes: Array(png.dropLast(20)), words: ["PNG data", "4×3"]),
      BadFile(name: "damaged.png", bytes: damaged, words: ["PNG"]),
      BadFile(name: "empty.jpg", bytes: [], words: ["JPEG or PNG", "an empty file"]),
      BadFile(name: "gif.png", bytes: Array("GIF89a...".utf8), words: ["JPEG or PNG", "a GIF file"]),
      BadFile(name: "head.jpg", bytes: Array(jpeg.prefix(30)), words: ["JPEG header"]),
      BadFile(name: "huge.png", bytes: huge, words: ["pixels", "60000×60000"]),
      BadFile(name: "page.jpg", bytes: Array("<html>not found</html>".utf8), words: ["a text with markup"]),
    ]
  }

  private func checksum(of chunk: ArraySlice<UInt8>) throws -> [UInt8] {
    var crc = UInt32.max
    for byte in chunk {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 0 ? crc >> 1 : crc >> 1 ^ 0xEDB8_8320 }
    }
    return (0..<4).map { UInt8(truncatingIfNeeded: ~crc >> (24 - 8 * $0)) }
  }

  private func goodFiles() throws -> [(name: String, bytes: [UInt8])] {
    var files = try (0..<8).map { ("\($0 % 2 == 0 ? "a" : "b")/\($0).png", try image(UInt8(20 * $0)).png()) }
    files.append(("a/deep.png", try bytes(Self.deepPNG)))
    files.append(("b/gray.jpg", try image(77, channels: 1).jpeg()))
    files.append(("b/noise.jpg", try noise(2)))
    return files
  }

  private func put(_ bytes: [UInt8], _ name: String) throws {
    let folder = URL(fileURLWithPath: scratch.path(name)).deletingLastPathComponent()
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try scratch.write(bytes, name)
  }

  private func open(
    _ name: String, _ policy: BadSamplePolicy = .skip, _ change: (inout ImageFolderData) -> Void = { _ in }
  ) throws -> OpenedSamples {
    var data = ImageFolderData(path: scratch.path(name))
    data.onBadSample = policy
    change(&data)
    return try data.open(seed: 0)
  }

  @Test func failNamesTheImage() throws {
    for bad in try badFiles() {
      for (name, content) in try goodFiles() { try put(content, "set/\(name)") }
      try put(bad.bytes, "set/b/\(bad.name)")
      let line = #expect(throws: DataError.self) { _ = try open("set", .fail) }?.description ?? ""
      for word in ["set: b/\(bad.name): ", "expected", "found", "data.on_bad_sample"] + bad.words {
        #expect(line.contains(word), "\(line)")
      }
      try FileManager.default.removeItem(atPath: scratch.path("set"))
    }
  }

  /// Without the bad images the set is the same as if it never had them, in a folder and in an archive, in memory or
  /// not.
  @Test func skipLeavesOutExactlyTheBadOnes() throws {
    var (mixed, clean) = (TarFixture(), TarFixture())
    for split in ["train", "test"] {
      for (name, content) in try goodFiles() {
        try put(content, "clean/\(split)/\(name)")
        try put(content, "mixed/\(split)/\(name)")
        clean.add("\(split)/\(name)", content)
        mixed.add("\(split)/\(name)", content)
      }
      for (place, bad) in try badFiles().enumerated() {
        // Some before all others of their class.
        let name = "\(split)/\(place % 2 == 0 ? "a" : "b")/\(place % 3 == 0 ? "!" : "")\(bad.name)"
        try put(bad.bytes, "mixed/\(name)")
        mixed.add(name, bad.bytes)
      }
    }
    try scratch.write(mixed.finished, "mixed.tar")
    try scratch.write(clean.finished, "clean.tar")
    for (place, size) in [("mixed", nil), ("mixed.tar", nil), ("mixed", AxisPair(5, 2)), ("mixed.tar", AxisPair(5, 2))]
    {
      for streams in [false, true] {
        func open(_ name: String) throws -> OpenedSamples {
          try self.open(name) {
            $0.size = size
            if streams { $0.maxBytes = 50 }
          }
        }
        let (found, expected) = (try open(place), try open(place.replacing("mixed", with: "clean")))
        #expect(expected.skipped == nil)
        for (a, b) in [(found.samples, expected.samples), (try #require(found.test), try #require(expected.test))] {
          #expect(a.count == 11 && a.count == b.count && a.fields == b.fields && a.fingerprint == b.fingerprint)
          #expect(a.readsFiles == streams)
          for index in 0..<a.count {
            #expect(a.values(index, 0) == b.values(index, 0) && a.values(index, 1) == b.values(index, 1))
          }
          #expect(a.failure == nil)
        }
        let skipped = try #require(found.skipped)
        #expect(skipped.items.count == 18 && skipped.total == 40)
        #expect(Set(skipped.items.map(\.name)).count == 18)
        #expect(skipped.description.hasPrefix("18 of 40 images cannot be read and are skipped: first train/a/!"))
        for bad in try badFiles() {
          let items = skipped.items.filter { $0.name.hasSuffix(bad.name) }
          #expect(items.count == 2)
          for item in items {
            for word in ["expected", "found"] + bad.words { #expect(item.reason.contains(word), "\(item)") }
            #expect(!item.reason.contains("\n"))
          }
        }
      }
    }
  }

  @Test func deepAndGrayImagesAreNotBad() throws {
    for (name, content) in try goodFiles() { try put(content, "set/\(name)") }
    let source = try open("set", .fail).samples
    let levels = (0..<source.count).map { (source.values($0, 0)[0] * 255).rounded() }
    // a/0 … a/6, a/deep, b/1 … b/7, b/gray, b/noise.
    #expect(levels.prefix(10) == [0, 40, 80, 120, 100, 20, 60, 100, 140, 77])
  }

  @Test func damageIsEitherReadOrSkipped() throws {
    var tar = TarFixture()
    var bad: [String] = []
    for round in 0..<160 {
      let random = RandomStream(seed: 3, purpose: .checking, step: round)
      var content = round % 2 == 0 ? try noise(UInt64(round)) : try image(UInt8(round)).png()
      for change in 0..<random.integer(0, below: 3) {
        content[random.integer(1 + 2 * change, below: content.count)] ^= 1 << UInt8(random.integer(2, below: 8))
      }
      if round % 7 == 0 { content.removeLast(random.integer(9, below: content.count)) }
      let name = "\(round % 4 < 2 ? "a" : "b")/\(round + 100)"
      tar.add("\(name).png", content)
      if (try? Image(decoding: content.span.bytes)) == nil { bad.append("\(name).png") }
    }
    try scratch.write(tar.finished, "a.tar")
    let opened = try open("a.tar") { $0.size = AxisPair(3) }
    #expect(bad.count > 20 && opened.samples.count == 160 - bad.count)
    #expect(opened.skipped?.items.map(\.name) == bad.sorted())
  }

  @Test func aSetIsWhatCanBeRead() throws {
    for (name, content) in try goodFiles() { try put(content, "set/\(name)") }
    let whole = try open("set").samples.fingerprint
    #expect(try open("set", .fail).samples.fingerprint == whole)
    let noise = try noise(2)
    try put(Array(noise.dropLast(9)), "set/b/noise.jpg")
    let opened = try open("set")
    let without = opened.samples.fingerprint
    #expect(without != whole && opened.samples.count == 10)
    #expect(
      opened.skipped?.description.hasPrefix("1 of 11 images cannot be read and is skipped: b/noise.jpg: JPEG") == true)
    try put([], "set/b/noise.jpg")
    #expect(try open("set").samples.fingerprint == without)
    try put(noise, "set/b/noise.jpg")
    #expect(try open("set").samples.fingerprint == whole)
  }

  @Test func anImageThatBreaksLaterIsNoneOfThem() throws {
    for (name, content) in try goodFiles() { try put(content, "set/\(name)") }
    try put([], "set/a/!.png")
    let source = try open("set") { $0.maxBytes = 50 }.samples
    #expect(source.values(0, 1) == [0] && source.failure == nil)
    try put([], "set/a/0.png")
    #expect(source.values(0, 0) == [Float](repeating: 0, count: 36))
    #expect(source.failure?.description.contains("a/0.png") == true)
  }

  @Test func aClassWithoutImagesIsRefused() throws {
    for split in ["train", "test"] {
      for name in ["cat/1", "cat/2", "dog/1", "dog/2"] { try put(try image(1).png(), "set/\(split)/\(name).png") }
    }
    try put([], "set/test/dog/1.png")
    #expect(try open("set").skipped?.items.count == 1)
    try put([1, 2], "set/test/dog/2.png")
    expectRefusal("set: class \"dog\"", "test images", "none among 2 (first test/dog/1.png", "an empty file", "remove")
    {
      _ = try open("set")
    }
    for name in ["1", "2"] { try put([], "set/train/cat/\(name).png") }
    expectRefusal("set: class \"cat\"", "training images", "none among 2 (first train/cat/1.png") {
      _ = try open("set")
    }
    for name in ["1", "2"] { try put([], "set/train/dog/\(name).png") }
    for size in [nil, AxisPair(2)] {
      expectRefusal("set: expected training images", "none among 4 (first train/cat/1.png") {
        _ = try open("set") { $0.size = size }
      }
    }
  }

  @Test func imageFilesOfOtherKindsAreSkippedToo() throws {
    for (name, content) in try goodFiles() { try put(content, "set/\(name)") }
    try put(Array("RIFF....WEBP".utf8), "set/a/x.webp")
    expectRefusal("a/x.webp", "convert", "data.on_bad_sample") { _ = try open("set", .fail) }
    let skipped = try #require(try open("set").skipped)
    #expect(skipped.items.map(\.name) == ["a/x.webp"] && skipped.items[0].reason.contains("a WebP or other RIFF file"))
  }

  /// Errors in the set, not in the bytes of an image.
  @Test func skipRefusesEverythingElse() throws {
    expectRefusal("nothing of that name") { _ = try open("nowhere") }
    for (name, content) in try goodFiles() { try put(content, "set/\(name)") }
    try put(try image(1, 5, 3).png(), "set/b/wide.png")
    expectRefusal("b/wide.png", "3×4 pixels as in a/0.png", "3×5", "set size") { _ = try open("set") }
    try put([], "set/a/0.png")
    expectRefusal("b/wide.png", "3×4 pixels as in a/2.png") { _ = try open("set") }
    #expect(try open("set") { $0.size = AxisPair(3, 4) }.skipped?.items.count == 1)
    try FileManager.default.removeItem(atPath: scratch.path("set/b/wide.png"))
    // A file that cannot be read now may be there the next time.
    let link = scratch.path("set/b/link.png")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "nowhere.png")
    expectRefusal("b/link.png", "a file to open") { _ = try open("set") }
    try FileManager.default.removeItem(atPath: link)
    try put(try image(1).png(), "set/beside.png")
    expectRefusal("beside.png", "an image beside them") { _ = try open("set") }

    var tar = TarFixture()
    for (name, content) in try goodFiles() { tar.add(name, content) }
    let whole = tar.finished
    try scratch.write(whole, "a.tar")
    #expect(try open("a.tar").samples.count == 11)
    // In an image, in a header, at the end: what came behind is unknown, be it images or classes.
    for length in [tar.bytes.count - 600, tar.bytes.count - 1000, tar.bytes.count] {
      try scratch.write(Array(whole.prefix(length)), "a.tar")
      expectRefusal("a.tar", "truncated") { _ = try open("a.tar") }
    }
    tar.add("b/x.png", type: "2")
    try scratch.write(tar.finished, "a.tar")
    expectRefusal("a.tar", "a symbolic link") { _ = try open("a.tar") }
  }

  @Test func largeNumbersAreGrouped() throws {
    var tar = TarFixture()
    let whole = try image(5, 1, 1).png()
    for number in 0..<2500 { tar.add("\(number % 2 == 0 ? "a" : "b")/\(number).png", number < 1200 ? [] : whole) }
    try scratch.write(tar.finished, "a.tar")
    let skipped = try #require(try open("a.tar").skipped)
    #expect(
      skipped.description.hasPrefix("1,200 of 2,500 images cannot be read and are skipped: first a/0.png: byte 0"))
    #expect(skipped.lines.count == 21 && skipped.lines[20] == "and 1,180 more")
    #expect(skipped.json["count"]?.integer == 1200 && skipped.json["samples"]?.array?.count == 1000)
  }

  @Test func inspectionCountsThem() throws {
    for (name, content) in try goodFiles() { try put(content, "set/\(name)") }
    #expect(try DatasetSummary.inspect(scratch.path("set")).json["skipped_samples"] == .null)
    for bad in try badFiles() { try put(bad.bytes, "set/a/\(bad.name)") }
    try put(Array("II*\0".utf8), "set/a/scan.tiff")
    let summary = try DatasetSummary.inspect(scratch.path("set"))
    #expect(summary.count == 11 && summary.classes.map(\.count) == [5, 6])
    #expect(summary.lines[1].contains("10 of 21 images cannot be read; data.on_bad_sample"))
    #expect(summary.lines[2].contains("a/cmyk.jpg: JPEG header") && summary.lines[11].contains("a/scan.tiff: byte 0"))
    #expect(summary.json["skipped_samples"]?["count"]?.integer == 10)
  }

  @Test func inspectionDoesNotBelieveDamagedHeaders() throws {
    for name in ["a/1.png", "a/2.png", "b/1.png"] { try put(try image(7, channels: 1).png(), "set/\(name)") }
    try put(Array(try image(9, 16, 16).png().dropLast(20)), "set/b/2.png")
    let lines = try DatasetSummary.inspect(scratch.path("set")).lines
    #expect(!lines.contains { $0.contains("sizes differ") } && lines.contains { $0.contains("all images are gray") })
  }

  @Test func namesOfFilesStayInOneLine() throws {
    for (name, content) in try goodFiles() { try put(content, "set/\(name)") }
    try put([], "set/a/x\n\u{1B}[2J.png")
    let skipped = try #require(try DatasetSummary.inspect(scratch.path("set")).skipped)
    #expect(skipped.description.contains("a/x ?[2J.png: ") && skipped.lines.allSatisfy { !$0.contains("\n") })
  }

  @Test func theKeyIsReadAndChecked() throws {
    func read(_ keys: String) throws -> ImageFolderData? {
      let text = #"{"type": "image_folder", "path": "set"\#(keys)}"#
      let json = try JSONParser.parse(text, file: "c.json")
      return try DataCatalog.catalog.read(json, path: "data").product.kind as? ImageFolderData
    }
    #expect(try read("")?.onBadSample == .fail)
    #expect(try read(#", "on_bad_sample": "skip""#)?.onBadSample == .skip)
    let error = #expect(throws: ConfigurationError.self) { _ = try read(#", "on_bad_sample": "skp""#) }
    #expect(error?.description.contains("data.on_bad_sample") == true)
  }
}
