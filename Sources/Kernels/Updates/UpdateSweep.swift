import Tensors

/// A flag that is known when code is specialized, so that it costs nothing in a loop.
package protocol StaticFlag: Sendable {
  static var isOn: Bool { get }
}

package enum On: StaticFlag { @inlinable package static var isOn: Bool { true } }
package enum Off: StaticFlag { @inlinable package static var isOn: Bool { false } }

/// The states of sixteen parameters; those that a rule lacks are unused.
struct StateVectors {
  var first: Vector
  var second: Vector
  var third: Vector
}

/// An optimizer's formula on sixteen parameters, with its coefficients for this step.
protocol UpdateRule {
  static var stateCount: Int { get }
  /// - Returns: the new parameters.
  func updated(_ parameter: Vector, gradient: Vector, states: inout StateVectors) -> Vector
}

extension UpdateRule {
  /// Sweeps over the chunk once. Must be called where `Self` is concrete, so that the loop is specialized.
  @inline(__always)
  func sweep(_ chunk: UpdateChunk, _ scalars: UpdateScalars, measures: Bool) -> UpdateStatistics {
    measures
      ? UpdateSweep<Self, On>(self, chunk, scalars).run() : UpdateSweep<Self, Off>(self, chunk, scalars).run()
  }
}

/// One pass over a chunk: clip, update, round to bf16 weights, average, measure. Elements are independent, so the bits
/// of a tensor do not depend on its chunks.
private struct UpdateSweep<Rule: UpdateRule, Measures: StaticFlag> {
  private let rule: Rule
  private let count: Int
  private let gradient: UnsafeMutablePointer<Float>
  private let parameter: UnsafeMutablePointer<Float>
  private let first: UnsafeMutablePointer<Float>
  private let second: UnsafeMutablePointer<Float>
  private let third: UnsafeMutablePointer<Float>
  private let bf16Weights: UnsafeMutablePointer<BFloat16>?
  private let average: UnsafeMutablePointer<Float>?
  private let gradientScale: Float
  private let clipValue: Float
  private let averageWeight: Float

  @inline(__always)
  init(_ rule: Rule, _ chunk: UpdateChunk, _ scalars: UpdateScalars) {
    self.rule = rule
    count = chunk.parameter.count
    gradient = chunk.gradient.pointer(as: Float.self)
    parameter = chunk.parameter.pointer(as: Float.self)
    // States that the rule lacks are never touched.
    first = Rule.stateCount > 0 ? chunk.state(0).pointer(as: Float.self) : parameter
    second = Rule.stateCount > 1 ? chunk.state(1).pointer(as: Float.self) : parameter
    third = Rule.stateCount > 2 ? chunk.state(2).pointer(as: Float.self) : parameter
    if let slice = chunk.bf16Weights { precondition(slice.type == .bfloat16 && slice.count == count) }
    if let slice = chunk.average { precondition(slice.type == .float32 && slice.count == count) }
    bf16Weights = chunk.bf16Weights?.pointer(as: BFloat16.self)
    average = chunk.average?.pointer(as: Float.self)
    gradientScale = scalars.gradientScale
    clipValue = scalars.clipValue
    averageWeight = Float(1 - scalars.averageDecay)
  }

  @inline(__always)
  func run() -> UpdateStatistics {
    var parameters = StatisticsLanes()
    var updates = StatisticsLanes()
    var i = 0
    while i + 16 <= count {
      let (new, change) = advance(i, lanes: 16)
      if Measures.isOn {
        parameters.add(new)
        updates.add(change)
      }
      i += 16
    }
    if i < count {
      let (new, change) = advance(i, lanes: count - i)
      if Measures.isOn {
        // Lanes beyond the end hold the rule's results for zeros.
        parameters.add(new.keepingFirst(count - i))
        updates.add(change.keepingFirst(count - i))
      }
    }
    var statistics = UpdateStatistics()
    if Measures.isOn {
      statistics.parameter =
        parameters.isAccurate ? parameters.statistics() : Statistics.measureExactly(parameter, count)
      statistics.update = updates.statistics(nonfinite: statistics.parameter.nonfinite)
    }
    return statistics
  }

  @inline(__always)
  private func advance(_ i: Int, lanes: Int) -> (new: Vector, change: Vector) {
    let old = Float.load(parameter + i, lanes: lanes)
    var states = StateVectors(
      first: Rule.stateCount > 0 ? Float.load(first + i, lanes: lanes) : .zero,
      second: Rule.stateCount > 1 ? Float.load(second + i, lanes: lanes) : .zero,
      third: Rule.stateCount > 2 ? Float.load(third + i, lanes: lanes) : .zero)
    let scaled = Float.load(gradient + i, lanes: lanes) * gradientScale
    let new = rule.updated(old, gradient: scaled.clipped(to: clipValue), states: &states)
    Float.store(new, parameter + i, lanes: lanes)
    if Rule.stateCount > 0 { Float.store(states.first, first + i, lanes: lanes) }
    if Rule.stateCount > 1 { Float.store(states.second, second + i, lanes: lanes) }
    if Rule.stateCount > 2 { Float.store(states.third, third + i, lanes: lanes) }
    if let bf16Weights { BFloat16.store(new, bf16Weights + i, lanes: lanes) }
    if let average {
      let mean = Float.load(average + i, lanes: lanes)
      Float.store(mean.addingProduct(Vector(repeating: averageWeight), new - mean), average + i, lanes: lanes)
    }
    return (new, new - old)
  }
}

extension SIMD16<Float> {
  /// Cut to -bound ... bound; NaN stays NaN, which a minimum would hide.
  @inline(__always) fileprivate func clipped(to bound: Float) -> Vector {
    let upper = Vector(repeating: bound)
    let below = replacing(with: upper, where: self .> upper)
    return below.replacing(with: -upper, where: below .< -upper)
  }
}
