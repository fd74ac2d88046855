import Glibc

/// Reads a file line by line through one buffer, however large the file is.
struct LineReader: ~Copyable {
  /// No honest line is longer: ten thousand tensors need less than one megabyte.
  static let longestLine = 16 << 20

  enum Line {
    /// The line without its line feed, as a range of `buffer`. `whole` is false for a last line without line feed.
    case bytes(Range<Int>, whole: Bool)
    /// A line beyond `longestLine`, skipped.
    case tooLong
  }

  /// How far a file has been read; worth something only as long as the file is the same.
  struct Position: Equatable, Sendable {
    fileprivate var file: UInt64
    fileprivate var offset: Int
  }

  private let path: String
  private(set) var buffer: [UInt8]
  private let descriptor: Int32
  private var start = 0
  private var end = 0
  private var searched = 0
  private var skipping = false
  private var ended = false
  private let file: UInt64
  /// Where in the file the buffer begins.
  private var base: Int
  /// Whether reading went on at the position that was asked for.
  let isContinued: Bool

  /// - Parameter position: where to go on; from the start where the file is another one by now, or shorter.
  init(path: String, from position: Position? = nil) throws(RecordsError) {
    // O_NONBLOCK: opening a pipe must not wait for a writer.
    let opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if opened < 0 { throw errno == ENOENT ? .noRecords(path: path) : LogFile.failure(path, "open for reading") }
    // A device or a pipe could go on for ever.
    var status = stat()
    guard fstat(opened, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(opened)
      throw .file(path: path, operation: "read", reason: "it is not a regular file")
    }
    var beginning: Int?
    if let position, position.file == UInt64(status.st_ino), position.offset <= Int(status.st_size) {
      beginning = position.offset
    }
    if let beginning, lseek(opened, off_t(beginning), SEEK_SET) < 0 {
      let error = LogFile.failure(path, "seek")
      close(opened)
      throw error
    }
    file = UInt64(status.st_ino)
    isContinued = beginning != nil
    base = beginning ?? 0
    self.path = path
    descriptor = opened
    buffer = [UInt8](repeating: 0, count: 1 << 18)
  }

  deinit { close(descriptor) }

  /// Behind the last line that was returned.
  var position: Position { Position(file: file, offset: base + start) }

  /// The next line that is not empty, or nil at the end.
  mutating func next() throws(RecordsError) -> Line? {
    while true {
      if let feed = firstFeed() {
        let line = start..<feed
        start = feed + 1
        searched = start
        if skipping {
          skipping = false
          return .tooLong
        }
        if !line.isEmpty { return .bytes(line, whole: true) }
      } else if ended {
        let line = start..<end
        start = end
        searched = end
        if skipping {
          skipping = false
          return .tooLong
        }
        return line.isEmpty ? nil : .bytes(line, whole: false)
      } else {
        try fill()
      }
    }
  }

  private mutating func firstFeed() -> Int? {
    let place = Self.firstFeed(in: buffer.span, searched..<end)
    searched = place ?? end
    return place
  }

  private static func firstFeed(in bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
    for place in range where bytes[place] == UInt8(ascii: "\n") { return place }
    return nil
  }

  private mutating func fill() throws(RecordsError) {
    if end - start > Self.longestLine { skipping = true }
    if skipping { start = end }
    if start > 0 {
      base += start
      buffer.replaceSubrange(0..<(end - start), with: buffer[start..<end])
      end -= start
      searched -= start
      start = 0
    }
    if end == buffer.count { buffer.append(contentsOf: repeatElement(0, count: buffer.count)) }
    let space = buffer.count - end
    var received = -1
    repeat {
      received = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress.map { $0 + end }, space) }
    } while received < 0 && errno == EINTR
    if received < 0 { throw LogFile.failure(path, "read") }
    end += received
    ended = received == 0
  }
}
