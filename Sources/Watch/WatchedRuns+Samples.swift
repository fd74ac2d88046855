import Files
import Foundation
import Metrics
import Reports

// The pictures that runs draw.
extension WatchedRuns {
  /// Pictures of a run that are shown: its newest.
  private static let mostSamples = 12
  /// Larger pictures are not served.
  private static let largestPicture = 32 << 20

  /// The newest pictures of a run.
  package func samples(of id: Int) -> [Report.Sample] {
    guard let run = place(of: id) else { return [] }
    let place = run.appending(path: SampleGrids.folderName)
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: place.path)) ?? []).filter(Self.isPicture)
      .sorted()
    return names.suffix(Self.mostSamples).map { name in
      Report.Sample(
        run: RunSearch.name(of: run, in: folder), id: id, name: name,
        changed: Self.changeTime(place.appending(path: name)))
    }
  }

  /// A picture of a run, if it is one that `samples` names.
  package func sample(of id: Int, name: String) -> [UInt8]? {
    guard samples(of: id).contains(where: { $0.name == name }), let run = place(of: id) else { return nil }
    let path = run.appending(path: SampleGrids.folderName).appending(path: name).path
    return try? FileSystemCalls.real.contents(of: path, largest: Self.largestPicture, followsLinks: false)
  }

  private static func isPicture(_ name: String) -> Bool {
    name.hasSuffix(".png") && !name.hasPrefix(".") && !name.contains("/")
  }
}
