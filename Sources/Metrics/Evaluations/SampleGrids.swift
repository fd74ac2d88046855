import Files
import FoundationEssentials

/// The images that a run drew during training: `samples/step-00001000.png` in its folder, one per step.
package enum SampleGrids {
  package static let folderName = "samples"
  /// A report shows at most this many: the first, the last, and some in between.
  static let mostShown = 6
  /// The most bytes of images in a report of one run.
  package static let byteBudget = 1_000_000

  /// The image after a step.
  package struct Grid: Sendable, Equatable {
    package let step: Int
    package let png: [UInt8]
  }

  package static func name(step: Int) -> String {
    let digits = String(step)
    return "step-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits + ".png"
  }

  private static func step(ofName name: String) -> Int? {
    guard name.hasPrefix("step-"), name.hasSuffix(".png"), let step = Int(name.dropFirst(5).dropLast(4)),
      name == Self.name(step: step)
    else { return nil }
    return step
  }

  /// Writes an image into the run folder, over an earlier one of the same step.
  package static func write(_ png: [UInt8], step: Int, to run: URL) throws(RecordsError) {
    let folder = run.appending(path: folderName)
    try RecordsError.files { () throws(FileError) in
      try FileSystemCalls.real.makeFolder(folder.systemPath)
      try ReplacementFile.write(png, to: folder.appending(path: name(step: step)).systemPath)
    }
  }

  /// Some of the images in a run folder by their steps: the first, the last, and others that fit the budget.
  static func read(in run: URL) -> [Grid] {
    let folder = run.appending(path: folderName)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.systemPath)) ?? []
    let steps = names.compactMap(step(ofName:)).sorted()
    var grids: [Grid] = []
    var left = byteBudget
    for place in order(of: steps.count) {
      let path = folder.appending(path: name(step: steps[place])).systemPath
      guard let png = try? FileSystemCalls.real.contents(of: path, largest: left, followsLinks: false) else { continue }
      left -= png.count
      grids.append(Grid(step: steps[place], png: png))
    }
    return grids.sorted { $0.step < $1.step }
  }

  /// Places of the most important images among `count`: the last, the first, and others at even distances.
  private static func order(of count: Int) -> [Int] {
    guard count > 1 else { return Array(0..<count) }
    let shown = min(count, mostShown)
    let even = (0..<shown).map { $0 * (count - 1) / (shown - 1) }
    return [even[shown - 1], even[0]] + even[1..<shown - 1]
  }
}
