import Files
import Glibc
import JSON
import Synchronization

/// The process that reads HDF5 files for another one, with limits on memory and computing: the library is written in C,
/// and a damaged file can make it crash or never end.
package enum HDF5Service {
  /// The first argument of a program that is to be this process.
  private static let argument = "--read-hdf5"
  /// What the process inherits.
  enum Descriptor { static let socket: Int32 = 3, file: Int32 = 4, memory: Int32 = 5 }

  private static let isInThisProgram = Atomic(false)

  /// Becomes the reading process if the arguments say so; otherwise notes that this program can be started as one.
  package static func serveIfAsked() {
    guard CommandLine.arguments.dropFirst().first == argument else {
      isInThisProgram.store(true, ordering: .relaxed)
      return
    }
    // The process that asks decides when this one ends: by closing the socket.
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE] { Glibc.signal(signal, SIG_IGN) }
    Glibc.signal(SIGXCPU, SIG_DFL)
    var session = HDF5Session()
    session.run()
    exit(0)
  }

  /// The arguments that start the process, the program first.
  static var command: [String] {
    guard !isInThisProgram.load(ordering: .relaxed) else { return ["/proc/self/exe", argument] }
    // A test's program lies beside the real one.
    var path = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &path, path.count - 1)
    let own = String(decoding: path.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return [own.folderPath + "/troupe", argument]
  }
}

/// One file's requests and answers.
private struct HDF5Session {
  private var channel = HDF5Channel(HDF5Service.Descriptor.socket)
  private var reader: HDF5Reader?

  /// Seconds of computing for a request, and how many bytes of elements a second more is given for.
  private static let seconds = 10
  private static let slowestBytesPerSecond = 4 << 20
  /// Bytes for the program, the library and the structures of a file.
  private static let memory = 512 << 20
  private static let mostLabels = 1 << 24

  mutating func run() {
    while let message = channel.receive() {
      var answer = HDF5Answer()
      do {
        answer = try self.answer(HDF5Request(json: message))
      } catch let error as HDF5Error {
        answer.error = error
      } catch {
        answer.error = HDF5Error("a request", "\(error)")
      }
      guard channel.send(answer.json) else { return }
    }
  }

  private mutating func answer(_ request: HDF5Request) throws -> HDF5Answer {
    var answer = HDF5Answer()
    limit(bytes: 0)
    guard let reader else {
      reader = try HDF5Reader(
        descriptor: HDF5Service.Descriptor.file, path: request.name.isEmpty ? nil : request.name)
      return answer
    }
    switch request.operation {
    case .open: break
    case .names: answer.names = try reader.rootNames()
    case .objects: answer.objects = try reader.objects()
    case .dataset: answer.objects = [try reader.open(request.name).description]
    case .read:
      let dataset = try reader.open(request.name)
      let rows = request.start..<request.start + request.count
      let rowBytes = (dataset.description.extents?.dropFirst().reduce(1, *) ?? 0) * request.type.byteCount
      let bytes = rows.count * rowBytes
      limit(bytes: max(bytes, dataset.description.chunkBytes))
      try withSharedMemory(request.offset, bytes) { memory in
        try dataset.read(rows, as: request.type, into: memory)
      }
    case .labels:
      let dataset = try reader.open(request.name)
      let count = dataset.description.extents?.first ?? 0
      limit(bytes: max(count * MemoryLayout<Int32>.stride, dataset.description.chunkBytes))
      answer.names = try withSharedMemory(0, count * MemoryLayout<Int32>.stride) { memory in
        try dataset.readLabels(into: memory.bindMemory(to: Int32.self), most: Self.mostLabels)
      }
    }
    return answer
  }

  /// - Parameter bytes: of elements that the next request takes.
  private func limit(bytes: Int) {
    let used = clock() / Int(CLOCKS_PER_SEC)
    limit(RLIMIT_CPU, used + 1 + Self.seconds + bytes / Self.slowestBytesPerSecond)
    limit(RLIMIT_DATA, Self.memory + 3 * bytes)
    limit(RLIMIT_CORE, 0)
  }

  private func limit(_ resource: __rlimit_resource, _ most: Int) {
    var limit = rlimit()
    let number = __rlimit_resource_t(resource.rawValue)
    guard getrlimit(number, &limit) == 0 else { return }
    limit.rlim_cur = min(limit.rlim_max, rlim_t(most))
    setrlimit(number, &limit)
  }

  private func withSharedMemory<Result>(
    _ offset: Int, _ count: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> Result
  ) throws -> Result {
    let length = offset + count
    guard count > 0,
      let memory = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, HDF5Service.Descriptor.memory, 0),
      memory != MAP_FAILED
    else { throw HDF5Error("\(count) bytes of shared memory", "none") }
    defer { munmap(memory, length) }
    return try body(UnsafeMutableRawBufferPointer(start: memory + offset, count: count))
  }
}
