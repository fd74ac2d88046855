import Configuration
import Kernels
import Tensors

/// The first values of a parameter.
///
/// Glorot and Bengio 2010 (variance 2 / (fan in + fan out)), He et al. 2015 (variance 2 / fan in), Saxe et al. 2013
/// (orthogonal rows or columns).
package enum Initializer: Sendable, Equatable {
  case glorotUniform, glorotNormal, heUniform, heNormal
  case normal(deviation: Double)
  case uniform(bound: Double)
  case orthogonal(gain: Double)
  case constant(Double)

  package static let zeros = Initializer.constant(0)
  package static let ones = Initializer.constant(1)

  /// Writes the values: a pure function of the stream.
  package func fill(_ tensor: TensorSlice, _ declaration: ParameterDeclaration, _ random: RandomStream) {
    let fanIn = Double(declaration.fanIn)
    let fanOut = Double(declaration.fanOut)
    switch self {
    case .glorotUniform: Self.uniform(tensor, bound: (6 / (fanIn + fanOut)).squareRoot(), random)
    case .glorotNormal: Self.normal(tensor, deviation: (2 / (fanIn + fanOut)).squareRoot(), random)
    case .heUniform: Self.uniform(tensor, bound: (6 / fanIn).squareRoot(), random)
    case .heNormal: Self.normal(tensor, deviation: (2 / fanIn).squareRoot(), random)
    case .normal(let deviation): Self.normal(tensor, deviation: deviation, random)
    case .uniform(let bound): Self.uniform(tensor, bound: bound, random)
    case .orthogonal(let gain): Self.orthogonal(tensor, declaration.shape, gain: gain, random)
    case .constant(let value):
      var span = tensor.mutableFloats
      for i in span.indices { span[i] = Float(value) }
    }
  }

  private static func uniform(_ tensor: TensorSlice, bound: Double, _ random: RandomStream) {
    var span = tensor.mutableFloats
    for i in span.indices { span[i] = Float(bound) * (2 * random.uniform(i) - 1) }
  }

  private static func normal(_ tensor: TensorSlice, deviation: Double, _ random: RandomStream) {
    var span = tensor.mutableFloats
    for i in span.indices { span[i] = Float(deviation) * random.normal(i) }
  }

  /// Modified Gram-Schmidt on normal rows (or columns, whichever are fewer), in float64.
  private static func orthogonal(_ tensor: TensorSlice, _ shape: TensorShape, gain: Double, _ random: RandomStream) {
    let rows = shape.rank == 0 ? 1 : shape[0]
    let columns = shape.elementCount / rows
    let count = min(rows, columns)
    let length = max(rows, columns)
    var basis = (0..<count).map { vector in (0..<length).map { Double(random.normal(vector * length + $0)) } }
    for vector in 0..<count {
      // Twice is enough (Giraud et al. 2005): once loses orthogonality to rounding.
      for _ in 0..<2 {
        for earlier in 0..<vector {
          var product = 0.0
          for i in 0..<length { product += basis[vector][i] * basis[earlier][i] }
          for i in 0..<length { basis[vector][i] -= product * basis[earlier][i] }
        }
      }
      let norm = basis[vector].reduce(0) { $0 + $1 * $1 }.squareRoot()
      for i in 0..<length { basis[vector][i] /= norm }
    }
    var span = tensor.mutableFloats
    for row in 0..<rows {
      for column in 0..<columns {
        span[row * columns + column] = Float(gain * (rows <= columns ? basis[row][column] : basis[column][row]))
      }
    }
  }
}

/// The initializers that a configuration can choose; those without settings may be written as a bare name.
package let initializerCatalog = Catalog<Initializer>(
  "initializer",
  [
    entry("glorot_uniform", "Glorot and Bengio 2010: uniform, variance 2 / (fan in + fan out)", .glorotUniform),
    entry("glorot_normal", "Glorot and Bengio 2010: normal, variance 2 / (fan in + fan out)", .glorotNormal),
    entry("he_uniform", "He et al. 2015: uniform, variance 2 / fan in", .heUniform),
    entry("he_normal", "He et al. 2015: normal, variance 2 / fan in", .heNormal),
    CatalogEntry("normal", "normal with mean 0 and the given deviation") { (reader) throws(ConfigurationError) in
      .normal(deviation: try reader.number("deviation", default: 0.02, in: 0...1e6, "standard deviation"))
    },
    CatalogEntry("uniform", "uniform between -bound and bound") { (reader) throws(ConfigurationError) in
      .uniform(bound: try reader.number("bound", default: 0.05, in: 0...1e6, "largest magnitude"))
    },
    CatalogEntry("orthogonal", "Saxe et al. 2013: orthogonal rows or columns times a gain") {
      (reader) throws(ConfigurationError) in
      .orthogonal(gain: try reader.number("gain", default: 1, in: 0...1e6, "factor on the orthogonal matrix"))
    },
    entry("zeros", "0 everywhere", .zeros),
    CatalogEntry("constant", "one value everywhere") { (reader) throws(ConfigurationError) in
      .constant(try reader.number("value", in: -1e6...1e6, "the value"))
    },
  ], allowsBareName: true)

/// An initializer without settings.
private func entry(
  _ kind: String, _ documentation: String, _ initializer: Initializer
) -> CatalogEntry<Initializer> {
  CatalogEntry(kind, documentation) { (_) throws(ConfigurationError) in initializer }
}

extension SettingsReader {
  /// The "initializer" key that layers with weights share.
  package func initializer(default name: String) throws(ConfigurationError) -> Initializer {
    try component(
      "initializer", from: initializerCatalog, default: .string(name), "how weights start, such as \"he_normal\"")
      ?? .zeros
  }

  package func activation(
    _ key: String = "activation", default value: Activation = .relu
  ) throws(ConfigurationError) -> Activation {
    try choice(key, default: value, "the nonlinearity")
  }
}
