import Files
import FoundationEssentials
import JSON

/// Reads `metrics.jsonl` line by line. Damaged lines, and a torn last one, are counted and skipped.
package struct MetricsReader: ~Copyable {
  private var lines: LineReader
  /// Lines so far that are not records.
  package private(set) var damagedLines = 0

  /// Opens the records in a run folder; throws `RecordsError.noRecords` where there are none.
  package init(folder: URL) throws(RecordsError) {
    lines = try LineReader(recordsIn: folder)
  }

  /// Continues where an earlier reader stopped, if possible: see `isContinued`.
  init(folder: URL, from position: LineReader.Position?) throws(RecordsError) {
    lines = try LineReader(recordsIn: folder, from: position)
  }

  var isContinued: Bool { lines.isContinued }

  /// Kinds of line that are short for all models, and the beginning of all lines.
  private static let small = ["run", "step", "validation", "event"].map { Array("{\"kind\":\"\($0)\"".utf8) }
  private static let opening = Array("{\"kind\":\"".utf8)

  /// Whether a line is worth reading where norms are not needed. Lines with another beginning are left to the parser.
  static func isSmall(_ buffer: [UInt8], _ range: Range<Int>) -> Bool {
    !buffer[range].starts(with: opening) || small.contains { buffer[range].starts(with: $0) }
  }

  /// The next whole record, with the position after it.
  ///
  /// - Parameter skimming: skips norms, activations and stages without parsing them.
  mutating func nextWhole(skimming: Bool = false) throws(RecordsError) -> (
    line: MetricsLine, behind: LineReader.Position
  )? {
    while let line = try lines.nextRecord() {
      guard case .bytes(let range, whole: true) = line else {
        // A torn line may be whole the next time.
        if case .bytes = line { return nil }
        damagedLines += 1
        continue
      }
      if skimming, !Self.isSmall(lines.buffer, range) { continue }
      guard let node = try? JSONParser.parse(lines.buffer.span.extracting(range)), let record = MetricsLine(node) else {
        damagedLines += 1
        continue
      }
      return (record, lines.position)
    }
    return nil
  }

  /// The next record, or nil at the end.
  package mutating func next() throws(RecordsError) -> MetricsLine? {
    try nextWithBytes()?.line
  }

  /// The next record with the place of its text in `buffer`.
  mutating func nextWithBytes() throws(RecordsError) -> (line: MetricsLine, range: Range<Int>)? {
    while let line = try lines.nextRecord() {
      if case .bytes(let range, _) = line,
        let node = try? JSONParser.parse(lines.buffer.span.extracting(range)),
        let record = MetricsLine(node)
      {
        return (record, range)
      }
      damagedLines += 1
    }
    return nil
  }

  /// Holds the last line of `nextWithBytes`.
  var buffer: [UInt8] { lines.buffer }
}

extension LineReader {
  /// Reads the records of a run folder.
  init(recordsIn folder: URL, from position: Position? = nil) throws(RecordsError) {
    do throws(FileError) {
      self = try LineReader(path: folder.appending(path: MetricsWriter.fileName).systemPath, from: position)
    } catch {
      throw error.code == .noSuchFileOrDirectory ? .noRecords(path: error.path) : .file(error)
    }
  }

  mutating func nextRecord() throws(RecordsError) -> Line? {
    do throws(FileError) {
      return try next()
    } catch {
      throw .file(error)
    }
  }
}
