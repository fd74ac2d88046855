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
    // At no moment can the memory be less than what lives then.
    let needed = (0..<70).map { moment in
      packer.requests.filter { $0.lives(moment) }.reduce(0) { $0 + $1.byteCount }
    }.max()
    #expect(byteCount >= needed ?? 0)
    #expect(byteCount <= packer.requests.reduce(0) { $0 + $1.byteCount })
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
}
