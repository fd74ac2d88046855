import CPlatform
import Tensors

/// Sixteen units (or fewer, at the end) of one row at one step: the addresses that a cell reads and writes.
struct CellPlace {
  /// h·W_hhᵀ, one vector per gate, `RecurrentProduct.rowCount` vectors apart; unused in the backward pass.
  var sums: UnsafePointer<Float>
  /// x·W_ihᵀ + b before the forward pass, the gates after it; the gates of a unit lie `units` apart.
  var gates: UnsafeMutablePointer<Float>
  var units: Int
  /// The float32 state before and after the step, of cells that have one.
  var before: UnsafePointer<Float>
  var after: UnsafeMutablePointer<Float>
  /// The product that `GRUCell` keeps, and its b_hn.
  var kept: UnsafeMutablePointer<Float>
  var bias: UnsafePointer<Float>
  var lanes: Int

  @inline(__always) func sum(_ gate: Int) -> Vector { Float.load(sums + gate &* RecurrentProduct.rowCount &* 16) }
  @inline(__always) func gate(_ index: Int) -> Vector { Float.load(gates + index &* units, lanes: lanes) }
  @inline(__always) func setGate(_ index: Int, _ value: Vector) {
    Float.store(value, gates + index &* units, lanes: lanes)
  }
}

/// The gradients of the gates' sums: those of x·W_ihᵀ, those of h·W_hhᵀ, and that of the state before the step.
struct CellGradients<E: VectorElement> {
  var input: UnsafeMutablePointer<E>
  var recurrent: UnsafeMutablePointer<E>
  /// float32, read and replaced.
  var carry: UnsafeMutablePointer<Float>

  @inline(__always) func set(_ gate: Int, _ value: Vector, _ place: CellPlace) {
    E.store(value, input + gate &* place.units, lanes: place.lanes)
  }
}

/// The step of a recurrent layer, from the sums of its gates.
protocol RecurrentCell {
  /// Sums of a unit, in PyTorch's order.
  static var gates: Int { get }
  /// - Returns: h.
  static func forward(_ place: CellPlace) -> Vector
  /// - Parameter dh: the gradient of h from the output and from the product of the next step.
  static func backward<E: VectorElement>(_ dh: Vector, _ place: CellPlace, _ gradients: CellGradients<E>)
}

/// Long short-term memory (Hochreiter and Schmidhuber 1997) with forget gates (Gers et al. 2000).
///
///     i, f, o = σ(sums)    g = tanh(sum)    c ← f·c + i·g    h = o·tanh(c)
///
/// Gates i, f, g, o; the state is c.
enum LSTMCell: RecurrentCell {
  static var gates: Int { 4 }

  @inline(__always) static func forward(_ place: CellPlace) -> Vector {
    let i = logistic(place.gate(0) + place.sum(0))
    let f = logistic(place.gate(1) + place.sum(1))
    let g = hyperbolicTangent(place.gate(2) + place.sum(2))
    let o = logistic(place.gate(3) + place.sum(3))
    let c = (i * g).addingProduct(f, Float.load(place.before, lanes: place.lanes))
    place.setGate(0, i)
    place.setGate(1, f)
    place.setGate(2, g)
    place.setGate(3, o)
    Float.store(c, place.after, lanes: place.lanes)
    return o * hyperbolicTangent(c)
  }

  @inline(__always) static func backward<E: VectorElement>(
    _ dh: Vector, _ place: CellPlace, _ gradients: CellGradients<E>
  ) {
    let (i, f, g, o) = (place.gate(0), place.gate(1), place.gate(2), place.gate(3))
    let t = hyperbolicTangent(Float.load(place.after, lanes: place.lanes))
    let dc = Float.load(gradients.carry, lanes: place.lanes).addingProduct(dh * o, 1 - t * t)
    gradients.set(0, dc * g * i * (1 - i), place)
    gradients.set(1, dc * Float.load(place.before, lanes: place.lanes) * f * (1 - f), place)
    gradients.set(2, dc * i * (1 - g * g), place)
    gradients.set(3, dh * t * o * (1 - o), place)
    Float.store(dc * f, gradients.carry, lanes: place.lanes)
  }
}

/// Gated recurrent unit (Cho et al. 2014) in the form of PyTorch and cuDNN, with r on the finished product.
///
///     r, z = σ(sums)    n = tanh(x part + r·(h·W_hnᵀ + b_hn))    h ← (1 − z)·n + z·h
///
/// Gates r, z, n; the state is h in float32; keeps h·W_hnᵀ + b_hn.
enum GRUCell: RecurrentCell {
  static var gates: Int { 3 }

  @inline(__always) static func forward(_ place: CellPlace) -> Vector {
    let r = logistic(place.gate(0) + place.sum(0))
    let z = logistic(place.gate(1) + place.sum(1))
    let product = place.sum(2) + Float.load(place.bias, lanes: place.lanes)
    let n = hyperbolicTangent(place.gate(2).addingProduct(r, product))
    let h = n.addingProduct(z, Float.load(place.before, lanes: place.lanes) - n)
    place.setGate(0, r)
    place.setGate(1, z)
    place.setGate(2, n)
    Float.store(product, place.kept, lanes: place.lanes)
    Float.store(h, place.after, lanes: place.lanes)
    return h
  }

  @inline(__always) static func backward<E: VectorElement>(
    _ dh: Vector, _ place: CellPlace, _ gradients: CellGradients<E>
  ) {
    let (r, z, n) = (place.gate(0), place.gate(1), place.gate(2))
    let whole = dh + Float.load(gradients.carry, lanes: place.lanes)
    let dn = whole * (1 - z) * (1 - n * n)
    let dr = dn * Float.load(place.kept, lanes: place.lanes) * r * (1 - r)
    let dz = whole * (Float.load(place.before, lanes: place.lanes) - n) * z * (1 - z)
    gradients.set(0, dr, place)
    gradients.set(1, dz, place)
    gradients.set(2, dn, place)
    E.store(dr, gradients.recurrent, lanes: place.lanes)
    E.store(dz, gradients.recurrent + place.units, lanes: place.lanes)
    E.store(dn * r, gradients.recurrent + 2 &* place.units, lanes: place.lanes)
    Float.store(whole * z, gradients.carry, lanes: place.lanes)
  }
}

/// The plain recurrent network (Elman 1990): h ← f(sum), with f = tanh or ReLU. Its gate is h in float32.
enum ElmanCell<F: PointwiseFunction>: RecurrentCell {
  static var gates: Int { 1 }

  @inline(__always) static func forward(_ place: CellPlace) -> Vector {
    let h = F.value(place.gate(0) + place.sum(0))
    place.setGate(0, h)
    return h
  }

  @inline(__always) static func backward<E: VectorElement>(
    _ dh: Vector, _ place: CellPlace, _ gradients: CellGradients<E>
  ) {
    gradients.set(0, F.gradient(dh, output: place.gate(0)), place)
  }
}
