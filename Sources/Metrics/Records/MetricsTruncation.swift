import Files
import FoundationEssentials
import JSON

extension MetricsWriter {
  /// The result of `truncate`, in lines.
  package struct Truncation: Sendable, Equatable {
    package var kept = 0
    /// Later than the step that the run resumes from.
    package var dropped = 0
    /// Torn or unreadable.
    package var damaged = 0
    /// True when the `run` line is among the kept ones.
    package var hasHeader = false
    /// True when a validation of the step that the run resumes from was dropped.
    package var hasDroppedValidation = false
  }

  /// Cuts the records in `folder` back to the lines with a step of at most `step`, and of at most `validatedStep` if they
  /// hold a validation; damaged lines go too.
  ///
  /// The kept lines go to a new file that is on the disk before it takes the old one's name, so that a crash at any
  /// moment leaves one of the two whole. A folder without records is left as it is.
  @discardableResult
  package static func truncate(
    folder: URL, toStep step: Int, validatedStep: Int? = nil
  ) throws(RecordsError) -> Truncation {
    let path = folder.appending(path: fileName).systemPath
    var result = Truncation()
    let exists = try RecordsError.files { () throws(FileError) in try FileSystemCalls.real.exists(path) }
    guard exists else { return result }
    var reader = try MetricsReader(folder: folder)
    var kept = try RecordsError.files { () throws(FileError) in try ReplacementFile(for: path, leftovers: .removed) }
    var text = LineBuffer(capacity: 2 * flushThreshold)
    while let (line, range) = try reader.nextWithBytes() {
      var last = step
      if let validatedStep, case .validation = line { last = min(last, validatedStep) }
      guard line.step ?? 0 <= last else {
        result.dropped += 1
        if line.step == step { result.hasDroppedValidation = true }
        continue
      }
      result.kept += 1
      if case .run = line { result.hasHeader = true }
      text.append(reader.buffer.span.extracting(range))
      text.byte(UInt8(ascii: "\n"))
      if text.count >= flushThreshold {
        try RecordsError.files { () throws(FileError) in try kept.write(text.bytes, count: text.count) }
        text.removeAll()
      }
    }
    try RecordsError.files { () throws(FileError) in
      try kept.write(text.bytes, count: text.count)
      try kept.commit()
    }
    result.damaged = reader.damagedLines
    return result
  }
}
