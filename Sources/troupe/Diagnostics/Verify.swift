import ArgumentParser
import Checkpoints
import Configuration
import Foundation
import JSON
import Runs

struct Verify: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check checkpoints: digest of the file, structure, checksum of every tensor.",
    discussion: """
      Examples:
        troupe verify checkpoints/mlp-relu
        troupe verify checkpoints/mlp-relu/step-00000700.h5 --json
      """)

  @Argument(
    help: "A run folder (every checkpoint in it) or one checkpoint file.", completion: .file(),
    transform: expandingTilde)
  var path: String

  @OptionGroup var json: JSONOption

  func run() async throws {
    try await reportingFailures {
      let url = URL(fileURLWithPath: path)
      let isFile = url.pathExtension == "h5" && FileManager.default.fileExists(atPath: path)
      let folder = try CheckpointFolder(isFile ? url.deletingLastPathComponent() : StoredRun.folder(path))
      let checkpoints = try isFile ? nil : folder.all()
      let files = checkpoints?.map(\.url) ?? [url]
      guard !files.isEmpty else { throw CommandFailure("\(path): no checkpoints here", 2) }
      var results: [JSON] = []
      var damaged = 0
      for (number, file) in files.enumerated() {
        do throws(CheckpointError) {
          let summary = try CheckpointFile.verify(at: file)
          let contents = "step \(summary.step), \(summary.tensors.count) tensors, sha256 \(summary.digest)"
          json.output.say("\(file.lastPathComponent): good, \(contents)")
          results.append(
            .object([
              ("file", .string(file.path)), ("step", .integer(summary.step)), ("digest", .string(summary.digest)),
              ("ok", .boolean(true)),
            ]))
        } catch {
          // The retention of a living run is no damage.
          if let checkpoint = checkpoints?[number], folder.isGone(checkpoint) { continue }
          damaged += 1
          json.output.say("damaged: \(error)")
          results.append(
            .object([
              ("file", .string(file.path)),
              ("step", CheckpointFile.step(ofName: file.lastPathComponent).map { .integer($0) } ?? .null),
              ("digest", .null), ("ok", .boolean(false)), ("error", .string(error.description)),
            ]))
        }
      }
      // The result of one file is the object itself; that of a folder is its newest file's, with the list of all.
      if results.isEmpty {
        json.output.say("\(path): the run has removed the \(files.count) checkpoints that were listed; verify it again")
        json.output.result(.object([("checkpoints", .array([])), ("ok", .boolean(true))]))
      }
      if let newest = results.last?.members {
        let all: [(String, JSON)] = results.count > 1 ? [("checkpoints", .array(results))] : []
        json.output.result(.object(newest.map { ($0.key, $0.value) } + all))
      }
      if damaged > 0 { throw CommandFailure("\(damaged) of \(files.count) checkpoints are damaged", 5) }
    }
  }
}
