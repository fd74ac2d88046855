import Checkpoints
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct SafetensorsTests {
  let folder: TemporaryFolder
  let url: URL

  init() throws {
    folder = try TemporaryFolder()
    url = folder.file("model.safetensors")
  }

  private static let shapes: [(path: String, dimensions: [Int], type: ElementType)] = [
    ("z.weight", [2, 3], .float32), ("a.half", [2], .bfloat16), ("a.bias", [3], .float32), ("counts", [2], .int32),
    ("scale", [], .float32),
  ]

  /// A file with this header and as many zero bytes of data.
  private func write(header: String, data: Int, length: UInt64? = nil) throws {
    let bytes = Array(header.utf8)
    let prefix = withUnsafeBytes(of: (length ?? UInt64(bytes.count)).littleEndian) { Array($0) }
    try Data(prefix + bytes + [UInt8](repeating: 0, count: data)).write(to: url)
  }

  private func refusal() throws -> String? {
    failure { () throws(CheckpointError) in _ = try Safetensors.contents(at: url) }?.description
  }

  @Test func everyBitIsRestored() throws {
    let written = SampleTensors(seed: 4, shapes: Self.shapes)
    let metadata = ["format": "pt", "note": "quo\"te \\ größe\n\u{1}"]
    try Safetensors.write(written.tensors, metadata: metadata, to: url)
    let read = SampleTensors(seed: nil, shapes: Self.shapes)
    let contents = try Safetensors.read(at: url, into: read.tensors)
    #expect(read.bytes == written.bytes && contents.metadata == metadata)
    #expect(contents.entries.map(\.name) == ["a.bias", "scale", "z.weight", "counts", "a.half"])
    #expect(contents.entries.map(\.type) == [.f32, .f32, .f32, .i32, .bf16])
    #expect(try folder.names() == ["model.safetensors"])
  }

  @Test func knownBytes() throws {
    let arena = Arena(byteCount: 64)
    var floats = arena.slice(offset: 0, count: 2, type: .float32).mutableFloats
    floats[0] = 1
    floats[1] = -2
    let tensor = CheckpointTensor(
      path: "w", shape: TensorShape([2]), slice: arena.slice(offset: 0, count: 2, type: .float32))
    try Safetensors.write([tensor], metadata: ["format": "pt"], to: url)
    // From safetensors.numpy.save_file({"w": np.float32([1, -2])}, …, metadata={"format": "pt"}), version 0.8.0.
    let header = #"{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}   "#
    let expected =
      [UInt8(header.utf8.count), 0, 0, 0, 0, 0, 0, 0] + Array(header.utf8) + [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0]
    #expect(Array(try Data(contentsOf: url)) == expected && header.utf8.count % 8 == 0)
  }

  @Test func nothingIsOverwritten() throws {
    try Data("mine".utf8).write(to: url)
    let sample = SampleTensors(seed: 1)
    let error = failure { () throws(CheckpointError) in try Safetensors.write(sample.tensors, to: url) }
    #expect(error?.description.contains("exists and is not overwritten") == true)
    #expect(try Data(contentsOf: url) == Data("mine".utf8))
  }

  @Test func anyCallThatFailsLeavesNothingBehind() throws {
    let sample = SampleTensors(seed: 1)
    let counter = CallCounter()
    try Safetensors.write(sample.tensors, to: folder.file("counted"), calls: .counting(counter))
    try FileManager.default.removeItem(at: folder.file("counted"))
    for index in 0..<counter.total {
      let error = failure { () throws(CheckpointError) in
        try Safetensors.write(sample.tensors, to: url, calls: .failing(at: index, with: EIO))
      }
      #expect(error?.code == EIO, "call \(index)")
      let names = try folder.names()
      #expect(names.isEmpty || index >= counter.total - 2, "call \(index): \(names)")
      try? FileManager.default.removeItem(at: url)
    }
  }

  @Test func halvesFillFloats() throws {
    let header =
      #"{"b":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]},"h":{"dtype":"F16","shape":[4],"data_offsets":[4,12]}}"#
    try write(header: header, data: 0)
    var file = try Data(contentsOf: url)
    for bits in [0x3F80, 0xC040, 0x3C00, 0xC100, 0x0001, 0x7C00] as [UInt16] {
      file += withUnsafeBytes(of: bits.littleEndian) { Data($0) }
    }
    try file.write(to: url)
    let read = SampleTensors(seed: nil, shapes: [("b", [2], .float32), ("h", [4], .float32)])
    _ = try Safetensors.read(at: url, into: read.tensors)
    let values = read.tensors.flatMap { tensor in (0..<tensor.slice.count).map { tensor.slice.floats[$0] } }
    #expect(values == [1, -3, 1, -2.5, 0x1p-24, .infinity])
  }

  @Test func differencesAreNamed() throws {
    try Safetensors.write(SampleTensors(seed: 4, shapes: Self.shapes).tensors, to: url)
    let wanted: [(path: String, dimensions: [Int], type: ElementType)] = [
      ("z.weight", [3, 2], .float32), ("counts", [2], .float32), ("other", [1], .float32),
    ]
    let read = SampleTensors(seed: nil, shapes: wanted)
    let error = failure { () throws(CheckpointError) in _ = try Safetensors.read(at: url, into: read.tensors) }
    #expect(
      error?.description.hasSuffix(
        "does not fit: z.weight is [2, 3] in the file, [3, 2] here; counts is I32 in the file, float32 here; "
          + "other is missing in the file; and 3 more") == true)
  }

  static let good =
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"I64","shape":[],"data_offsets":[8,16]}}"#

  @Test func acceptedHeaders() throws {
    let headers = [
      (Self.good + "   ", 16), ("{}", 0), (#"{"__metadata__":{}}"#, 0), ("{ \n\t\"__metadata__\" : { } }", 0),
      (#"{"a":{"shape":[0,5],"data_offsets":[0,0],"dtype":"F64"}}"#, 0),
      (#"{"\u00e9\ud83d\ude00\/":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, 1),
    ]
    for (header, data) in headers {
      try write(header: header, data: data)
      #expect(try refusal() == nil, "\(header)")
    }
    #expect(try Safetensors.contents(at: url).entries.map(\.name) == ["é😀/"])
  }

  @Test(arguments: [
    ("", 0), (" {}", 0), ("[]", 0), ("{", 0), ("{}{}", 0), ("{}\n", 0), ("{},", 0), ("nul", 0), (good, 15), (good, 17),
    (good + "x", 16),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#, 16),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, 8),
    (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, 8),
    (#"{"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}}"#, 8),
    (#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, 8),
    (#"{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}"#, 8),
    (#"{"a":{"dtype":"F32","shape":[02],"data_offsets":[0,8]}}"#, 8),
    (#"{"a":{"dtype":"F32","shape":[2,],"data_offsets":[0,8]}}"#, 8),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}"#, 8),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}"#, 8),
    (#"{"a":{"dtype":"F32","shape":[2]}}"#, 8), (#"{"a":{"dtype":"F32","data_offsets":[0,8]}}"#, 8),
    (#"{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 8),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}}"#, 8),
    (#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#, 0),
    (#"{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,0]}}"#, 0),
    (
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#,
      16
    ),
    (
      #"{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"#
        + #""\u0061":{"dtype":"U8","shape":[8],"data_offsets":[8,16]}}"#,
      16
    ),
    (
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#,
      12
    ),
    (
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[12,20]}}"#,
      20
    ),
    (#"{"__metadata__":{"a":1}}"#, 0), (#"{"__metadata__":{"a":"x","a":"y"}}"#, 0), (#"{"__metadata__":null}"#, 0),
    (#"{"__metadata__":{"a":"\ud800"}}"#, 0), (#"{"__metadata__":{"a":"\u+123"}}"#, 0),
    (#"{"__metadata__":{"a":"\x"}}"#, 0),
    ("{\"__metadata__\":{\"a\":\"\n\"}}", 0), (#"{"__metadata__":{"a":"\"#, 0), (#"{"__metadata__":{"a":"\u12"#, 0),
    (#"{"a":{"a":{"a":{"a":{}}}}}"#, 0), (String(repeating: "{\"a\":", count: 10_000), 0),
  ])
  func refusedHeaders(header: String, data: Int) throws {
    try write(header: header, data: data)
    let complaint = try #require(try refusal(), "\(header.prefix(100))")
    #expect(complaint.contains(url.path) && !complaint.contains("\n"))
  }

  @Test func refusedLengths() throws {
    for length in [0, 1, 3, 1 << 20, 100_000_001, UInt64(Int.max), .max] {
      try write(header: "{}", data: 0, length: length)
      #expect(try refusal() != nil, "\(length)")
    }
    for count in 0..<8 {
      try Data(count: count).write(to: url)
      #expect(try refusal() != nil)
    }
    try Data([2, 0, 0, 0, 0, 0, 0, 0, UInt8(ascii: "{"), 0xFF]).write(to: url)
    #expect(try refusal() != nil)
  }

  /// Random damage ends in an error or in entries inside the file.
  @Test func damagedHeaders() throws {
    try write(header: Self.good, data: 16)
    let bytes = try Data(contentsOf: url)
    let stream = RandomStream(seed: 8, purpose: .checking)
    for trial in 0..<3_000 {
      var damaged = bytes
      for change in 0...trial % 3 {
        let element = 8 * trial + 2 * change
        damaged[stream.integer(element, below: damaged.count)] = UInt8(stream.integer(element + 1, below: 256))
      }
      if trial % 5 == 0 { damaged.removeLast(stream.integer(8 * trial + 7, below: damaged.count)) }
      try damaged.write(to: url)
      if let contents = try? Safetensors.contents(at: url) {
        #expect(contents.entries.allSatisfy { $0.range.upperBound <= damaged.count })
      }
    }
  }
}
