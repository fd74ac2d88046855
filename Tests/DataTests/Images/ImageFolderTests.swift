import Configuration
import Data
import Dispatch
import Formats
import Foundation
import Subprocess
import Synchronization
import Tensors
import TestSupport
import Testing

@Suite struct ImageFolderTests {
  let scratch: TemporaryFolder
  init() throws { scratch = try TemporaryFolder() }

  /// A PNG of one level everywhere.
  private func png(_ level: UInt8, _ width: Int = 4, _ height: Int = 3, channels: Int = 3) throws -> [UInt8] {
    try Image(width: width, height: height, channels: channels, filledWith: level).png()
  }

  private func put(_ bytes: [UInt8], _ name: String) throws {
    let folder = URL(fileURLWithPath: scratch.path(name)).deletingLastPathComponent()
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try scratch.write(bytes, name)
  }

  private func open(_ name: String, _ change: (inout ImageFolderData) -> Void = { _ in }) throws -> OpenedSamples {
    var data = ImageFolderData(path: scratch.path(name))
    change(&data)
    return try data.open(seed: 0)
  }

  private func archive(_ tar: TarFixture, _ name: String = "a.tar") throws -> String {
    try scratch.write(tar.finished, name)
    return name
  }

  @Test func numbersClassesByName() throws {
    try put(try png(10), "set/b/2.png")
    try put(try png(20), "set/b/1.PNG")
    try put(try png(30), "set/a/deep/er/1.png")
    try put(try png(40, channels: 1), "set/C/1.png")
    try put([1], "set/a/notes.txt")
    try put([1], "set/a/.hidden.png")
    try put([1], "set/.git/x.png")
    let source = try open("set").samples
    #expect(source.fields[0].shape == TensorShape([3, 4, 3]))
    #expect(source.fields[1].classNames == ["C", "a", "b"] && source.fields[1].classCount == 3)
    #expect((0..<source.count).map { source.values($0, 1)[0] } == [0, 1, 2, 2])
    #expect((0..<source.count).map { (source.values($0, 0)[7] * 255).rounded() } == [40, 30, 20, 10])
    let gray = try open("set") { $0.channels = 1 }.samples
    #expect(gray.fields[0].shape == TensorShape([3, 4, 1]))
    #expect(gray.values(3, 0).map { ($0 * 255).rounded() } == [Float](repeating: 10, count: 12))
    #expect(gray.fingerprint != source.fingerprint)
  }

  @Test func archiveAndFolderAreTheSameData() throws {
    var tar = TarFixture()
    for split in ["train", "test"] {
      tar.add("./set/\(split)/", type: "5")
      for (name, level) in [("dog", 50), ("cat", 90)] {
        let bytes = try png(UInt8(level + (split == "test" ? 1 : 0)))
        try put(bytes, "set/\(split)/\(name)/x.png")
        tar.add("./set/\(split)/\(name)/x.png", bytes)
      }
    }
    let packed = try open(try archive(tar))
    let loose = try open("set")
    for opened in [packed, loose] {
      let test = try #require(opened.test)
      #expect(opened.samples.fields[1].classNames == ["cat", "dog"] && test.fields == opened.samples.fields)
      #expect(opened.samples.count == 2 && test.count == 2)
      #expect((opened.samples.values(1, 0)[0] * 255).rounded() == 50 && opened.samples.values(1, 1) == [1])
      #expect((test.values(0, 0)[0] * 255).rounded() == 91 && test.values(0, 1) == [0])
    }
    #expect(packed.samples.fingerprint == loose.samples.fingerprint)
    #expect(packed.test?.fingerprint == loose.test?.fingerprint)
    // The name, the content and the class all count.
    let image = scratch.path("set/train/cat/x.png")
    try FileManager.default.moveItem(atPath: image, toPath: scratch.path("set/train/cat/y.png"))
    #expect(try open("set").samples.fingerprint != loose.samples.fingerprint)
  }

