import Data
import Files
import Formats
import Foundation
import Runs

extension Predictor {
  /// An image in the size and channels of the model's data.
  package struct Adapted: Sendable {
    package let image: Image
    /// Such as "resized from 640×480 to 28×28" and "made gray"; empty for an image that fits.
    package let changes: [String]
  }

  package func adapt(_ image: Image) -> Adapted {
    adapt(image.converted(toChannels: source.shape[2]), fileChannels: image.channels)
  }

  /// Reads a PNG or JPEG file as the data were read.
  ///
  /// - Throws: an error of one line that begins with the path.
  package func adapt(file path: String) throws(RunError) -> Adapted {
    let bytes = try Self.bytes(of: path)
    var pixels: [UInt8] = []
    do throws(ImageError) {
      let header = try ImageDecoder.decode(bytes.span.bytes, channels: source.shape[2], into: &pixels)
      let image = Image(width: header.width, height: header.height, channels: source.shape[2], bytes: pixels)
      return adapt(image, fileChannels: header.channels)
    } catch {
      throw RunError("\(path): \(error)")
    }
  }

  /// - Parameters:
  ///   - image: with the model's channels.
  ///   - fileChannels: the channels of the given image.
  private func adapt(_ image: Image, fileChannels: Int) -> Adapted {
    var changes: [String] = []
    if (image.width, image.height) != (resizing.width, resizing.height) {
      let how = resizing.mode == .crop ? "resized and cropped" : "resized"
      changes.append("\(how) from \(image.width)×\(image.height) to \(resizing.width)×\(resizing.height)")
    }
    if fileChannels != image.channels { changes.append(image.channels == 1 ? "made gray" : "gray as three colors") }
    return Adapted(image: resizing.resized(image), changes: changes)
  }

  /// In bytes; a larger file is hardly one sample.
  private static let largestFile = 256 << 20

  private static func bytes(of path: String) throws(RunError) -> [UInt8] {
    try RunError.files { () throws(FileError) in try FileSystemCalls.real.contents(of: path, largest: largestFile) }
  }
}
