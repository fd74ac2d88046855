import Tensors

// Loops over every element of one, two or three tensors of any types. Small closures are inlined; one that calls an
// elementary function must be a local function marked @inline(__always).

@inline(__always)
func forEachVector(_ count: Int, _ whole: (Int) -> Void, tail: (Int, Int) -> Void) {
  var i = 0
  while i &+ 16 <= count {
    whole(i)
    i &+= 16
  }
  if i < count { tail(i, count &- i) }
}

@inline(__always)
func map<X: VectorElement, Y: VectorElement>(
  _ count: Int, _ x: UnsafePointer<X>, into y: UnsafeMutablePointer<Y>, _ f: (Vector) -> Vector
) {
  forEachVector(count) { i in
    Y.store(f(X.load(x + i)), y + i)
  } tail: { i, rest in
    Y.store(f(X.load(x + i, first: rest)), y + i, first: rest)
  }
}

@inline(__always)
func map<A: VectorElement, B: VectorElement, Y: VectorElement>(
  _ count: Int, _ a: UnsafePointer<A>, _ b: UnsafePointer<B>, into y: UnsafeMutablePointer<Y>,
  _ f: (Vector, Vector) -> Vector
) {
  forEachVector(count) { i in
    Y.store(f(A.load(a + i), B.load(b + i)), y + i)
  } tail: { i, rest in
    Y.store(f(A.load(a + i, first: rest), B.load(b + i, first: rest)), y + i, first: rest)
  }
}

package enum Elementwise {
  /// y = x, converted to y's type.
  package static func convert(_ x: TensorSlice, into y: TensorSlice) {
    precondition(x.count == y.count)
    switch (x.type, y.type) {
    case (.float32, .bfloat16):
      map(x.count, x.pointer(as: Float.self), into: y.pointer(as: BFloat16.self)) { $0 }
    case (.bfloat16, .float32):
      map(x.count, x.pointer(as: BFloat16.self), into: y.pointer(as: Float.self)) { $0 }
    default: y.copy(from: x)
    }
  }

  /// y = a + b, all of one type; `y` may be either of them.
  package static func add(_ a: TensorSlice, _ b: TensorSlice, into y: TensorSlice) {
    precondition(a.count == y.count && b.count == y.count && a.type == y.type && b.type == y.type)
    if y.type == .bfloat16 { add(a, b, y, as: BFloat16.self) } else { add(a, b, y, as: Float.self) }
  }

  private static func add<E: VectorElement>(_ a: TensorSlice, _ b: TensorSlice, _ y: TensorSlice, as type: E.Type) {
    let (a, b) = (a.pointer(as: E.self), b.pointer(as: E.self))
    let to = y.pointer(as: E.self)
    @inline(__always) func write(_ i: Int, _ lanes: Int) {
      E.store(E.load(a + i, lanes: lanes) + E.load(b + i, lanes: lanes), to + i, lanes: lanes)
    }
    forEachVector(y.count, write)
  }

  /// Passes a gradient on: y = x where `first`, y += x otherwise. Does nothing when both are the same memory.
  package static func contribute(_ x: TensorSlice, to y: TensorSlice, first: Bool) {
    if x.address == y.address { return }
    if first { convert(x, into: y) } else { add(x, y, into: y) }
  }

  /// Fills a float32 tensor.
  package static func fill(_ y: TensorSlice, with value: Float) {
    var span = y.mutableFloats
    for i in span.indices { span[i] = value }
  }
}
