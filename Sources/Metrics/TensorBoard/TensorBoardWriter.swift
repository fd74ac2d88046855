import Files
import FoundationEssentials
import Glibc

/// Writes TensorBoard event files: TFRecords of `Event` messages.
///
/// A resumed run has a new file that begins with a session log, which makes TensorBoard drop the later steps of earlier
/// files. Fields and record layout follow `event.proto`, `summary.proto` and
/// `record_writer.py`. One owner at a time: keep it inside the actor that records.
package final class TensorBoardWriter {
  /// Bytes that gather before they are written in one call.
  static let flushThreshold = 1 << 16

  package let fileName: String
  private var histogram = TensorBoardHistogram()
  private var file: AppendLog
  private var pending: [UInt8] = []
  /// The current message; its memory is reused, so that a steady step allocates nothing.
  private var message = ProtoBuffer()

  /// Starts a new event file in `folder`.
  ///
  /// - Parameter resumeAt: the step at which a run resumes; nil for a fresh run.
  package convenience init(folder: URL, resumeAt step: Int?) throws(RecordsError) {
    try self.init(folder: folder, resumeAt: step, wallTime: Self.now())
  }

  /// - Parameter wallTime: seconds since 1970 for the first records and the name of the file.
  package init(folder: URL, resumeAt step: Int?, wallTime: Double) throws(RecordsError) {
    let names = try RecordsError.files { () throws(FileError) in try FileSystemCalls.real.list(folder.systemPath) }
    let name = Self.makeFileName(wallTime: wallTime, among: names)
    file = try RecordsError.files { () throws(FileError) in
      try AppendLog(path: folder.appending(path: name).systemPath, mode: .create)
    }
    fileName = name
    append(wallTime: wallTime, step: nil) { $0.field(3, "brain.Event:2") }
    if let step { append(wallTime: wallTime, step: step) { $0.field(7) { $0.field(1, 1) } } }
    try flush()
  }

  deinit { try? flush() }

  package func scalar(_ tag: String, _ value: Float, step: Int) throws(RecordsError) {
    try scalars([(tag, value)], step: step)
  }

  /// Several scalars of one step as one event.
  package func scalars(_ values: [(tag: String, value: Float)], step: Int) throws(RecordsError) {
    try summary(step: step) { summary in
      for (tag, value) in values {
        summary.field(1) {
          $0.field(1, tag)
          $0.field(2, value)
        }
      }
    }
  }

  /// The distribution of the finite ones of `values`.
  package func histogram(_ tag: String, _ values: Span<Float>, step: Int) throws(RecordsError) {
    histogram.count(values)
    let counted = histogram
    try summary(step: step) { summary in
      summary.field(1) {
        $0.field(1, tag)
        $0.field(5) { counted.encode(into: &$0) }
      }
    }
  }

  /// A PNG image; `channels` is 1 for gray and 3 for RGB.
  package func image(
    _ tag: String, png: [UInt8], height: Int, width: Int, channels: Int, step: Int
  ) throws(RecordsError) {
    try summary(step: step) { summary in
      summary.field(1) {
        $0.field(1, tag)
        $0.field(4) {
          $0.field(1, height)
          $0.field(2, width)
          $0.field(3, channels)
          $0.field(4, bytes: png)
        }
      }
    }
  }

  /// A text, shown as Markdown by TensorBoard's text plugin: a string tensor of shape [1].
  package func text(_ tag: String, _ text: String, step: Int) throws(RecordsError) {
    let stringType = 7
    try summary(step: step) { summary in
      summary.field(1) {
        $0.field(1, tag)
        $0.field(8) {
          $0.field(1, stringType)
          $0.field(2) { $0.field(2) { $0.field(1, 1) } }
          $0.field(8, text)
        }
        $0.field(9) { $0.field(1) { $0.field(1, "text") } }
      }
    }
  }

  /// Hands everything written so far to the system. On failure the pending events are dropped.
  package func flush() throws(RecordsError) {
    defer { pending.removeAll(keepingCapacity: true) }
    try RecordsError.files { () throws(FileError) in try file.append(pending, count: pending.count) }
  }

  func summary(step: Int, _ build: (inout ProtoBuffer) -> Void) throws(RecordsError) {
    append(wallTime: Self.now(), step: step) { $0.field(5, build) }
    if pending.count >= Self.flushThreshold { try flush() }
  }

  /// An event as a record: u64 length, masked CRC of the length, event, masked CRC of the event; little-endian.
  private func append(wallTime: Double, step: Int?, _ build: (inout ProtoBuffer) -> Void) {
    message.removeAll()
    message.field(1, wallTime)
    if let step { message.field(2, step) }
    build(&message)
    let start = pending.count
    appendFixed(UInt64(message.bytes.count))
    appendFixed(CRC32C.masked(pending.span.extracting(start..<pending.count)))
    pending.append(contentsOf: message.bytes)
    appendFixed(CRC32C.masked(message.bytes.span))
  }

  private func appendFixed<Value: FixedWidthInteger>(_ value: Value) {
    for shift in stride(from: 0, to: Value.bitWidth, by: 8) {
      pending.append(UInt8(truncatingIfNeeded: value >> Value(shift)))
    }
  }

  /// Seconds since 1970.
  var wallTime: Double { Self.now() }

  private static func now() -> Double { Date().timeIntervalSince1970 }

  private static let prefix = "events.out.tfevents."
  /// Of the seconds in a name, until the year 2286.
  private static let digits = 10

  /// `events.out.tfevents.<seconds>.<host>.<process>.<number>`, in the order of writing when sorted by name: TensorBoard
  /// reads the files in that order. The seconds are those of the clock, or a second after the last of the `names`, where
  /// the clock was set back or another machine's is slow.
  private static func makeFileName(wallTime: Double, among names: [String]) -> String {
    let last = names.lazy.filter { $0.hasPrefix(prefix) }.compactMap { name in
      let seconds = name.dropFirst(prefix.count).prefix { $0 != "." }
      return seconds.count == digits ? Int(seconds) : nil
    }.max()
    let seconds = String(max(Int(wallTime), (last ?? -1) + 1))
    let padded = String(repeating: "0", count: max(0, digits - seconds.count)) + seconds
    let information = ProcessInfo.processInfo
    // Nanoseconds keep two writers of one second and process apart.
    let unique = String(Int((wallTime - wallTime.rounded(.down)) * 1e9))
    return "\(prefix)\(padded).\(information.hostName).\(information.processIdentifier).\(unique)"
  }
}

extension CRC32C {
  /// The checksum as TFRecord stores it: rotated and shifted, so that a CRC over data with CRCs stays good.
  package static func masked(_ bytes: Span<UInt8>) -> UInt32 {
    let value = checksum(bytes.bytes)
    return ((value >> 15) | (value << 17)) &+ 0xA282_EAD8
  }
}
