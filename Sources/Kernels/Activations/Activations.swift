import Tensors

/// The pointwise nonlinearities.
package enum Activation: String, CaseIterable, Sendable {
  case identity, sigmoid, tanh, relu
  case leakyReLU = "leaky_relu"
  case silu, gelu
  case geluTanh = "gelu_tanh"
  case softplus

  /// Whether the derivative follows from the output alone, so that the input need not be kept.
  package var derivativeFollowsFromOutput: Bool { run(Inquiry()) }

  private struct Inquiry: PointwisePass {
    let type = ElementType.float32
    func run<F: PointwiseFunction, E: VectorElement>(_ function: F.Type, _ type: E.Type) -> Bool { F.slopeReadsOutput }
  }

  /// Whether outputs crowd at the ends of a bounded range, where the derivative vanishes.
  package var saturates: Bool { self == .sigmoid || self == .tanh }

  /// y = f(x), element by element; `y` may be `x` itself.
  package func apply(_ x: TensorSlice, into y: TensorSlice) {
    precondition(x.count == y.count && x.type == y.type)
    if self == .identity, x.address == y.address { return }
    run(Apply(x: x, y: y))
  }

  /// dx = f'(·)·dy, or dx += it.
  ///
  /// - Parameter kept: the output y where `derivativeFollowsFromOutput`, the input x otherwise.
  package func backward(kept: TensorSlice, dy: TensorSlice, dx: TensorSlice, accumulate: Bool) {
    precondition(kept.count == dy.count && dx.count == dy.count && kept.type == dy.type && dx.type == dy.type)
    if self == .identity { return Elementwise.contribute(dy, to: dx, first: !accumulate) }
    run(Backward(kept: kept, dy: dy, dx: dx, accumulate: accumulate))
  }
}

/// A nonlinearity on vectors.
protocol PointwiseFunction {
  /// Whether `slope` gets the output; the input otherwise.
  static var slopeReadsOutput: Bool { get }
  static func value(_ x: Vector) -> Vector
  static func slope(_ kept: Vector) -> Vector
  /// f'·dy, from the output of a function whose slope reads it.
  static func gradient(_ dy: Vector, output y: Vector) -> Vector
  /// f'·dy, from the input.
  static func gradient(_ dy: Vector, input x: Vector) -> Vector
}

extension PointwiseFunction {
  @inline(__always) static func gradient(_ dy: Vector, output y: Vector) -> Vector { slope(y) * dy }
  @inline(__always) static func gradient(_ dy: Vector, input x: Vector) -> Vector {
    slope(slopeReadsOutput ? value(x) : x) * dy
  }
}

/// Work that is compiled for each nonlinearity and each type of elements.
protocol PointwisePass {
  associatedtype Result
  var type: ElementType { get }
  func run<F: PointwiseFunction, E: VectorElement>(_ function: F.Type, _ type: E.Type) -> Result
}

extension PointwisePass {
  @inline(__always) func run<F: PointwiseFunction>(_ function: F.Type) -> Result {
    if type == .bfloat16 { run(function, BFloat16.self) } else { run(function, Float.self) }
  }
}

extension Activation {
  @inline(__always) func run<Pass: PointwisePass>(_ pass: Pass) -> Pass.Result {
    switch self {
    case .identity: pass.run(Identity.self)
    case .sigmoid: pass.run(Sigmoid.self)
    case .tanh: pass.run(Tanh.self)
    case .relu: pass.run(ReLU.self)
    case .leakyReLU: pass.run(LeakyReLU.self)
    case .silu: pass.run(SiLU.self)
    case .gelu: pass.run(GELU.self)
    case .geluTanh: pass.run(GELUTanh.self)
    case .softplus: pass.run(Softplus.self)
    }
  }
}

private struct Apply: PointwisePass {
  let x: TensorSlice
  let y: TensorSlice
  var type: ElementType { x.type }

  func run<F: PointwiseFunction, E: VectorElement>(_ function: F.Type, _ type: E.Type) {
    let from = x.pointer(as: E.self)
    let to = y.pointer(as: E.self)
    @inline(__always) func apply(_ i: Int, _ lanes: Int) {
      E.store(F.value(E.load(from + i, lanes: lanes)), to + i, lanes: lanes)
    }
    forEachVector(x.count, apply)
  }
}

private struct Backward: PointwisePass {
  let kept: TensorSlice
  let dy: TensorSlice
  let dx: TensorSlice
  let accumulate: Bool
  var type: ElementType { dx.type }

  func run<F: PointwiseFunction, E: VectorElement>(_ function: F.Type, _ type: E.Type) {
    let k = kept.pointer(as: E.self)
    let g = dy.pointer(as: E.self)
    let out = dx.pointer(as: E.self)
    @inline(__always) func set(_ i: Int, _ lanes: Int) {
      E.store(F.slope(E.load(k + i, lanes: lanes)) * E.load(g + i, lanes: lanes), out + i, lanes: lanes)
    }
    @inline(__always) func add(_ i: Int, _ lanes: Int) {
      let slope = F.slope(E.load(k + i, lanes: lanes))
      let sum = E.load(out + i, lanes: lanes).addingProduct(slope, E.load(g + i, lanes: lanes))
      E.store(sum, out + i, lanes: lanes)
    }
    if accumulate { forEachVector(dx.count, add) } else { forEachVector(dx.count, set) }
  }
}

