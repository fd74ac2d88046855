import SystemPackage

/// Reads a file line by line through one buffer, however large the file is.
package struct LineReader: ~Copyable {
  /// No honest line is longer: ten thousand tensors need less than one megabyte.
  package static let longestLine = 16 << 20
  private static let bufferSize = 1 << 18

  package enum Line {
    /// The line without its line feed, as a range of `buffer`. `whole` is false for a last line without line feed.
    case bytes(Range<Int>, whole: Bool)
    /// A line beyond `longestLine`, skipped.
    case tooLong
  }

  /// How far a file has been read; worth something only as long as the file is the same.
  package struct Position: Equatable, Sendable {
    fileprivate var file: UInt64
    fileprivate var offset: Int
  }

  package private(set) var buffer: [UInt8]
  private let calls: FileSystemCalls
  private let file: OpenFile
  private var start = 0
  private var end = 0
  private var searched = 0
  private var skipping = false
  private var ended = false
  private let identity: UInt64
  /// Where in the file the buffer begins.
  private var base: Int
  /// Whether reading continues at the position that was asked for.
  package let isContinued: Bool

  /// - Parameter position: where to continue; from the start where the file is another one by now, or shorter.
  package init(
    path: String, from position: Position? = nil, calls: FileSystemCalls = .real
  ) throws(FileError) {
    let file = try calls.open(path)
    let status = try calls.status(of: file)
    self.file = file
    self.calls = calls
    identity = UInt64(status.inode.rawValue)
    if let position, position.file == identity, position.offset <= Int(status.size) {
      isContinued = true
      base = position.offset
    } else {
      isContinued = false
      base = 0
    }
    buffer = [UInt8](repeating: 0, count: Self.bufferSize)
  }

  /// Behind the last line that was returned.
  package var position: Position { Position(file: identity, offset: base + start) }

  /// The next line that is not empty, or nil at the end.
  package mutating func next() throws(FileError) -> Line? {
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

  private mutating func fill() throws(FileError) {
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
    let space = end..<buffer.count
    end += try calls.readPrefix(&buffer, space, from: file, at: base + end)
    ended = end < buffer.count
  }
}
