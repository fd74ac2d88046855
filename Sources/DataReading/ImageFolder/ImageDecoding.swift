import Checksums
import Configuration
import Foundation
import ImageFiles

/// Decodes the images of a collection, all to one size, on all cores.
struct ImageDecoding: Sendable {
  let collection: ImageCollection
  /// The collection's, for messages.
  let path: String
  let channels: Int
  let resizing: ImageResizing
  /// The image whose size all others must have; nil where they are resized.
  let model: String?

  /// Memory that is used from one image to the next.
  struct Workspace {
    fileprivate(set) var file: [UInt8] = []
    fileprivate var picture: [UInt8] = []
    /// The image decoded last: [height, width, channels].
    fileprivate(set) var pixels: [UInt8] = []
  }

  struct Decoded {
    /// [images, height, width, channels]; none where they were only checked.
    var pixels: [UInt8]
    /// CRC32C over the names, sizes and checksums of all files.
    var checksum: UInt32
  }

  /// Values of an image.
  var sampleCount: Int { resizing.height * resizing.width * channels }

  /// Images that a thread decodes one after another.
  private static let pieceCount = 32
  /// Pieces in a round for each core: enough that no core waits long for the others.
  private static let piecesPerCore = 4

  private typealias Piece = Result<(pixels: [UInt8], digest: [UInt8]), DataError>

  /// Decodes every image.
  ///
  /// - Parameter keepsPixels: false to find out only whether each of them can be decoded.
  /// - Throws: for the first image in order that cannot be read.
  func decode(_ items: [ImageFolderLayout.Item], keepsPixels: Bool) throws(DataError) -> Decoded {
    var decoded = Decoded(pixels: [], checksum: 0)
    if keepsPixels { decoded.pixels.reserveCapacity(items.count * sampleCount) }
    // Round by round, so that what is decoded but not in its place yet stays small.
    let round = Self.pieceCount * Self.piecesPerCore * ProcessInfo.processInfo.activeProcessorCount
    for start in stride(from: 0, to: items.count, by: round) {
      let end = min(start + round, items.count)
      let pieces = Parallel.map(count: end - start, chunk: Self.pieceCount) { range in
        decodePiece(items[start + range.lowerBound..<start + range.upperBound], keepsPixels)
      }
      for piece in pieces {
        let (pixels, digest) = try piece.get()
        decoded.pixels += pixels
        decoded.checksum = CRC32C.checksum(digest.span.bytes, from: decoded.checksum)
      }
    }
    return decoded
  }

  private func decodePiece(_ items: ArraySlice<ImageFolderLayout.Item>, _ keepsPixels: Bool) -> Piece {
    var pixels: [UInt8] = []
    if keepsPixels { pixels.reserveCapacity(items.count * sampleCount) }
    var digest: [UInt8] = []
    var workspace = Workspace()
    do throws(DataError) {
      for item in items {
        try decode(item.index, in: &workspace)
        if keepsPixels { pixels += workspace.pixels }
        let crc = CRC32C.checksum(workspace.file.span.bytes)
        digest += Array("\(item.name) \(item.label) \(workspace.file.count) \(crc)\n".utf8)
      }
    } catch {
      return .failure(error)
    }
    return .success((pixels, digest))
  }

  /// Decodes the file number `index` of the collection over `workspace.pixels`.
  func decode(_ index: Int, in workspace: inout Workspace) throws(DataError) {
    try collection.read(index, into: &workspace.file)
    let file = workspace.file
    let header: ImageHeader
    do throws(ImageError) {
      header = try ImageDecoder.decode(file.span.bytes, channels: channels, into: &workspace.picture)
    } catch {
      throw Self.refusal(error, path, collection.names[index])
    }
    let fits = header.width == resizing.width && header.height == resizing.height
    guard model == nil || fits else {
      throw DataError(
        path, at: collection.names[index],
        expected: "\(resizing.height)×\(resizing.width) pixels as in \(model ?? "")",
        found: "\(header.height)×\(header.width)", advice: "set size to resize all images")
    }
    if fits {
      swap(&workspace.picture, &workspace.pixels)
    } else {
      workspace.pixels = resizing.resized(
        workspace.picture, width: header.width, height: header.height, channels: channels)
    }
  }

  /// What an image says of itself.
  static func header(_ collection: ImageCollection, _ index: Int, path: String) throws(DataError) -> ImageHeader {
    var file: [UInt8] = []
    try collection.read(index, into: &file)
    do throws(ImageError) {
      return try ImageHeader(of: file.span.bytes)
    } catch {
      throw refusal(error, path, collection.names[index])
    }
  }

  private static func refusal(_ error: ImageError, _ path: String, _ name: String) -> DataError {
    DataError(path, at: "\(name): \(error.place)", expected: error.expected, found: error.found, advice: error.advice)
  }
}
