import Files
import Foundation
import Metrics
import Reports

// The images that runs draw.
extension WatchedRuns {
  /// Images per run; the newest are shown.
  private static let mostSamples = 12
  /// In bytes; larger images are not served.
  private static let largestImage = 32 << 20

  /// The newest images of a run.
  package func samples(of id: Int) -> [Report.Sample] {
    guard let run = place(of: id) else { return [] }
    let place = run.appending(path: SampleGrids.folderName)
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: place.path)) ?? []).filter(Self.isImage)
      .sorted()
    return names.suffix(Self.mostSamples).map { name in
      Report.Sample(
        run: RunSearch.name(of: run, in: folder), id: id, name: name,
        changed: Self.changeTime(place.appending(path: name)))
    }
  }

  /// An image of a run, if `samples` names it.
  package func sample(of id: Int, name: String) -> [UInt8]? {
    guard samples(of: id).contains(where: { $0.name == name }), let run = place(of: id) else { return nil }
    let path = run.appending(path: SampleGrids.folderName).appending(path: name).path
    return try? FileSystemCalls.real.contents(of: path, largest: Self.largestImage, followsLinks: false)
  }

  private static func isImage(_ name: String) -> Bool {
    name.hasSuffix(".png") && !name.hasPrefix(".") && !name.contains("/")
  }
}
