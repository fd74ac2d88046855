import Tensors
import Testing

@Suite struct PermutationTests {
  @Test(arguments: [1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 1000, 4097, 50_000]) func isABijection(_ count: Int) {
    for epoch in 0..<3 {
      let order = RandomStream(seed: 1, purpose: .shuffling, step: epoch).permutation(of: count)
      var seen = [Bool](repeating: false, count: count)
      for position in 0..<count {
        let element = order[position]
        #expect(element >= 0 && element < count)
        seen[element] = true
      }
      #expect(seen.allSatisfy { $0 })
    }
  }

  @Test func shufflesWell() {
    let count = 1000
    let epochs = 200
    var distance = 0.0
    var fixed = 0
    var adjacent = 0
    var firsts = Set<Int>()
    for epoch in 0..<epochs {
      let order = RandomStream(seed: 1, purpose: .shuffling, step: epoch).permutation(of: count)
      let elements = (0..<count).map { order[$0] }
      firsts.insert(elements[0])
      for (position, element) in elements.enumerated() {
        distance += Double(abs(position - element))
        fixed += position == element ? 1 : 0
        if position > 0, abs(element - elements[position - 1]) == 1 { adjacent += 1 }
      }
    }
    // An element moves a third of the length on average; 1 stays in place and 2 stay adjacent per shuffle.
    #expect(abs(distance / Double(count * epochs) - 333.3) < 5)
    #expect(abs(Double(fixed) / Double(epochs) - 1) < 0.4)
    #expect(abs(Double(adjacent) / Double(epochs) - 2) < 0.6)
    #expect(firsts.count > 160)
  }

  @Test func eachElementReachesEachPlace() {
    var counts = [Int](repeating: 0, count: 64)
    let epochs = 6400
    for epoch in 0..<epochs {
      let order = RandomStream(seed: 2, purpose: .shuffling, step: epoch).permutation(of: 8)
      for position in 0..<8 { counts[8 * position + order[position]] += 1 }
    }
    // 800 expected, with a standard deviation of 26.
    #expect(counts.allSatisfy { abs($0 - 800) < 150 })
  }

  @Test func hugeSetsAreFoundAtOnce() {
    let order = RandomStream(seed: 3, purpose: .shuffling).permutation(of: 1 << 50)
    let elements = (0..<1000).map { order[$0 << 39] }
    #expect(Set(elements).count == 1000 && elements.allSatisfy { $0 < 1 << 50 })
  }
}
