import Foundation
import SystemPackage

/// A stream for people, and whether it is a terminal on which lines can be drawn again.
struct TerminalScreen: Sendable {
  let isTerminal: Bool
  private let stream: FileDescriptor

  static let eraseLine = "\r\u{1B}[K"
  private static let defaultColumns = 80
  private static let defaultRows = 24

  init(_ stream: FileDescriptor) {
    self.stream = stream
    let isDumb = ProcessInfo.processInfo.environment["TERM"].map { $0 == "dumb" } ?? true
    isTerminal = isatty(stream.rawValue) == 1 && !isDumb
  }

  func write(_ text: String) { Output.write(text, to: stream) }

  /// The width, read every time because it changes.
  var columns: Int { size.columns ?? Self.defaultColumns }

  var rows: Int { size.rows ?? Self.defaultRows }

  private var size: (columns: Int?, rows: Int?) {
    var size = winsize()
    guard ioctl(stream.rawValue, UInt(TIOCGWINSZ), &size) == 0 else { return (nil, nil) }
    return (size.ws_col > 0 ? Int(size.ws_col) : nil, size.ws_row > 1 ? Int(size.ws_row) : nil)
  }
}