  @Test func readsLongNames() throws {
    let long = String(repeating: "n", count: 180)
    var tar = TarFixture()
    tar.add("././@LongLink", Array("a/\(long).png\0".utf8), type: "L")
    tar.add("a/nnn", try png(1))
    tar.addRecords([("mtime", "1.5"), ("path", "b/ü\(long).png"), ("size", "\(try png(2).count)")])
    tar.add("b/nnn.txt", try png(2), claimed: 0)
    tar.add("3.png", try png(3), prefix: "c")
    tar.add("pax_global_header", Array(TarFixture.record("comment", "none").utf8), type: "g")
    let size = try png(4).count
    let binary: [UInt8] = [0x80] + (0..<11).map { UInt8(truncatingIfNeeded: $0 < 8 ? 0 : size >> (8 * (10 - $0))) }
    tar.add("d/4.png", try png(4), type: "\0", sizeField: binary)
    let source = try open(try archive(tar)).samples
    #expect(source.fields[1].classNames == ["a", "b", "c", "d"])
    #expect((0..<4).map { (source.values($0, 0)[0] * 255).rounded() } == [1, 2, 3, 4])
  }

  @Test(arguments: ["ustar", "gnu", "pax", "v7"]) func readsWhatTarPacks(format: String) async throws {
    let tar = URL(fileURLWithPath: "/usr/bin/tar")
    guard FileManager.default.isExecutableFile(atPath: tar.path) else { return }
    let long = String(repeating: "long/", count: format == "v7" ? 4 : 20) + String(repeating: "x", count: 60)
    for (name, level) in [("one", 1), ("two", 2)] { try put(try png(UInt8(level)), "set/\(name)/\(long).png") }
    let packing = try await Subprocess.run(
      .path(.init(tar.path)),
      arguments: ["--format", format, "-cf", scratch.path("packed.tar"), "-C", scratch.path, "set"],
      output: .discarded)
    #expect(packing.terminationStatus.isSuccess)
    let source = try open("packed.tar").samples
    #expect(source.fingerprint == (try open("set").samples.fingerprint))
  }

