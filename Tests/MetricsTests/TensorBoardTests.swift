import Files
import FoundationEssentials
import Metrics
import TestSupport
import Testing

@Suite struct TensorBoardTests {
  private func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { byte in String(byte >> 4, radix: 16) + String(byte & 15, radix: 16) }.joined()
  }

  private func littleEndian(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Checks lengths and checksums and returns the data of every record.
  private func records(_ file: [UInt8]) -> [[UInt8]] {
    var records: [[UInt8]] = []
    var place = 0
    while place + 12 <= file.count {
      let length = Int(littleEndian(file[place..<place + 8]))
      let data = Array(file[place + 12..<place + 12 + length])
      let lengthBytes = Array(file[place..<place + 8])
      #expect(littleEndian(file[place + 8..<place + 12]) == UInt64(CRC32C.masked(lengthBytes.span)))
      #expect(littleEndian(file[place + 12 + length..<place + 16 + length]) == UInt64(CRC32C.masked(data.span)))
      records.append(data)
      place += 16 + length
    }
    #expect(place == file.count)
    return records
  }

  private func contents(_ folder: TemporaryFolder, _ writer: TensorBoardWriter) throws -> [UInt8] {
    try writer.flush()
    return [UInt8](try Data(contentsOf: folder.file(writer.fileName)))
  }

  @Test func checksumsAreKnown() {
    #expect(CRC32C.checksum(Array("123456789".utf8).span.bytes) == 0xE306_9283)
    #expect(CRC32C.masked(Array("123456789".utf8).span) == 0xC78A_B0E5)
    // RFC 3720, appendix B.4.
    #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32).span.bytes) == 0x8A91_36AA)
    #expect(CRC32C.checksum([UInt8](repeating: 255, count: 32).span.bytes) == 0x62A8_AB43)
    #expect(CRC32C.checksum([UInt8](0..<32).span.bytes) == 0x46DD_794E)
    #expect(CRC32C.checksum([UInt8]().span.bytes) == 0)
  }

  @Test func filesSortInTheOrderOfWritingAfterTheClockWentBack() throws {
    let folder = try TemporaryFolder()
    try Data().write(to: folder.file("events.out.tfevents.99999999999.other"))
    let names = try [5_000, 1_400, 5_001, 5_000, 6_000.5].map {
      try TensorBoardWriter(folder: folder.url, resumeAt: nil, wallTime: $0).fileName
    }
    #expect(names == names.sorted())
    #expect(names.last?.hasPrefix("events.out.tfevents.0000006000.") == true)
  }

  @Test func firstRecordIsTheFileVersion() throws {
    let folder = try TemporaryFolder()
    let writer = try TensorBoardWriter(folder: folder.url, resumeAt: nil, wallTime: 1)
    #expect(writer.fileName.hasPrefix("events.out.tfevents.0000000001."))
    #expect(
      hex(try contents(folder, writer))
        == "1800000000000000a37f4b2209000000000000f03f1a0d627261696e2e4576656e743a3286bf577a")
  }

  @Test func resumedFileStartsWithASessionLog() throws {
    let folder = try TemporaryFolder()
    let writer = try TensorBoardWriter(folder: folder.url, resumeAt: 300, wallTime: 1)
    let all = records(try contents(folder, writer))
    #expect(all.count == 2)
    #expect(all.last.map { hex($0) } == "09000000000000f03f10ac023a020801")
  }

  @Test func summariesHaveTheFieldsOfTheProtocol() throws {
    let folder = try TemporaryFolder()
    let writer = try TensorBoardWriter(folder: folder.url, resumeAt: nil)
    try writer.scalar("loss", 1, step: 7)
    try writer.image("a", png: [1, 2, 3], height: 4, width: 5, channels: 3, step: 7)
    try writer.text("t", "hi", step: 7)
    let all = records(try contents(folder, writer)).dropFirst().map { hex($0.dropFirst(9)) }
    // Nested messages from the outside in, apart by spaces.
    let expected = [
      "1007 2a0d 0a0b 0a046c6f7373 150000803f",
      "1007 2a12 0a10 0a0161 220b 0804 1005 1803 2203010203",
      "1007 2a1d 0a1b 0a0174 420c 0807 12041202 0801 42026869 4a08 0a060a0474657874",
    ]
    #expect(all == expected.map { $0.filter { $0 != " " } })
  }

  @Test func histogramCountsIntoTensorFlowsBuckets() throws {
    let limits = TensorBoardHistogram.limits
    #expect(limits.count == 1551)
    #expect(limits == limits.sorted() && limits.map { -$0 }.reversed() == limits)
    #expect(limits[775] == 0 && limits[776] == 1e-12 && limits[777] == 1e-12 * 1.1)
    #expect(limits.last == .greatestFiniteMagnitude)
    // A value on an edge belongs to the bucket above it.
    #expect(TensorBoardHistogram.bucket(0, limits) == 776)
    #expect(TensorBoardHistogram.bucket(-1e-12, limits) == 775)
    #expect(TensorBoardHistogram.bucket(1e38, limits) == 1550)
    #expect(TensorBoardHistogram.bucket(-1e38, limits) == 1)

    let folder = try TemporaryFolder()
    let writer = try TensorBoardWriter(folder: folder.url, resumeAt: nil)
    let values: [Float] = [0, 0, .nan, .infinity]
    try writer.histogram("h", values.span, step: 0)
    let data = hex(records(try contents(folder, writer))[1].dropFirst(9))
    // min, max, num 2, sum, squares; limits 0, 1e-12, the end; counts 0, 2, 0.
    let expected = """
      090000000000000000 110000000000000000 190000000000000040 210000000000000000 290000000000000000
      3218 0000000000000000 11ea2d819997713d ffffffffffffef7f
      3a18 0000000000000000 0000000000000040 0000000000000000
      """
    #expect(data.hasSuffix(expected.filter { !$0.isWhitespace }))
  }
}
