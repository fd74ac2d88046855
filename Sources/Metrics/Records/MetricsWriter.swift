import Files
import FoundationEssentials
import JSON

/// Appends the records of a run to `metrics.jsonl`: one JSON object per line, `step` the only time axis.
///
/// Lines gather in a buffer that goes to the file when it is full, once a second, with every event, validation and
/// verdict, and on `flush()`. In steady state nothing is allocated for a `step` or `norms` line. Call `flush()` or
/// `synchronize()` before a checkpoint of the same step is committed, so that a resumed run finds every earlier line.
///
/// One owner at a time: keep it inside the actor that records.
package final class MetricsWriter {
  package static let fileName = "metrics.jsonl"

  /// Bytes that gather before they are written in one call.
  static let flushThreshold = 1 << 16
  /// Longest time a line waits in the buffer while lines keep coming.
  static let flushInterval = Duration.seconds(1)

  /// True when the file has no `run` line yet: write it before anything else.
  package let needsHeader: Bool
  /// True when the validation of the step that the run resumes from had been recorded, and will be repeated.
  package let hasDroppedValidation: Bool
  var buffer: LineBuffer
  private var file: AppendLog
  private var lastFlush = ContinuousClock.now

  /// Opens the records in `folder`.
  ///
  /// - Parameters:
  ///   - resumeAt: nil creates the file and refuses an existing one. A step keeps the lines up to that step (see
  ///     `MetricsWriter.truncate`) and continues after them.
  ///   - validatedStep: the last step whose validation is kept; nil keeps the validations of all kept steps.
  package init(folder: URL, resumeAt step: Int?, validatedStep: Int? = nil) throws(RecordsError) {
    let path = folder.appending(path: Self.fileName).systemPath
    let kept = try step.map { (step) throws(RecordsError) in
      try Self.truncate(folder: folder, toStep: step, validatedStep: validatedStep)
    }
    needsHeader = kept?.hasHeader != true
    hasDroppedValidation = kept?.hasDroppedValidation == true
    do throws(FileError) {
      file = try AppendLog(path: path, mode: step == nil ? .create : .append)
    } catch {
      throw error.code == .fileExists ? .exists(path: path) : .file(error)
    }
    buffer = LineBuffer(capacity: 2 * Self.flushThreshold)
  }

  deinit { try? flush() }

  /// Hands everything written so far to the system. On failure the lines in the buffer are dropped and the file keeps
  /// only whole lines.
  package func flush() throws(RecordsError) {
    lastFlush = .now
    guard buffer.count > 0 else { return }
    defer { buffer.removeAll() }
    try RecordsError.files { () throws(FileError) in try file.append(buffer.bytes, count: buffer.count) }
  }

  /// Returns once everything written so far is on the disk.
  package func synchronize() throws(RecordsError) {
    try flush()
    try RecordsError.files { () throws(FileError) in try file.synchronize() }
  }

  /// Ends a line whose text is in the buffer.
  func end(isUrgent: Bool = false) throws(RecordsError) {
    buffer.raw("\n")
    if isUrgent || buffer.count >= Self.flushThreshold || .now - lastFlush >= Self.flushInterval { try flush() }
  }
}
