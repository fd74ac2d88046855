/// A piece of memory that a file is read through, block by block.
package struct FileBlock {
  private var memory: [UInt8]

  package init(byteCount: Int) { memory = [UInt8](repeating: 0, count: byteCount) }

  /// Calls `body` with each block of `range` and where it starts.
  package mutating func forEach(
    of file: borrowing OpenFile, in range: Range<Int>, calls: FileSystemCalls = .real,
    _ body: (RawSpan, _ offset: Int) -> Void
  ) throws(FileError) {
    for offset in stride(from: range.lowerBound, to: range.upperBound, by: memory.count) {
      let block = 0..<min(memory.count, range.upperBound - offset)
      var span = memory.mutableSpan
      var bytes = span.mutableBytes
      try calls.read(&bytes, block, from: file, at: offset)
      body(memory.span.extracting(block).bytes, offset)
    }
  }
}
