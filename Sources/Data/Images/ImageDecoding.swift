import Configuration
import Files
import Formats
import Foundation

/// Decodes the images of a collection, all to one size, on all cores.
struct ImageDecoding: Sendable {
  let collection: ImageCollection
  /// The collection's, for messages.
  let path: String
  let channels: Int
  let resizing: ImageResizing
  /// The image whose size all others must have; nil where they are resized.
  let model: String?
  let policy: BadSamplePolicy

  /// Memory that is used again for the next image.
  struct Workspace {
    fileprivate(set) var file: [UInt8] = []
    fileprivate var decoded: [UInt8] = []
    /// The image decoded last: [height, width, channels].
    fileprivate(set) var pixels: [UInt8] = []
  }

  struct Decoded {
    /// [images, height, width, channels]; none where they were only checked.
    var pixels: [UInt8] = []
    /// The images that can be read.
    var items: [ImageFolderLayout.Item] = []
    /// The others.
    var skipped: [SkippedSamples.Item] = []
    /// CRC32C over the names, sizes and checksums of all files that can be read.
    var checksum: UInt32 = 0
  }

  /// Values of an image.
  var sampleCount: Int { resizing.height * resizing.width * channels }

  /// Images that a thread decodes one after another.
  private static let pieceCount = 32
  /// Pieces per core in a round: enough that no core waits long for the others.
  private static let piecesPerCore = 4

  private struct Piece {
    var pixels: [UInt8] = []
    var items: [ImageFolderLayout.Item] = []
    var skipped: [SkippedSamples.Item] = []
    var digest: [UInt8] = []
  }

  /// Decodes every image.
  ///
  /// - Parameter keepsPixels: false to find out only whether each of them can be decoded.
  /// - Throws: for the first image in order that cannot be read and is not skipped.
  func decode(_ items: [ImageFolderLayout.Item], keepsPixels: Bool) throws(DataError) -> Decoded {
    var decoded = Decoded()
    if keepsPixels { decoded.pixels.reserveCapacity(items.count * sampleCount) }
    // Round by round, so that few decoded images wait for their place.
    let round = Self.pieceCount * Self.piecesPerCore * ProcessInfo.processInfo.activeProcessorCount
    for start in stride(from: 0, to: items.count, by: round) {
      let end = min(start + round, items.count)
      let pieces = Parallel.map(count: end - start, chunk: Self.pieceCount) { range in
        decodePiece(items[start + range.lowerBound..<start + range.upperBound], keepsPixels)
      }
      for piece in pieces {
        let piece = try piece.get()
        decoded.pixels += piece.pixels
        decoded.items += piece.items
        decoded.skipped += piece.skipped
        decoded.checksum = CRC32C.checksum(piece.digest.span.bytes, from: decoded.checksum)
      }
    }
    return decoded
  }

  private func decodePiece(
    _ items: ArraySlice<ImageFolderLayout.Item>, _ keepsPixels: Bool
  ) -> Result<Piece, DataError> {
    var piece = Piece()
    if keepsPixels { piece.pixels.reserveCapacity(items.count * sampleCount) }
    var workspace = Workspace()
    for item in items {
      do throws(ImageFailure) {
        let header = try tryDecoding(item.index, in: &workspace)
        if keepsPixels { piece.pixels += workspace.pixels }
        let crc = CRC32C.checksum(workspace.file.span.bytes)
        // Versions that did not turn images read others from the same bytes.
        let turned = header.orientation == .upright ? "" : " turned"
        piece.digest += Array("\(item.name) \(item.label) \(workspace.file.count) \(crc)\(turned)\n".utf8)
        piece.items.append(item)
      } catch {
        let name = collection.names[item.index]
        guard policy == .skip, case .badSample(let reason) = error else {
          return .failure(error.refusal(path, name, policy))
        }
        piece.skipped.append(SkippedSamples.Item(name, reason))
      }
    }
    return .success(piece)
  }

  /// Decodes the file number `index` of the collection over `workspace.pixels`.
  func decode(_ index: Int, in workspace: inout Workspace) throws(DataError) {
    do throws(ImageFailure) {
      _ = try tryDecoding(index, in: &workspace)
    } catch {
      throw error.refusal(path, collection.names[index], policy)
    }
  }

  private func tryDecoding(_ index: Int, in workspace: inout Workspace) throws(ImageFailure) -> ImageHeader {
    let header = try Self.decode(
      index, of: collection, channels: channels, through: &workspace.file, into: &workspace.decoded)
    let fits = header.width == resizing.width && header.height == resizing.height
    guard model == nil || fits else {
      throw .other(
        DataError(
          path, at: collection.names[index],
          expected: "\(resizing.height)×\(resizing.width) pixels as in \(model ?? "")",
          found: "\(header.height)×\(header.width)", advice: "set size to resize all images"))
    }
    if fits {
      swap(&workspace.decoded, &workspace.pixels)
    } else {
      workspace.pixels = resizing.resized(
        workspace.decoded, width: header.width, height: header.height, channels: channels)
    }
    return header
  }

  private static func decode(
    _ index: Int, of collection: ImageCollection, channels: Int, through file: inout [UInt8],
    into pixels: inout [UInt8]
  ) throws(ImageFailure) -> ImageHeader {
    try collection.read(index, into: &file)
    do throws(ImageError) {
      return try ImageDecoder.decode(file.span.bytes, channels: channels, into: &pixels)
    } catch {
      throw .badSample(error)
    }
  }

  /// The header of an image.
  static func header(_ collection: ImageCollection, _ index: Int) throws(ImageFailure) -> ImageHeader {
    var file: [UInt8] = []
    try collection.read(index, into: &file)
    do throws(ImageError) {
      return try ImageHeader(of: file.span.bytes)
    } catch {
      throw .badSample(error)
    }
  }

  /// The first of the images `indices` that is not skipped, with its header; nil where all are.
  ///
  /// The header alone is not enough to decide: the data behind it may be damaged, and so may the size in it.
  static func model(
    among indices: [Int], of collection: ImageCollection, path: String, _ policy: BadSamplePolicy
  ) throws(DataError) -> (index: Int, header: ImageHeader)? {
    var (file, pixels): ([UInt8], [UInt8]) = ([], [])
    for index in indices {
      do throws(ImageFailure) {
        return switch policy {
        case .fail: (index, try header(collection, index))
        case .skip: (index, try decode(index, of: collection, channels: 3, through: &file, into: &pixels))
        }
      } catch {
        guard policy == .skip, case .badSample = error else {
          throw error.refusal(path, collection.names[index], policy)
        }
      }
    }
    return nil
  }
}
