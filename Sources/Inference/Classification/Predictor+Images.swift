import Data
import Formats
import Foundation
import Runs

extension Predictor {
  /// One picture, brought into the form that the model takes, and what had to be done to it.
  package struct Adapted: Sendable {
    package let image: Image
    /// Such as "resized from 640×480 to 28×28" and "made grey"; empty for a picture that fits.
    package let changes: [String]
  }

  package func adapt(_ image: Image) -> Adapted {
    adapt(image.converted(toChannels: source.shape[2]), fileChannels: image.channels)
  }

  /// Reads a PNG or JPEG file as data are read.
  ///
  /// - Throws: in one line that begins with the path.
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
  ///   - image: of the model's channels.
  ///   - fileChannels: what it had before.
  private func adapt(_ image: Image, fileChannels: Int) -> Adapted {
    var changes: [String] = []
    if (image.width, image.height) != (resizing.width, resizing.height) {
      let how = resizing.mode == .crop ? "resized and cropped" : "resized"
      changes.append("\(how) from \(image.width)×\(image.height) to \(resizing.width)×\(resizing.height)")
    }
    if fileChannels != image.channels { changes.append(image.channels == 1 ? "made grey" : "grey as three colours") }
    return Adapted(image: resizing.resized(image), changes: changes)
  }

  /// A larger file is hardly a picture of one sample.
  private static let largestFile = 256 << 20

  private static func bytes(of path: String) throws(RunError) -> [UInt8] {
    let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: target) else {
      throw RunError("\(path): no such file")
    }
    let type = attributes[.type] as? FileAttributeType
    guard type == .typeRegular, let size = attributes[.size] as? Int else {
      throw RunError("\(path): expected an image file, found \(type == .typeDirectory ? "a folder" : "something else")")
    }
    guard size <= largestFile else {
      throw RunError("\(path): expected an image of at most \(largestFile >> 20) MiB, found \(size >> 20) MiB")
    }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw RunError("\(path): cannot be read; check its permissions")
    }
    return Array(data)
  }
}
