import Checkpoints
import Configuration
import Data
import Foundation
import JSON
import Metrics

/// A run that is on the disk, looked at without training on: its configuration and one of its checkpoints.
package struct StoredRun: Sendable {
  package let folder: URL
  package let configuration: RunConfiguration
  private let file: OpenCheckpoint
  package let state: RunState

  /// Which checkpoint to look at.
  package enum Choice: Sendable, Equatable {
    case newest, best
    case step(Int)

    package init?(_ text: String) {
      switch text {
      case "newest": self = .newest
      case "best": self = .best
      default:
        guard let step = Int(text), step >= 0 else { return nil }
        self = .step(step)
      }
    }
  }

  /// - Parameters:
  ///   - path: a run folder, or one of its checkpoint files.
  ///   - places: where the data lie now, in the form of `--set`; by default where the run last had them.
  ///   - say: told of damaged checkpoints that were passed over.
  package init(_ path: String, _ choice: Choice = .newest, places: [String] = [], say: (String) -> Void) throws {
    let url = URL(fileURLWithPath: path)
    if url.pathExtension == "h5" {
      folder = url.deletingLastPathComponent()
      file = try OpenCheckpoint(url)
    } else {
      folder = try Self.folder(path)
      file = try Self.open(choice, in: url, path, say: say)
    }
    let checkpoint = file.summary
    let written = try checkpoint.metadata.configuration(of: checkpoint.url)
    // A run that was resumed with moved data has checkpoints from before.
    let last = RunFolder.holdsRun(folder) ? (try? RunConfiguration(RunFolder.configuration(of: folder))) : nil
    let found = try last.map { (last) throws(ConfigurationError) in try written.takingPlaces(of: last) } ?? written
    configuration = places.isEmpty ? found : try found.takingPlaces(places)
    state = try checkpoint.metadata.runState(of: checkpoint.url)
  }

  /// So often a living run may remove the chosen checkpoint before it is open.
  private static let mostAttempts = 10

  private static func open(
    _ choice: Choice, in url: URL, _ path: String, say: (String) -> Void
  ) throws -> OpenCheckpoint {
    for attempt in 1... {
      guard let newest = try CheckpointFolder(url).openNewestGood(report: say) else { break }
      do {
        return try choose(choice, newest, in: url)
      } catch let error as CheckpointError where error.code == ENOENT && attempt < mostAttempts {
        continue
      }
    }
    throw RunError("\(path): expected a run's folder with a checkpoint in it, found no good one")
  }

  /// The folder at `path`, which must be there: everything else can then be said of a run.
  package static func folder(_ path: String) throws(RunError) -> URL {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw RunError(.configuration, "\(path): expected a run folder or a checkpoint, found nothing of that name")
    }
    guard isFolder.boolValue else {
      throw RunError(.configuration, "\(path): expected a run folder or a checkpoint (.h5), found another file")
    }
    return URL(fileURLWithPath: path, isDirectory: true)
  }

  private static func choose(
    _ choice: Choice, _ newest: OpenCheckpoint, in folder: URL
  ) throws -> OpenCheckpoint {
    let step: Int
    switch choice {
    case .newest: return newest
    case .step(let wanted):
      step = wanted
      let steps = try CheckpointFolder(folder).all().map(\.step)
      guard steps.contains(wanted) else {
        let known = steps.map(String.init).joined(separator: ", ")
        throw RunError(
          .configuration, "\(folder.relativePath): no checkpoint of step \(wanted); there are \(known)")
      }
    case .best:
      let summary = newest.summary
      guard let best = try summary.metadata.runState(of: summary.url).best.first else {
        throw RunError(
          "\(folder.path): no checkpoint was ever the best (none was written right after an evaluation); use newest")
      }
      step = best.step
    }
    if step == newest.summary.step { return newest }
    return try OpenCheckpoint(folder.appending(path: CheckpointFile.name(step: step)))
  }

  package var checkpoint: CheckpointSummary { file.summary }

  /// Fills tensors from the checkpoint.
  package func read(into tensors: [CheckpointTensor]) throws(CheckpointError) { try file.read(into: tensors) }

  /// The run's data as the checkpoint standardizes them.
  ///
  /// - Parameters:
  ///   - allowsOthers: whether other data of the same classes and tokens are accepted.
  ///   - say: receives messages about the data.
  /// - Throws: for other data: labels may have changed places, and samples to validate may have been trained on.
  package func openData(allowsOthers: Bool = false, say: (String) -> Void = { _ in }) throws -> Dataset {
    let metadata = checkpoint.metadata
    let data = try configuration.openData(standardization: metadata.standardization(of: checkpoint.url), say: say)
    try metadata.checkTokenizer(data, of: checkpoint.url)
    try metadata.checkClasses(data, of: checkpoint.url)
    if let difference = metadata.difference(of: data, from: checkpoint.url) {
      guard allowsOthers else {
        throw RunError(.configuration, "\(difference); restore them; evaluate --other-data takes others")
      }
      say(difference)
    }
    return data
  }

  /// The run's plan on its data; parameters as of `openData`.
  package func plan(
    lanes: Int, allowsOtherData: Bool = false, say: (String) -> Void = { _ in }
  ) throws -> RunPlan {
    let data = try openData(allowsOthers: allowsOtherData, say: say)
    return try RunPlan(configuration, data: data, lanes: lanes)
  }

  /// Whether the checkpoint lies in its run's folder, which evaluations are kept in.
  package var isInRunFolder: Bool { RunFolder.holdsRun(folder) }
}
