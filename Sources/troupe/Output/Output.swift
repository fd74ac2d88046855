import ArgumentParser
import Foundation
import JSON
import Synchronization
import SystemPackage

/// Prints for people and for programs; every text that comes from data, folders or files passes through `escaped`.
struct Output {
  /// Whether the last line on stdout must be one JSON object.
  let isJSON: Bool

  /// Where people's text goes: to stderr where stdout belongs to a program.
  var stream: FileDescriptor { isJSON ? .standardError : .standardOutput }

  /// A line for people.
  func say(_ line: String) { Output.write(line.escaped(keeping: ["\t"]) + "\n", to: stream) }

  /// Several lines for people.
  func sayLines(_ text: String) { Output.write(text.escaped(keeping: ["\t", "\n"]) + "\n", to: stream) }

  /// The text of a model or of tokens: exact, but for what would command a terminal.
  func show(_ text: String) {
    Output.write(TerminalScreen(stream).isTerminal ? text.escaped(keeping: ["\t", "\n"]) : text, to: stream)
  }

  /// The command's result, for programs.
  func result(_ json: JSON) {
    if isJSON { Output.write(json.compactText.escaped(keeping: []) { $0.jsonEscape } + "\n", to: .standardOutput) }
  }

  static func note(_ line: String) { Output(isJSON: true).say(line) }

  /// One line, whatever the message holds.
  static func complain(_ text: String) {
    note("troupe: error: " + text.split(whereSeparator: \.isNewline).joined(separator: " "))
  }

  /// The first error of standard output other than a reader that went away.
  private static let lostOutput = Mutex<Errno?>(nil)

  /// Writes text as it is, with the control sequences that move a terminal's cursor.
  static func write(_ text: String, to stream: FileDescriptor) {
    do {
      try stream.writeAll(text.utf8)
    } catch Errno.brokenPipe {
      // A reader that has gone away (head, a closed pager) is no reason to stop training.
    } catch {
      guard stream == .standardOutput, let error = error as? Errno else { return }
      lostOutput.withLock { $0 = $0 ?? error }
    }
  }

  /// Ends the process, with an error where standard output could not be written: its reader lacks the result.
  static func exit(_ code: ExitCode) -> Never {
    // Some file systems report a full disk only when the file is closed.
    do { try FileDescriptor.standardOutput.close() } catch { lostOutput.withLock { $0 = $0 ?? error as? Errno } }
    guard let error = lostOutput.withLock(\.self), code.isSuccess else { Foundation.exit(code.rawValue) }
    complain("standard output: \(error); the result is lost")
    Foundation.exit(ExitCode.failure.rawValue)
  }
}
