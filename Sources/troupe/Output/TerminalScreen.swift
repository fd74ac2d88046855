import Foundation

/// Where people's text goes, if that is a terminal on which lines can be drawn again.
struct TerminalScreen: Sendable {
  let isTerminal: Bool
  private let descriptor: Int32
  private let isJSON: Bool

  private static let defaultColumns = 80

  init(_ output: Output) {
    isJSON = output.isJSON
    descriptor = output.isJSON ? STDERR_FILENO : STDOUT_FILENO
    let isDumb = ProcessInfo.processInfo.environment["TERM"].map { $0 == "dumb" } ?? true
    isTerminal = isatty(descriptor) == 1 && !isDumb
  }

  func write(_ text: String) { Output.write(text, to: isJSON ? .standardError : .standardOutput) }

  /// The terminal's width, asked every time because it changes.
  var columns: Int {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return Self.defaultColumns }
    return Int(size.ws_col)
  }
}
