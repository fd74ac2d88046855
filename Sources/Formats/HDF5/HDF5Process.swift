import CPlatform
import Files
import Glibc
import JSON
import SystemPackage

/// This process' end of a reading process.
// Unsafe pointers: the glue of posix_spawn and of shared memory.
final class HDF5Process {
  private var channel: HDF5Channel
  private let socket: FileDescriptor
  private let memory: FileDescriptor
  private let process: pid_t
  private var hasEnded = false

  /// Starts a process that reads the file behind a descriptor.
  init(reading file: Int32) throws(HDF5Error) {
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
      throw Self.failure("a socket")
    }
    defer { Glibc.close(ends[1]) }
    socket = FileDescriptor(rawValue: ends[0])
    channel = HDF5Channel(ends[0])
    let memory = troupe_shared_memory()
    guard memory >= 0 else {
      let error = Self.failure("shared memory")
      try? socket.close()
      throw error
    }
    self.memory = FileDescriptor(rawValue: memory)
    do throws(HDF5Error) {
      process = try Self.spawn([
        (ends[1], HDF5Service.Descriptor.socket), (file, HDF5Service.Descriptor.file),
        (memory, HDF5Service.Descriptor.memory),
      ])
    } catch {
      try? socket.close()
      try? self.memory.close()
      throw error
    }
  }

  deinit {
    try? socket.close()
    try? memory.close()
    if !hasEnded {
      kill(process, SIGKILL)
      _ = Self.wait(process)
    }
  }

  private static func failure(_ expected: String, _ code: Int32 = errno) -> HDF5Error {
    HDF5Error("a process that reads the file", "\(expected) failed: \(Errno(rawValue: code))")
  }

  private static func spawn(_ descriptors: [(own: Int32, inherited: Int32)]) throws(HDF5Error) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for stream in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] {
      posix_spawn_file_actions_addopen(&actions, stream, "/dev/null", O_RDWR, 0)
    }
    // First to numbers that are in nobody's way, for one may be the target of another.
    let unused = 100 + (descriptors.map(\.own).max() ?? 0)
    for (index, pair) in descriptors.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, pair.own, unused + Int32(index))
    }
    for (index, pair) in descriptors.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, unused + Int32(index), pair.inherited)
      posix_spawn_file_actions_addclose(&actions, unused + Int32(index))
    }
    let command = HDF5Service.command
    let arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    let variables = ["SWIFT_BACKTRACE=enable=no"]
    let environment: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) } + [nil]
    defer { for text in arguments + environment { free(text) } }
    var process = pid_t(0)
    let code = posix_spawn(&process, command[0], &actions, nil, arguments, environment)
    guard code == 0 else { throw failure("starting \(command[0])", code) }
    return process
  }

  private static func wait(_ process: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    return status
  }

  /// Sends a request, to which `answer` will wait for the answer.
  func send(_ request: HDF5Request) throws(HDF5Error) {
    guard !hasEnded, channel.send(request.json) else { throw end() }
  }

  func answer() throws(HDF5Error) -> HDF5Answer {
    guard !hasEnded, let message = channel.receive(), let answer = try? HDF5Answer(json: message) else { throw end() }
    if let error = answer.error { throw error }
    return answer
  }

  func answer(to request: HDF5Request) throws(HDF5Error) -> HDF5Answer {
    try send(request)
    return try answer()
  }

  /// Why the process does not answer: it has ended, or is stopped now.
  private func end() -> HDF5Error {
    guard !hasEnded else { return HDF5Error("a whole HDF5 file", "a damaged HDF5 file") }
    hasEnded = true
    kill(process, SIGKILL)
    let signal = Self.wait(process) & 0x7F
    let reason =
      switch signal {
      case SIGXCPU: "reading it came to no end"
      case 0, SIGKILL: "reading it took more memory than its size explains"
      default: "reading it failed with signal \(signal)"
      }
    return HDF5Error(
      "a whole HDF5 file", "a damaged HDF5 file: \(reason)", advice: "fetch or write the file again")
  }

  /// Makes room for `count` bytes in the shared memory.
  func reserve(_ count: Int) throws(HDF5Error) {
    guard ftruncate(memory.rawValue, count) == 0 else { throw Self.failure("shared memory of \(count) bytes") }
  }

  /// Copies bytes of the shared memory.
  func copy(from offset: Int, into bytes: UnsafeMutableRawBufferPointer) throws(HDF5Error) {
    var done = 0
    while done < bytes.count {
      let target = UnsafeMutableRawBufferPointer(rebasing: bytes[done...])
      let count = pread(memory.rawValue, target.baseAddress, target.count, offset + done)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw Self.failure("shared memory") }
      done += count
    }
  }
}
