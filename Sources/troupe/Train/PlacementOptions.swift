import ArgumentParser
import CPlatform
import Files
import Foundation
import Runs

/// Where a run computes, and whether it outlives the program that started it.
struct PlacementOptions: ParsableArguments {
  @Option(help: "Compute on these cores only, such as 0-3 or 0,2; one lane per core by default.")
  var cores: String?

  @Flag(
    help: ArgumentHelp(
      "Save and stop when standard input ends, so that a run does not outlive the program that started it.",
      visibility: .hidden))
  var stopAtEndOfInput = false

  func validate() throws {
    if let cores { try require(list != nil, "--cores \(cores)", "numbers of cores, such as 0-3 or 0,2") }
  }

  var coreCount: Int? { list?.count }

  /// The cores by number; nil where none are named, or not as numbers.
  private var list: [Int32]? {
    guard let cores else { return nil }
    var numbers: Set<Int32> = []
    for part in cores.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int32($0) }
      guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first >= 0,
        first <= last, last < 1024
      else { return nil }
      numbers.formUnion(first...last)
    }
    return numbers.sorted()
  }

  /// Pins all threads; later ones inherit the cores.
  func apply() throws {
    guard let list else { return }
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
    for thread in threads.compactMap({ Int32($0) }) where troupe_pin_thread(thread, list, Int32(list.count)) != 0 {
      // The thread may have ended in the meantime.
      guard errno != ESRCH else { continue }
      throw CommandFailure(
        "--cores \(cores ?? ""): \(String(cString: strerror(errno))); nproc says how many there are", 2)
    }
  }

  /// Asks `request` for a stop as SIGTERM would, once standard input has ended.
  func stopAtEndOfInput(_ request: StopRequest) {
    guard stopAtEndOfInput else { return }
    let reader = Thread {
      let calls = FileSystemCalls.real
      while let bytes = try? calls.receive(from: STDIN_FILENO, "standard input", atMost: 256), !bytes.isEmpty {}
      request.ask(SIGTERM)
    }
    reader.name = "input"
    reader.start()
  }
}
