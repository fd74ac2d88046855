/// Keeps the structures that the library writes for an `HDF5Image`, and of data only their place.
final class HDF5ImageMemory: HDF5Driver {
  /// Of the last dataset written, adjacent pieces joined.
  var data = 0..<0
  private var end = 0
  private var pages: [Int: [UInt8]] = [:]

  private static let pageBytes = 4096

  override var byteCount: Int { end }

  override func read(_ bytes: UnsafeMutableRawBufferPointer, at address: Int) -> Bool {
    bytes.copyBytes(from: self.bytes(in: address..<address + bytes.count))
    return true
  }

  override func write(_ bytes: UnsafeRawBufferPointer, at address: Int, isData: Bool) -> Bool {
    let range = address..<address + bytes.count
    end = max(end, range.upperBound)
    if isData {
      data = data.upperBound == address ? data.lowerBound..<range.upperBound : range
      return true
    }
    Self.forEachPart(of: range) { page, offsets, source in
      pages[page, default: [UInt8](repeating: 0, count: Self.pageBytes)]
        .replaceSubrange(offsets, with: UnsafeRawBufferPointer(rebasing: bytes[source]))
    }
    return true
  }

  func bytes(in range: Range<Int>) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: range.count)
    Self.forEachPart(of: range) { page, offsets, target in
      if let page = pages[page] { bytes.replaceSubrange(target, with: page[offsets]) }
    }
    return bytes
  }

  /// Calls `body` with each part of `range` that lies in one page: its page, its bytes of the page and of the range.
  private static func forEachPart(of range: Range<Int>, _ body: (_ page: Int, Range<Int>, Range<Int>) -> Void) {
    var start = range.lowerBound
    while start < range.upperBound {
      let (page, offset) = start.quotientAndRemainder(dividingBy: pageBytes)
      let count = min(pageBytes - offset, range.upperBound - start)
      let first = start - range.lowerBound
      body(page, offset..<offset + count, first..<first + count)
      start += count
    }
  }
}
