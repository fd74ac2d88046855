import Data
import Foundation
import TestSupport
import Testing

/// Text in another encoding than UTF-8 is refused with its file and place: repaired, different names would be one.
@Suite struct EncodingTests {
  let scratch: TemporaryFolder
  init() throws { scratch = try TemporaryFolder() }

  /// Bytes of text in Latin-1.
  private func latin(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) } }

  @Test func tables() throws {
    let labels = try scratch.write(latin("class,a\ntea,1\ncafé,2\ncafè,3\n"), "labels.csv")
    var data = CSVData(file: labels)
    data.targets = ["class"]
    expectRefusal("labels.csv", "line 3, column 1 (\"class\")", "UTF-8", "0xe9") { _ = try data.open(seed: 0) }
    let quoted = try scratch.write(latin("a,class\n1,tea\n2,\"ca\"\"fé\"\n"), "quoted.csv")
    expectRefusal("quoted.csv", "line 3, column 2", "0xe9") { _ = try CSVData(file: quoted).open(seed: 0) }
    let header = try scratch.write(latin("grün,class\n1,a\n2,b\n"), "header.csv")
    expectRefusal("header.csv", "line 1, column 1", "0xfc") { _ = try CSVData(file: header).open(seed: 0) }
    let wide = try scratch.write([0xFF, 0xFE] + Array("a\0,\0b\0\n\0".utf8), "wide.csv")
    expectRefusal("wide.csv", "line 1, column 1", "0xff") { _ = try CSVData(file: wide).open(seed: 0) }
    // What is not read may be in any encoding.
    let ignored = try scratch.write(latin("note,a,class\né,1,x\nè,2,y\n"), "ignored.csv")
    var other = CSVData(file: ignored)
    other.ignore = ["note"]
    #expect(try other.open(seed: 0).samples.count == 2)
  }

  @Test func utf8StaysAsItIs() throws {
    let path = try scratch.write("a,class\n1,café\n2,cafè\n3,茶\n", "t.csv")
    let samples = try CSVData(file: path).open(seed: 0).samples
    #expect(samples.fields[1].classNames == ["cafè", "café", "茶"])
  }

  @Test func archives() throws {
    let image: [UInt8] = [1]
    for name in ["caf\u{E9}/1.png", "a/caf\u{E9}.png"] {
      var tar = TarFixture()
      tar.add(bytes: latin(name), image)
      let path = try scratch.write(tar.finished, "a.tar")
      expectRefusal("a.tar", "byte 0", "UTF-8", "0xe9") { _ = try ImageFolderData(path: path).open(seed: 0) }
    }
    // Where another record gives the whole name, the header may have cut it within a character.
    for value in ["a/é.png", "b/é.png"] {
      var tar = TarFixture()
      tar.add("././@LongLink", latin("a/\u{E9}.png") + [0], type: "L")
      tar.add(value)
      expectRefusal("UTF-8", "0xe9") {
        _ = try ImageFolderData(path: try scratch.write(tar.finished, "long.tar")).open(seed: 0)
      }
      tar = TarFixture()
      tar.addRecords([("path", value), ("comment", "x")])
      tar.add(bytes: [0x61, 0x2F, 0xC3])
      // The name is read: what is refused is that there is one class only.
      expectRefusal("2 to") { _ = try ImageFolderData(path: try scratch.write(tar.finished, "pax.tar")).open(seed: 0) }
    }
  }

  @Test func folders() throws {
    for name in ["a/1.png", "b/1.png"] { try scratch.write([1], "set/" + name) }
    try make(latin("set/b/\u{E9}.png"))
    expectRefusal("UTF-8", "b/") { _ = try ImageFolderData(path: scratch.path("set")).open(seed: 0) }
    try scratch.write("text", "texts/1.txt")
    try make(latin("texts/\u{E9}.jpg"))
    #expect(throws: Never.self) { try TextFile.forEach([scratch.path("texts")], pattern: "**/*.txt") { _, _ in } }
    try make(latin("texts/\u{E9}.txt"))
    expectRefusal("UTF-8", "texts/") { _ = try TextData(files: [scratch.path("texts")]).open(seed: 0) }
    expectRefusal("UTF-8", "texts/") { _ = try TextData(files: [scratch.path("texts/*.txt")]).open(seed: 0) }
  }

  @Test func namesOfCIFAR() throws {
    try scratch.write([UInt8](repeating: 0, count: 3073), "cifar/data_batch_1.bin")
    for number in 2...5 { try scratch.write([UInt8](repeating: 1, count: 3073), "cifar/data_batch_\(number).bin") }
    let names = (0..<10).map { $0 == 4 ? "h\u{E9}ron" : "bird\($0)" }
    try scratch.write(latin(names.joined(separator: "\n")), "cifar/batches.meta.txt")
    expectRefusal("batches.meta.txt", "line 5", "0xe9") { _ = try CIFARData(path: scratch.path("cifar")).open(seed: 0) }
  }

  /// Makes an empty file whose name is bytes.
  private func make(_ name: [UInt8]) throws {
    let path = Array(scratch.path.utf8) + [UInt8(ascii: "/")] + name + [0]
    let file = open(path.map { CChar(bitPattern: $0) }, O_CREAT | O_WRONLY, 0o644)
    try #require(file >= 0)
    close(file)
  }
}
