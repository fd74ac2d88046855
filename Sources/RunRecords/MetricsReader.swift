import FoundationEssentials
import JSONValues

/// Reads `metrics.jsonl` line by line. Damaged lines, and a torn last one, are counted and passed over.
package struct MetricsReader: ~Copyable {
  private var lines: LineReader
  /// Lines so far that are not records.
  package private(set) var damagedLines = 0

  /// Opens the records in a run folder; throws `RecordsError.noRecords` where there are none.
  package init(folder: URL) throws(RecordsError) {
    lines = try LineReader(path: folder.appending(path: MetricsWriter.fileName).systemPath)
  }

  /// The next record, or nil at the end.
  package mutating func next() throws(RecordsError) -> MetricsLine? {
    try nextWithBytes()?.line
  }

  /// The next record with the place of its text in `buffer`.
  mutating func nextWithBytes() throws(RecordsError) -> (line: MetricsLine, range: Range<Int>)? {
    while let line = try lines.next() {
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

  /// Holds the line that `nextWithBytes` has just returned.
  var buffer: [UInt8] { lines.buffer }
}