enum Identity: PointwiseFunction {
  static var slopeReadsOutput: Bool { true }
  @inline(__always) static func value(_ x: Vector) -> Vector { x }
  @inline(__always) static func slope(_ y: Vector) -> Vector { Vector(repeating: 1) }
}

enum Sigmoid: PointwiseFunction {
  static var slopeReadsOutput: Bool { true }
  @inline(__always) static func value(_ x: Vector) -> Vector { logistic(x) }
  @inline(__always) static func slope(_ y: Vector) -> Vector { y * (1 - y) }
}

enum Tanh: PointwiseFunction {
  static var slopeReadsOutput: Bool { true }
  @inline(__always) static func value(_ x: Vector) -> Vector { hyperbolicTangent(x) }
  @inline(__always) static func slope(_ y: Vector) -> Vector { 1 - y * y }
}

enum ReLU: PointwiseFunction {
  static var slopeReadsOutput: Bool { true }
  // A comparison that NaN fails keeps NaN: a broken input must stay visible.
  @inline(__always) static func value(_ x: Vector) -> Vector { x.replacing(with: 0, where: x .< Vector.zero) }
  @inline(__always) static func slope(_ y: Vector) -> Vector {
    Vector.zero.replacing(with: 1, where: y .> Vector.zero).keepingNaN(of: y)
  }
  @inline(__always) static func gradient(_ dy: Vector, output y: Vector) -> Vector {
    dy.replacing(with: 0, where: y .<= Vector.zero)
  }
  // Input and output lie on the same side of zero.
  @inline(__always) static func gradient(_ dy: Vector, input x: Vector) -> Vector { gradient(dy, output: x) }
}

enum LeakyReLU: PointwiseFunction {
  static var slopeReadsOutput: Bool { true }
  /// PyTorch's default slope below zero.
  private static let negativeSlope: Float = 0.01
  @inline(__always) static func value(_ x: Vector) -> Vector {
    x.replacing(with: x * negativeSlope, where: x .< Vector.zero)
  }
  @inline(__always) static func slope(_ y: Vector) -> Vector {
    Vector(repeating: negativeSlope).replacing(with: 1, where: y .> Vector.zero).keepingNaN(of: y)
  }
}

/// x·σ(x), also called Swish (Ramachandran et al. 2017).
enum SiLU: PointwiseFunction {
  static var slopeReadsOutput: Bool { false }
  @inline(__always) static func value(_ x: Vector) -> Vector { x * logistic(x) }
  @inline(__always) static func slope(_ x: Vector) -> Vector {
    let s = logistic(x)
    return s + x * s * (1 - s)
  }
}

/// x·Φ(x) (Hendrycks and Gimpel 2016).
enum GELU: PointwiseFunction {
  static var slopeReadsOutput: Bool { false }
  private static let inverseRootOfTwoPi: Float = 0.3989422804
  @inline(__always) static func value(_ x: Vector) -> Vector { x * normalDistribution(x) }
  @inline(__always) static func slope(_ x: Vector) -> Vector {
    normalDistribution(x) + x * exponential(-0.5 * x * x) * inverseRootOfTwoPi
  }
}

/// 0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))), the approximation that GPT-2 uses.
enum GELUTanh: PointwiseFunction {
  static var slopeReadsOutput: Bool { false }
  private static let rootOfTwoOverPi: Float = 0.7978845608
  private static let cubic: Float = 0.044715
  @inline(__always) private static func inner(_ x: Vector) -> Vector {
    let square = x * x
    let sum = Vector(repeating: 1).addingProduct(square, Vector(repeating: cubic))
    return hyperbolicTangent(x * rootOfTwoOverPi * sum)
  }
  @inline(__always) static func value(_ x: Vector) -> Vector {
    let half = x * 0.5
    return half.addingProduct(half, inner(x))
  }
  @inline(__always) static func slope(_ x: Vector) -> Vector {
    let t = inner(x)
    let innerSlope = Vector(repeating: 1).addingProduct(x * x, Vector(repeating: 3 * cubic)) * rootOfTwoOverPi
    let rising = (1 - t * t) * innerSlope
    return (1 + t).addingProduct(x, rising) * 0.5
  }
}

/// ln(1 + eˣ).
enum Softplus: PointwiseFunction {
  static var slopeReadsOutput: Bool { true }
  @inline(__always) static func value(_ x: Vector) -> Vector {
    x.max(.zero) + logarithmOfOnePlus(exponential(-x.magnitude)).keepingNaN(of: x)
  }
  // σ(x) = 1 − e⁻ʸ.
  @inline(__always) static func slope(_ y: Vector) -> Vector { oneMinusExponential(ofMinus: y) }
}
