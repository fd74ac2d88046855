import Checksums
import Configuration
import Dispatch
import Foundation
import ImageFiles
import Synchronization

/// Decodes the images of a collection, all to one size, on all cores.
struct ImageDecoding: Sendable {
  let collection: ImageCollection
  /// The collection's, for messages.
  let path: String
  let channels: Int
  let resizing: ImageResizing
  /// The image whose size all others must have; nil where they are resized.
  let model: String?

  struct Decoded {
    /// [images, height, width, channels].
    var pixels: [UInt8]
    /// CRC32C over the names, sizes and checksums of all files.
    var checksum: UInt32
  }

  /// Images that a thread decodes one after another.
  private static let pieceCount = 32
  /// Pieces in a round for each core: enough that no core waits long for the others.
  private static let piecesPerCore = 4

  private typealias Piece = Result<(pixels: [UInt8], digest: [UInt8]), DataError>

  /// - Throws: for the first image in order that cannot be read.
  func decode(_ items: [ImageFolderLayout.Item]) throws(DataError) -> Decoded {
    var decoded = Decoded(pixels: [], checksum: 0)
    decoded.pixels.reserveCapacity(items.count * resizing.height * resizing.width * channels)
    // Round by round, so that what is decoded but not in its place yet stays small.
    let round = Self.pieceCount * Self.piecesPerCore * ProcessInfo.processInfo.activeProcessorCount
    for start in stride(from: 0, to: items.count, by: round) {
      let end = min(start + round, items.count)
      let count = (end - start + Self.pieceCount - 1) / Self.pieceCount
      let pieces = Mutex([Piece?](repeating: nil, count: count))
      DispatchQueue.concurrentPerform(iterations: count) { number in
        let first = start + number * Self.pieceCount
        let piece = decodePiece(items[first..<min(first + Self.pieceCount, end)])
        pieces.withLock { $0[number] = piece }
      }
      for piece in pieces.withLock({ $0.compactMap(\.self) }) {
        let (pixels, digest) = try piece.get()
        decoded.pixels += pixels
        decoded.checksum = CRC32C.checksum(digest.span.bytes, from: decoded.checksum)
      }
    }
    return decoded
  }

  private func decodePiece(_ items: ArraySlice<ImageFolderLayout.Item>) -> Piece {
    var pixels: [UInt8] = []
    pixels.reserveCapacity(items.count * resizing.height * resizing.width * channels)
    var digest: [UInt8] = []
    var picture: [UInt8] = []
    do throws(DataError) {
      for item in items {
        let file = try collection.bytes(item.index)
        let header = try decode(file, item.index, into: &picture)
        pixels += resizing.resized(picture, width: header.width, height: header.height, channels: channels)
        let crc = CRC32C.checksum(file.span.bytes)
        digest += Array("\(item.name) \(item.label) \(file.count) \(crc)\n".utf8)
      }
    } catch {
      return .failure(error)
    }
    return .success((pixels, digest))
  }

  private func decode(_ file: [UInt8], _ index: Int, into picture: inout [UInt8]) throws(DataError) -> ImageHeader {
    let header: ImageHeader
    do throws(ImageError) {
      header = try ImageDecoder.decode(file.span.bytes, channels: channels, into: &picture)
    } catch {
      throw Self.refusal(error, path, collection.names[index])
    }
    guard model == nil || (header.width == resizing.width && header.height == resizing.height) else {
      throw DataError(
        path, at: collection.names[index],
        expected: "\(resizing.height)×\(resizing.width) pixels as in \(model ?? "")",
        found: "\(header.height)×\(header.width)", advice: "set size to resize all images")
    }
    return header
  }

  /// What an image says of itself.
  static func header(_ collection: ImageCollection, _ index: Int, path: String) throws(DataError) -> ImageHeader {
    let file = try collection.bytes(index)
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