  @Test func refusesHostileArchives() throws {
    func refuse(_ words: String..., make: (inout TarFixture) throws -> Void) throws {
      var tar = TarFixture()
      tar.add("a/1.png", try png(1))
      try make(&tar)
      let name = try archive(tar)
      let error = #expect(throws: DataError.self) { _ = try open(name) }
      for word in words { #expect(error?.description.contains(word) == true, "\(error?.description ?? "")") }
    }
    try refuse("byte 1024", "bytes of", "truncated") { $0.add("b/1.png", [1], claimed: 1 << 30) }
    let fields: [[UInt8]] = [
      [UInt8](repeating: 0xFF, count: 12), [0x80] + [UInt8](repeating: 0xFF, count: 11),
      [0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0],
      Array("-0000000001".utf8), Array("00000000009".utf8), Array("0000 000001".utf8), [],
    ]
    for field in fields { try refuse("size of 0 to") { $0.add("b/1.png", [1], sizeField: field) } }
    // The largest number that fits is beyond the file, and so must not overflow when it is added up.
    let largest = [0x80, 0, 0, 0, 0x7F] + [UInt8](repeating: 0xFF, count: 7)
    try refuse("truncated") { $0.add("b/1.png", [1], sizeField: largest) }
    try refuse("a symbolic link", "--dereference") { $0.add("b/1.png", type: "2") }
    try refuse("a hard link") { $0.add("b/1.png", type: "1") }
    try refuse("a sparse file") { $0.add("b/1.png", type: "S") }
    try refuse("unknown type") { $0.add("b/1.png", type: "Z") }
    try refuse("inside the archive", "../b/1.png") { $0.add("../b/1.png", try png(1)) }
    try refuse("inside the archive") { $0.add("/b/1.png", try png(1)) }
    try refuse("a/1.png", "twice") { $0.add("a/1.png", try png(1)) }
    try refuse("a/1.png", "twice") { $0.add("./a//1.png", try png(1)) }
    try refuse("pax record") { $0.add("x", Array("9999 path=b\n".utf8), type: "x") }
    try refuse("pax record") { $0.add("x", Array("5 =\n".utf8), type: "x") }
    try refuse("size of 0 to", "-5") {
      $0.addRecords([("size", "-5")])
      $0.add("b/1.png", [1])
    }
    try refuse("truncated") {
      $0.addRecords([("size", "9223372036854775807")])
      $0.add("b/1.png", [1])
    }
    try refuse("sparse") {
      $0.addRecords([("GNU.sparse.major", "1")])
      $0.add("b/1.png", [1])
    }
    try refuse("at most 1.0 MiB") { $0.add("x", [UInt8](repeating: 65, count: 1 << 21), type: "L") }
  }

  @Test func refusesOtherFiles() throws {
    var tar = TarFixture()
    for name in ["a", "b"] { tar.add("\(name)/1.png", try png(1)) }
    try scratch.write(Array(tar.bytes), "open.tar")
    expectRefusal("open.tar", "block of zeros", "truncated") { _ = try open("open.tar") }
    try scratch.write(Array(tar.bytes.dropLast(100)), "short.tar")
    expectRefusal("short.tar", "truncated") { _ = try open("short.tar") }
    var damaged = tar.finished
    damaged[3] ^= 1
    try scratch.write(damaged, "damaged.tar")
    expectRefusal("byte 0", "checksum") { _ = try open("damaged.tar") }
    try scratch.write(idx([600], [UInt8](repeating: 1, count: 600)), "idx")
    expectRefusal("checksum", "no tar archive") { _ = try open("idx") }
    expectRefusal("nothing of that name") { _ = try open("nowhere") }
    // Two archives in one file, one with a hole, and one whose copy stopped.
    try scratch.write(tar.finished + tar.finished, "joined.tar")
    expectRefusal("byte \(tar.finished.count)", "joined") { _ = try open("joined.tar") }
    var hole = tar
    hole.addZeros()
    hole.add("c/1.png", try png(1))
    try scratch.write(hole.finished, "hole.tar")
    expectRefusal("byte \(tar.bytes.count + 512)", "damaged") { _ = try open("hole.tar") }
    try scratch.write(tar.finished + [UInt8](repeating: 0, count: 1 << 24), "tail.tar")
    expectRefusal("only in part here") { _ = try open("tail.tar") }
    try scratch.write(tar.finished + [UInt8](repeating: 0, count: 1 << 20), "padded.tar")
    #expect(try open("padded.tar").samples.count == 2)
  }

  /// Images that are decoded whenever they are read are those that were decoded once, by any number of threads.
  @Test(arguments: [nil, AxisPair(5, 7)], [1, 3])
  func streamedImagesAreTheSame(size: AxisPair?, channels: Int) throws {
    var tar = TarFixture()
    let random = RandomStream(seed: 2, purpose: .checking)
    for number in 0..<24 {
      let sides = size == nil ? (6, 5) : (4 + number % 5, 3 + number % 7)
      var image = Image(width: sides.0, height: sides.1, channels: number % 4 == 0 ? 1 : 3, filledWith: 0)
      for y in 0..<image.height {
        for x in 0..<image.width {
          for c in 0..<image.channels {
            image[y, x, c] = UInt8(random.integer(number << 10 + y << 7 + x << 2 + c, below: 256))
          }
        }
      }
      let bytes = number % 3 == 0 ? try image.jpeg(quality: 90) : try image.png()
      let name =
        "\(number < 16 ? "train" : "test")/\(number % 2 == 0 ? "a" : "b")/\(number).\(number % 3 == 0 ? "jpg" : "png")"
      tar.add(name, bytes)
      try put(bytes, "set/\(name)")
    }
    for place in [try archive(tar), "set"] {
      func open(streams: Bool) throws -> OpenedSamples {
        try self.open(place) {
          ($0.size, $0.channels) = (size, channels)
          if streams { $0.maxBytes = 7 * 6 * channels }
        }
      }
      let (kept, streamed) = (try open(streams: false), try open(streams: true))
      for (a, b) in [(kept.samples, streamed.samples), (try #require(kept.test), try #require(streamed.test))] {
        #expect(a is MemorySamples && !(b is MemorySamples) && b.readsFiles && !a.readsFiles)
        #expect(a.fields == b.fields && a.count == b.count && a.fingerprint == b.fingerprint)
        #expect(b.residentBytes < a.count * 200)
        let differing = Mutex(0)
        DispatchQueue.concurrentPerform(iterations: 8 * a.count) { iteration in
          let index = iteration * 7 % a.count
          if a.values(index, 0) != b.values(index, 0) || a.values(index, 1) != b.values(index, 1) {
            differing.withLock { $0 += 1 }
          }
        }
        #expect(differing.withLock { $0 } == 0 && b.failure == nil)
      }
    }
  }

  /// An image that is damaged after the set was opened gives zeros and a reason, never a crash.
  @Test func streamedImagesThatChangeAreReported() throws {
    for name in ["a/1", "a/2", "b/3"] { try put(try png(200), "set/\(name).png") }
    func streamed() throws -> any SampleSource { try open("set") { $0.maxBytes = 36 }.samples }
    for (bytes, words) in [
      (Array(try png(200).dropLast(20)), ["a/2.png", "PNG data"]), (try png(200, 9, 9), ["a/2.png", "9×9"]),
      ([], ["empty"]),
    ] {
      try put(try png(200), "set/a/2.png")
      let source = try streamed()
      try put(bytes, "set/a/2.png")
      #expect(source.values(0, 0)[0] > 0.7 && source.failure == nil)
      #expect(source.values(1, 0) == [Float](repeating: 0, count: 36))
      let failure = try #require(source.failure)
      for word in words { #expect(failure.description.contains(word), "\(failure)") }
      #expect(source.values(2, 0)[0] > 0.7)
    }
    try put(try png(200), "set/a/2.png")
    let source = try streamed()
    try FileManager.default.removeItem(atPath: scratch.path("set/b/3.png"))
    #expect(source.values(2, 0)[0] == 0 && source.failure?.description.contains("3.png") == true)
    // A body that is damaged is found when the set is opened.
    try put(Array(try png(200).dropLast(20)), "set/b/3.png")
    expectRefusal("b/3.png", "PNG data") { _ = try streamed() }
  }

  /// Damaged archives give an error or samples, never a crash.
  @Test func survivesDamage() throws {
    var tar = TarFixture()
    tar.add("././@LongLink", Array("a/\(String(repeating: "n", count: 120)).png\0".utf8), type: "L")
    tar.add("a/n", try png(1))
    tar.addRecords([("path", "b/long.png"), ("size", "\(try png(2).count)")])
    tar.add("b/1.png", try png(2))
    let whole = tar.finished
    var refused = 0
    for round in 0..<400 {
      let random = RandomStream(seed: 5, purpose: .checking, step: round)
      var bytes = whole
      for change in 0...random.integer(0, below: 3) {
        bytes[random.integer(1 + 2 * change, below: bytes.count)] = UInt8(random.integer(2 + 2 * change, below: 256))
      }
      if round % 5 == 0 { bytes.removeLast(random.integer(9, below: bytes.count)) }
      // Half of the headers are made right again, so that what follows the checksum is met too.
      if round % 2 == 0 {
        for start in stride(from: 0, to: bytes.count - 511, by: 512) {
          guard bytes[start..<start + 512].contains(where: { $0 != 0 }) else { continue }
          for at in 148..<156 { bytes[start + at] = 32 }
          let sum = String(bytes[start..<start + 512].reduce(0) { $0 + Int($1) }, radix: 8)
          let digits = String(repeating: "0", count: 6 - sum.count) + sum
          bytes.replaceSubrange(start + 148..<start + 154, with: digits.utf8)
        }
      }
      try scratch.write(bytes, "fuzzed.tar")
      do {
        let source = try open("fuzzed.tar") { $0.maxBytes = 1 << 24 }.samples
        for index in 0..<source.count { _ = source.values(index, 0) }
      } catch let error as DataError {
        refused += 1
        #expect(!error.description.contains("\n"))
      }
    }
    #expect(refused > 100)
  }

  @Test func saysWhichImageIsOdd() throws {
    try put(try png(1), "set/a/1.png")
    try put(try png(1), "set/b/1.png")
    try put(try png(1, 5, 3), "set/b/2.png")
    expectRefusal("b/2.png", "3×4 pixels as in a/1.png", "3×5", "set size") { _ = try open("set") }
    let source = try open("set") { $0.size = AxisPair(6, 2) }.samples
    #expect(source.fields[0].shape == TensorShape([6, 2, 3]) && source.count == 3)
    let whole = try png(1)
    try put(Array(whole.dropLast(20)), "set/a/2.png")
    expectRefusal("a/2.png", "PNG data") { _ = try open("set") { $0.size = AxisPair(2) } }
    try put([1, 2, 3], "set/a/1.png")
    expectRefusal("a/1.png", "byte 0", "JPEG or PNG") { _ = try open("set") }
    expectRefusal("a/1.png", "byte 0", "JPEG or PNG") { _ = try open("set") { $0.size = AxisPair(2) } }
    expectRefusal("max_bytes", "each", "lower size", "4 of 4096×4096×3") {
      _ = try open("set") {
        $0.size = AxisPair(4096)
        $0.maxBytes = 1 << 20
      }
    }
    expectRefusal("4 of 65536×65536×3") { _ = try open("set") { $0.size = AxisPair(65536) } }
    try put([1], "set/a/3.webp")
    expectRefusal("a/3.webp", "convert") { _ = try open("set") }
  }

  @Test func wantsAFolderForEachClass() throws {
    try put([1], "empty/x.txt")
    expectRefusal("no image") { _ = try open("empty") }
    try put(try png(1), "one/a/1.png")
    expectRefusal("2 to", "found 1") { _ = try open("one") }
    try put(try png(1), "one/2.png")
    expectRefusal("one per class", "2.png", "beside") { _ = try open("one") }
    try put(try png(1), "hole/a/1.png")
    try put(try png(1), "hole/b/1.png")
    try FileManager.default.createDirectory(atPath: scratch.path("hole/c"), withIntermediateDirectories: true)
    expectRefusal("hole: c", "fill or remove") { _ = try open("hole") }
    for name in ["train/a", "train/b", "test/a", "test/c"] { try put(try png(1), "split/\(name)/1.png") }
    expectRefusal("test/c/1.png", "classes in train") { _ = try open("split") }
    try FileManager.default.removeItem(atPath: scratch.path("split/test/c"))
    #expect(try open("split").test?.count == 1)
    try put(try png(1), "split/val/a/1.png")
    expectRefusal("train and test", "\"val\"", "take it out") { _ = try open("split") }
    try FileManager.default.removeItem(atPath: scratch.path("split/test"))
    expectRefusal("train and test", "\"val\"", "rename it to test") { _ = try open("split") }
  }

  /// A split must not become a class because something about it is odd.
  @Test func splitsAreNotTakenForClasses() throws {
    for name in ["train/a", "train/b", "test/a", "test/b"] { try put(try png(1), "stray/\(name)/1.png") }
    for stray in ["train/readme.png", "logo.png"] {
      try put(try png(1), "stray/\(stray)")
      expectRefusal(stray, "an image beside them") { _ = try open("stray") }
      try FileManager.default.removeItem(atPath: scratch.path("stray/\(stray)"))
    }
    #expect(try open("stray").test?.count == 2)
    try put([1], "stray/annotations/boxes.csv")
    #expect(try open("stray").test?.count == 2)
    try put(try png(1), "stray/val/a/1.png")
    expectRefusal("\"val\"", "take it out") { _ = try open("stray") }
    for (name, other) in [("Train", "Test"), ("training", "val"), ("seg_train", "seg_test"), ("train", "test1")] {
      for isFlat in [true, false] {
        let set = "set-\(name)-\(isFlat)"
        for split in [name, other, "extra"] {
          for label in ["a", "b"] { try put(try png(1), "\(set)/\(split)/\(label)\(isFlat ? "" : "/1").png") }
        }
        guard isFlat || name != "train" else { continue }
        expectRefusal("\"\(name)\"", "\"\(other)\"", "rename them to train and test") { _ = try open(set) }
      }
    }
    for name in ["train/a/1", "train/b/1", "test/1", "test/2", "test/3", "test/4"] {
      try put(try png(1), "flat/\(name).png")
    }
    expectRefusal("test/1.png", "name the folder train alone") { _ = try open("flat") }
    // A class may have such a name.
    for name in ["train/0", "train/1", "plane/jet/0", "plane/jet/1", "plane/jet/2"] {
      try put(try png(1), "vehicles/\(name).png")
    }
    #expect(try open("vehicles").samples.fields[1].classNames == ["plane", "train"])
  }

  /// Nothing that might be a class or samples of one is left out without a word.
  @Test func linksAndNamesAreFollowedOrNamed() throws {
    for name in ["a", "b"] { try put(try png(1), "set/\(name)/1.png") }
    try put(try png(1), "elsewhere/c/1.jfif")
    func link(_ place: String, to target: String) throws {
      try FileManager.default.createSymbolicLink(
        atPath: scratch.path(place), withDestinationPath: scratch.path(target))
    }
    try link("set/c", to: "elsewhere/c")
    #expect(try open("set").samples.fields[1].classNames == ["a", "b", "c"])
    try link("set/d", to: "nowhere")
    expectRefusal("set: d", "No such file") { _ = try open("set") }
    try FileManager.default.removeItem(atPath: scratch.path("set/d"))
    try link("set/b/2.png", to: "nowhere")
    expectRefusal("b/2.png") { _ = try open("set") }
    try FileManager.default.removeItem(atPath: scratch.path("set/b/2.png"))
    try FileManager.default.createDirectory(atPath: scratch.path("set/a/x"), withIntermediateDirectories: false)
    for target in ["set", "set/a", "elsewhere/c"] {
      try link("set/a/x/y", to: target)
      expectRefusal("every folder once", "a second time") { _ = try open("set") }
      try FileManager.default.removeItem(atPath: scratch.path("set/a/x/y"))
    }
    try put(try png(1), "more/2.png")
    try link("set/a/x/y", to: "more")
    #expect(try open("set").samples.count == 4)
    try link("set/a/notes.txt", to: "nowhere")
    try put(try png(1), "set/__MACOSX/a/._1.png")
    #expect(try open("set").samples.count == 4)
    #expect(mkdir(Array((scratch.path("set") + "/").utf8CString.dropLast() + [-0x17, 0x74, 0]), 0o755) == 0)
    expectRefusal("UTF-8", "rename") { _ = try open("set") }
  }

  /// Two ways of writing é are two names, as they are two files.
  @Test func namesAreBytes() throws {
    var tar = TarFixture()
    for name in ["e\u{301}t", "\u{E9}t"] {
      for file in ["e\u{301}", "\u{E9}"] { tar.add("\(name)/\(file).png", try png(1)) }
    }
    let opened = try open(try archive(tar)).samples
    #expect(opened.count == 4 && opened.fields[1].classNames.count == 2)
    #expect((0..<4).map { opened.values($0, 1)[0] } == [0, 0, 1, 1])
  }

  @Test func inspectionSaysWhatIsThere() throws {
    try put(try png(1, 8, 8), "set/a/1.png")
    try put(try png(200, 8, 8, channels: 1), "set/b/1.png")
    let summary = try DatasetSummary.inspect(scratch.path("set"))
    #expect(summary.kind == "image_folder" && summary.count == 2 && summary.preview.count == 4)
    #expect(summary.classes.map(\.name) == ["a", "b"] && summary.classes.map(\.count) == [1, 1])
    try put(try png(1, 9, 8, channels: 1), "set/a/1.png")
    let differing = try DatasetSummary.inspect(scratch.path("set"))
    #expect(differing.notes.contains { $0.contains("8×8 to 8×9") } && differing.notes.contains { $0.contains("gray") })
  }

  @Test func readsCIFAR10AsJPEG() throws {
    let path = "../shared/datasets/cifar10-jpeg/cifar10.tar"
    guard FileManager.default.fileExists(atPath: path) else { return }
    let opened = try ImageFolderData(path: path).open(seed: 0)
    #expect(opened.samples.count == 50_000 && opened.test?.count == 10_000)
    #expect(opened.samples.fields[0].shape == TensorShape([32, 32, 3]))
    #expect(opened.samples.fields[1].classNames.prefix(3) == ["airplane", "automobile", "bird"])
  }
}
