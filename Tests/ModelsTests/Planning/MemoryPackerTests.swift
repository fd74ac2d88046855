import Models
import Tensors
import Testing

@Suite struct MemoryPackerTests {
  @Test(arguments: 0..<200) func neverLetsLivingTensorsOverlap(_ seed: Int) {
    let random = RandomStream(seed: UInt64(seed), purpose: .checking)
    var packer = MemoryPacker()
    let count = 1 + random.integer(0, below: 60)
    for ticket in 0..<count {
      let start = random.integer(4 * ticket + 1, below: 40)
      let length = random.integer(4 * ticket + 2, below: 20)
      let bytes = random.integer(4 * ticket + 3, below: 3000)
      // Some live twice.
      let again = ticket % 3 == 0 ? [start + length + 2...start + length + 3] : []
      #expect(packer.add(byteCount: bytes, lifetimes: [start...start + length] + again) == ticket)
    }
    let (offsets, byteCount) = packer.pack()
    #expect(offsets.count == count)
    for (a, request) in packer.requests.enumerated() {
      #expect(offsets[a] % Arena.alignment == 0 && offsets[a] >= 0)
      #expect(offsets[a] + request.byteCount <= byteCount)
      for b in 0..<a where (0..<70).contains(where: { packer.requests[b].lives($0) && request.lives($0) }) {
        #expect(
          offsets[a] + request.byteCount <= offsets[b] || offsets[b] + packer.requests[b].byteCount <= offsets[a],
          "\(a) and \(b) overlap")
      }
    }
    #expect(offsets == packer.packBySearch().offsets)
    // The memory holds at least the tensors of each moment.
    let needed = (0..<70).map { moment in
      packer.requests.filter { $0.lives(moment) }.reduce(0) { $0 + $1.byteCount }
    }.max()
    #expect(byteCount >= needed ?? 0)
    #expect(byteCount <= packer.requests.reduce(0) { $0 + $1.byteCount })
  }

  /// Lifetimes of training: outputs until their backward moment, gradients and scratch memory for a moment or two.
  private func trainingRequests(nodes: Int, seed: Int) -> MemoryPacker {
    let random = RandomStream(seed: UInt64(seed), purpose: .checking)
    var packer = MemoryPacker()
    for node in 0..<nodes {
      let backward = 2 * nodes - 1 - node
      let bytes = [64, 256, 256, 1000, 4096][random.integer(3 * node, below: 5)]
      let reader = min(nodes - 1, node + 1 + random.integer(3 * node + 1, below: 3))
      let last = random.integer(3 * node + 2, below: 4) == 0 ? reader : backward
      _ = packer.add(byteCount: bytes, lifetimes: [node...last])
      _ = packer.add(byteCount: bytes, lifetimes: [2 * nodes - 1 - reader...backward])
      _ = packer.add(byteCount: bytes / 4, lifetimes: [node...node, backward...backward])
    }
    return packer
  }

  @Test(arguments: 0..<40) func placesTensorsAsASearchThroughAllOfThem(_ seed: Int) {
    let packer = trainingRequests(nodes: 1 + 7 * seed, seed: seed)
    let (offsets, byteCount) = packer.pack()
    let expected = packer.packBySearch()
    #expect(offsets == expected.offsets && byteCount == expected.byteCount)
  }

  @Test(.timeLimit(.minutes(1))) func placesTheTensorsOfAVeryDeepModel() {
    let packer = trainingRequests(nodes: 60_000, seed: 1)
    #expect(packer.pack().offsets.count == 180_000)
  }

  @Test func tensorsInTurnShareOnePlace() {
    var packer = MemoryPacker()
    for moment in 0..<10 { _ = packer.add(byteCount: 1000, lifetimes: [moment...moment]) }
    #expect(packer.pack().byteCount == Arena.aligned(1000))
  }

  @Test func aTensorLeavesItsPlaceBetweenItsLives() {
    var packer = MemoryPacker()
    _ = packer.add(byteCount: 1000, lifetimes: [0...0, 9...9])
    _ = packer.add(byteCount: 900, lifetimes: [1...8])
    #expect(packer.pack().byteCount == Arena.aligned(1000))
  }

  @Test func nothingTakesNothing() {
    #expect(MemoryPacker().pack().byteCount == 0)
  }
}

extension MemoryPacker.Request {
  fileprivate func lives(_ moment: Int) -> Bool { lifetimes.contains { $0.contains(moment) } }

  fileprivate func meets(_ other: Self) -> Bool {
    lifetimes.contains { own in other.lifetimes.contains { $0.overlaps(own) } }
  }
}

extension MemoryPacker {
  /// The plain form of `pack()`: each request is compared with all that are placed.
  fileprivate func packBySearch() -> (offsets: [Int], byteCount: Int) {
    var offsets = [Int](repeating: 0, count: requests.count)
    var placed: [Int] = []  // sorted by offset
    var total = 0
    func start(_ ticket: Int) -> Int { requests[ticket].lifetimes.first?.lowerBound ?? 0 }
    let largestFirst = requests.indices.sorted {
      (requests[$0].byteCount, start($1)) > (requests[$1].byteCount, start($0))
    }
    for ticket in largestFirst {
      let request = requests[ticket]
      var offset = 0
      for other in placed where requests[other].meets(request) {
        if offset + request.byteCount <= offsets[other] { break }
        offset = max(offset, offsets[other] + requests[other].byteCount)
      }
      offsets[ticket] = offset
      total = max(total, offset + request.byteCount)
      placed.insert(ticket, at: placed.firstIndex { offsets[$0] > offset } ?? placed.count)
    }
    return (offsets, total)
  }
}
