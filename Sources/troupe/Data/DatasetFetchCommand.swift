import ArgumentParser
import Data
import Foundation
import Synchronization

extension DatasetCommand {
  struct Fetch: AsyncParsableCommand {
    private static let names = DatasetSource.all.map(\.name)

    static let configuration = CommandConfiguration(
      abstract: "Download a public data set, check it, and unpack it.",
      discussion: """
        Examples:
          troupe dataset fetch mnist
          troupe dataset fetch cifar10 --into /data/cifar10

        An interrupted download continues where it stopped. A folder that exists is
        never overwritten.
        """)

    @Argument(help: "One of \(names.joined(separator: ", ")).")
    var name: String

    @Option(
      help: "The folder to make. (default: Datasets/<name>)", completion: .directory,
      transform: expandingTilde)
    var into: String?

    @Option(help: "Another address with the same files, instead of their public one.")
    var from: String?

    @OptionGroup var json: JSONOption

    func run() async throws {
      try await reportingFailures {
        guard let source = DatasetSource.all.first(where: { $0.name == name }) else {
          throw CommandFailure("\(name): expected one of \(Self.names.joined(separator: ", "))", 2)
        }
        let folder = into ?? "Datasets/\(name)"
        let lines = FetchLines(output: json.output)
        try await DatasetFetch(source, into: folder, from: from).run { lines.show($0) }
        json.output.say("\(name) is in \(folder)")
        json.output.result(.object([("name", .string(name)), ("folder", .string(folder))]))
      }
    }
  }
}

/// A fetch as lines of text; on a terminal, the last one moves.
private final class FetchLines: Sendable {
  private let output: Output
  private let screen = TerminalScreen(.standardError)
  /// The last share drawn, in percent.
  private let drawn = Mutex(-1)

  init(output: Output) { self.output = output }

  func show(_ event: DatasetFetch.Event) {
    switch event {
    case .begins(let file, let url):
      drawn.withLock { $0 = -1 }
      output.say("downloading \(file) from \(url)")
    case .has(let file): output.say("\(file) exists already")
    case .unpacks(let file): output.say("unpacking \(file)")
    case .receives(let file, let bytes, let total):
      guard screen.isTerminal, let total, total > 0 else { return }
      let percent = bytes * 100 / total
      guard
        drawn.withLock({ last in
          defer { last = percent }
          return last != percent
        })
      else { return }
      let megabytes = String(format: "%.1f of %.1f MB", Double(bytes) / 1e6, Double(total) / 1e6)
      let end = bytes >= total ? "\n" : ""
      screen.write(TerminalScreen.eraseLine + "\(file) \(percent)% \(megabytes)\(end)")
    }
  }
}
