import Data
import Files
import Formats
import Foundation
import Inference
import JSON
import Runs

/// Images of a diffusion model.
extension Sample {
  func drawImages(_ stored: StoredRun) throws {
    let model = try DiffusionModel(stored)
    let requests = try model.condition.requests(
      classes: images.classes, prompts: prompt, from: .commandLine)
    let count = try imageCount(requests.count)
    let folder = try images.files.map(Self.emptyFolder)
    let settings = try images.process.settings(seed: options.seed, of: model.settings.schedule.steps)
    let stepCount = settings.stepCount(of: model.settings.schedule)
    let strip = images.trajectory.map { _ in ImageSheet.moments(ImageSheet.stripStates, of: stepCount) } ?? []
    let watched = strip.isEmpty ? 0 : min(count, ImageSheet.mostRows)
    let isAsked = images.files != nil || images.trajectory != nil
    let grid = images.output ?? (isAsked ? nil : stored.folder.appending(path: "samples.png").relativePath)
    // Files that cannot be written are refused before the drawing.
    if grid != nil { try ImageSheet.check(count, requests: requests.count, of: model.image.shape) }
    for path in [grid, images.trajectory].compactMap(\.self) {
      try Self.checkFolder(of: path)
      try OwnFile.png.check(path)
    }
    let start = ContinuousClock.now
    let meter = DrawingMeter()
    let drawing = try model.draw(
      (0..<count).map { requests[$0 % requests.count].tokens }, settings, rows: images.process.rows,
      lanes: images.lanes.count, moments: strip, watched: watched,
      sheets: ImageSheet.byteCount(
        model.image.shape, images: max(grid == nil ? 0 : count, watched * strip.count)),
      progress: meter.show)
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    meter.finish()
    let sheet = ImageSheet(drawing, requests: requests.count)
    var written: [(String, JSON)] = []
    func write(_ key: String, _ path: String?, _ file: () throws -> [UInt8]) throws {
      guard let path else { return }
      let isReplaced = FileManager.default.fileExists(atPath: path)
      try ReplacementFile.write(try file(), to: path, replacing: .png)
      json.output.say("wrote \(path)" + (isReplaced ? ", in place of an older file" : ""))
      written.append((key, .string(path)))
    }
    try write("output", grid) { try sheet.grid.png() }
    try write("trajectory", images.trajectory) { try sheet.strip(strip).png() }
    if let folder { written.append(("files", .string(try writeFiles(drawing, requests, into: folder)))) }
    let rate = Double(count) / max(seconds, 1e-9)
    json.output.say(
      String(format: "%d %@ in %.2f s, %.1f per second", count, count == 1 ? "image" : "images", seconds, rate))
    json.output.result(
      .object(
        [
          ("run", .string(source.run)), ("step", .integer(stored.state.step)), ("count", .integer(count)),
          ("height", .integer(drawing.shape[0])), ("width", .integer(drawing.shape[1])),
          ("channels", .integer(drawing.shape[2])), ("sampler", .string(settings.kind.rawValue)),
          ("steps", .integer(stepCount)), ("guidance", .number(settings.guidance)),
          ("seed", .string(String(settings.seed))),
          ("conditions", .array(requests.map { .string($0.text) })), ("columns", .integer(sheet.columns)),
        ] + written + [("seconds", .number(seconds)), ("pictures_per_second", .number(rate))]))
  }

  /// - Parameter requests: the number of different requests, which are drawn in turns.
  private func imageCount(_ requests: Int) throws -> Int {
    if let count = options.count {
      guard (1...ImageOptions.mostImages).contains(count) else {
        throw CommandFailure("--count \(count): expected 1 to \(ImageOptions.mostImages)", 2)
      }
      return count
    }
    guard requests > 1 else { return ImageOptions.defaultCount }
    return min(requests, ImageOptions.defaultCountOfAll) * max(1, ImageOptions.defaultCountOfAll / requests)
  }

  private static func checkFolder(of path: String) throws {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
      throw RunError("\(path): there is no folder \(folder); make it first")
    }
  }

  /// The folder, which must hold no files that could pass for these images.
  private static func emptyFolder(_ path: String) throws -> URL {
    let folder = URL(fileURLWithPath: path, isDirectory: true)
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
      guard isFolder.boolValue else { throw CommandFailure("--files \(path): expected a folder, found a file", 2) }
      guard try FileManager.default.contentsOfDirectory(atPath: path).isEmpty else {
        throw CommandFailure("--files \(path): expected a new or empty folder, found one that holds files", 2)
      }
    }
    return folder
  }

  /// Writes each image as `00042-seven.png`: its number and its request.
  private func writeFiles(_ drawing: ImageDrawing, _ requests: [GenerationRequest], into folder: URL) throws
    -> String
  {
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw CommandFailure("--files \(folder.relativePath): the folder cannot be made: \(error.localizedDescription)")
    }
    for number in 0..<drawing.count {
      let words = requests[number % requests.count].text.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
      let name = String(format: "%05d", number) + (words.isEmpty ? "" : "-" + String(words.prefix(60)))
      let path = folder.appending(path: name + ".png").path
      try ReplacementFile.write(drawing.image(number).png(), to: path, leftovers: .kept)
    }
    json.output.say("wrote \(drawing.count) files into \(folder.relativePath)")
    return folder.relativePath
  }
}
