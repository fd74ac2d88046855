import Files
import Glibc
import JSON

/// Messages between a process and the one that reads for it: JSON values, each on a line.
struct HDF5Channel {
  private let socket: Int32
  private var received: [UInt8] = []

  /// More than the description of any file that is not refused.
  private static let largestMessage = 256 << 20
  private static let pieceBytes = 1 << 16
  private static let lineEnd: UInt8 = 0x0A

  init(_ socket: Int32) { self.socket = socket }

  /// - Returns: false where the other process is gone.
  func send(_ message: JSON) -> Bool {
    let bytes = Array(message.compactText.utf8) + [Self.lineEnd]
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes { all in
        let rest = all[sent...]
        return Glibc.send(
          socket, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count, Int32(MSG_NOSIGNAL))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }

  /// Waits for a message; nil where the other process is gone.
  mutating func receive() -> JSON? {
    var searched = 0
    while true {
      if let end = received[searched...].firstIndex(of: Self.lineEnd) {
        let line = received[..<end]
        defer { received.removeSubrange(...end) }
        return try? JSONParser.parse(Array(line).span, file: "message")
      }
      searched = received.count
      guard let piece = try? FileSystemCalls.real.receive(from: socket, "socket", atMost: Self.pieceBytes),
        !piece.isEmpty, received.count + piece.count <= Self.largestMessage
      else { return nil }
      received += piece
    }
  }
}

/// A request to the reading process.
struct HDF5Request: JSONRecord {
  enum Operation: String, JSONValue { case open, names, objects, dataset, read, labels }

  var operation = Operation.open
  /// Of a dataset, or of a file that may lead to others; empty for the file that the process has inherited.
  var name = ""
  /// Of `read`: the rows, the type in memory, and where in the shared memory they go.
  var start = 0
  var count = 0
  var type = HDF5MemoryType.float32
  var offset = 0

  init() {}

  init(_ operation: Operation, _ name: String = "") {
    self.operation = operation
    self.name = name
  }

  mutating func code(_ coder: inout JSONCoder) {
    coder.member("operation", &operation)
    coder.member("name", &name)
    coder.member("start", &start)
    coder.member("count", &count)
    coder.member("type", &type)
    coder.member("offset", &offset)
  }
}

/// Its answer: the members that the operation gives, or an error.
struct HDF5Answer: JSONRecord {
  var objects: [HDF5Object] = []
  var names: [String] = []
  var error: HDF5Error?

  init() {}

  mutating func code(_ coder: inout JSONCoder) {
    coder.member("objects", &objects)
    coder.member("names", &names)
    coder.member(optional: "error", &error)
  }
}

extension HDF5Error: JSONRecord {
  package init() { self.init("", "") }

  package mutating func code(_ coder: inout JSONCoder) {
    coder.member("place", &place)
    coder.member("expected", &expected)
    coder.member("found", &found)
    coder.member("advice", &advice)
  }
}
