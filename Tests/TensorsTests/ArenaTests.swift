import Tensors
import Testing

@Suite struct TensorShapeTests {
  @Test func countsItsElements() {
    #expect(TensorShape([3, 4, 5]).elementCount == 60)
    #expect(TensorShape.scalar.elementCount == 1 && TensorShape.scalar.rank == 0 && TensorShape.scalar.last == 1)
    #expect(TensorShape([32, 784]).description == "[32, 784]" && TensorShape([32, 784]).last == 784)
    #expect(TensorShape([2, 3]) != TensorShape([3, 2]) && TensorShape([2, 3])[1] == 3)
  }

  @Test(arguments: [
    [0], [-1], [3, 0, 4], [Int.max, 2], [1 << 32, 1 << 32], [Int.max], [Int.max / 16 + 1], [.min], [-2, -3],
    [Int](repeating: 2, count: 64),
  ])
  func refusesWhatCannotBeCounted(_ dimensions: [Int]) {
    #expect(TensorShape(checking: dimensions) == nil)
  }

  @Test func theLargestShapeStillHasBytes() {
    let shape = TensorShape(checking: [TensorShape.largestElementCount])
    #expect(shape.map { $0.elementCount.multipliedReportingOverflow(by: 8).overflow } == false)
  }
}

@Suite struct ArenaTests {
  @Test(arguments: [0, 1, 63, 64, 65, 1000, 5 << 20]) func isZeroedAndAligned(_ byteCount: Int) {
    let arena = Arena(byteCount: byteCount)
    #expect(arena.byteCount == byteCount)
    var sum = 0
    for offset in 0..<byteCount { sum += Int(arena.bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)) }
    #expect(sum == 0)
    #expect(UInt(bitPattern: arena.slice(offset: 0, count: 0, type: .float32).address) % UInt(Arena.alignment) == 0)
    #expect(Arena.aligned(byteCount) % 64 == 0 && Arena.aligned(byteCount) - byteCount < 64)
  }

  @Test func slicesAreViewsOfOneMemory() {
    let arena = Arena(byteCount: 128)
    var whole = arena.all(as: .float32).mutableFloats
    for i in whole.indices { whole[i] = Float(i) }
    let part = arena.slice(offset: 64, count: 16, type: .float32)
    #expect(part.floats[0] == 16 && part.byteCount == 64)
    #expect(part.slice(3..<5).floats[1] == 20)
    part.slice(0..<2).zero()
    #expect(arena.all(as: .float32).floats[16] == 0 && arena.all(as: .float32).floats[18] == 18)
    #expect(part.reinterpreted(as: .bfloat16, count: 32).count == 32)
    #expect(part.reinterpreted(as: .int32, count: 16).integers[0] == 0)
  }

  @Test func copiesWholeAndInPart() {
    let (a, b) = (Arena(byteCount: 256), Arena(byteCount: 256))
    var span = a.all(as: .int32).mutableIntegers
    for i in span.indices { span[i] = Int32(i) }
    b.copy(from: a, bytes: 64..<128)
    let copied = b.all(as: .int32).integers
    #expect(copied[15] == 0 && copied[16] == 16 && copied[31] == 31 && copied[32] == 0)
    b.copy(from: a)
    #expect((0..<64).allSatisfy { b.all(as: .int32).integers[$0] == Int32($0) })
    b.all(as: .int32).zero()
    b.all(as: .int32).copy(from: a.all(as: .int32))
    #expect(b.all(as: .int32).integers[63] == 63)
  }

  @Test func arraysAreSharedAmongThreads() async {
    let array = SharedArray(repeating: 0, count: 1000)
    await withTaskGroup(of: Void.self) { group in
      for lane in 0..<4 {
        group.addTask { for i in stride(from: lane, to: 1000, by: 4) { array[i] = i * i } }
      }
    }
    #expect((0..<1000).allSatisfy { array[$0] == $0 * $0 && array.span[$0] == $0 * $0 })
  }
}
