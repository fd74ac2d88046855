import Arenas
import ExecutionPlanning
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
      #expect(packer.add(byteCount: bytes, lifetime: start...start + length) == ticket)
    }
    let (offsets, byteCount) = packer.pack()
    #expect(offsets.count == count)
    for (a, request) in packer.requests.enumerated() {
      #expect(offsets[a] % Arena.alignment == 0 && offsets[a] >= 0)
      #expect(offsets[a] + request.byteCount <= byteCount)
      for b in 0..<a where packer.requests[b].lifetime.overlaps(request.lifetime) {
        #expect(
          offsets[a] + request.byteCount <= offsets[b] || offsets[b] + packer.requests[b].byteCount <= offsets[a],
          "\(a) and \(b) overlap")
      }
    }
    // At no moment can the memory be less than what lives then.
    let needed = (0..<60).map { moment in
      packer.requests.filter { $0.lifetime.contains(moment) }.reduce(0) { $0 + $1.byteCount }
    }.max()
    #expect(byteCount >= needed ?? 0)
    #expect(byteCount <= packer.requests.reduce(0) { $0 + $1.byteCount })
  }

  @Test func tensorsInTurnShareOnePlace() {
    var packer = MemoryPacker()
    for moment in 0..<10 { _ = packer.add(byteCount: 1000, lifetime: moment...moment) }
    #expect(packer.pack().byteCount == Arena.aligned(1000))
  }

  @Test func nothingTakesNothing() {
    #expect(MemoryPacker().pack().byteCount == 0)
  }
}
