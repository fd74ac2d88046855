import Glibc
import JSON

/// How gradients change from the last layer back to the first, judged from a run's `norms` lines.
///
/// The size of a layer's gradient is the root mean square of its weights' gradient elements, so that wide and narrow
/// layers compare. In a chain of layers it changes by a factor per layer (Hochreiter 1991; Bengio, Simard and Frasconi
/// 1994), a straight line in the logarithm: this type measures the slope of that line.
package struct GradientFlow: Sendable, Equatable {
  package enum Verdict: String, Sendable, JSONValue {
    case healthy
    case vanishing
    case exploding
    case tooShallow = "too_shallow"
  }

  package var verdict = Verdict.tooShallow
  /// Decades per layer from the input to the output, least squares. Positive: gradients shrink towards the input.
  package var slope = 0.0
  /// log10 of the last layers' gradient rms minus that of the first layers', in decades.
  package var change = 0.0
  /// The layers judged, from the input: their `TensorDescription.depth`.
  package var depths: [Int] = []
  /// Median log10 gradient rms of each of `depths` over the window.
  package var medians: [Double] = []
  /// The verdict in one sentence.
  package var sentence = ""
  /// The advised changes, naming configuration keys; empty when none is needed.
  package var advice = ""

  /// First and last gradient must differ by this many decades, a factor of 1000, to be called vanishing or exploding.
  package static let decadesThreshold = 3.0
  /// The medians of the first and the last third of the layers must differ by this part of `decadesThreshold` too, so
  /// that one odd layer does not decide.
  package static let supportPart = 0.5
  /// Fewer weight layers than this are too shallow to judge.
  package static let fewestLayers = 4
  /// The smallest float32: smaller gradients, and zero, count as this.
  package static let smallest = 1e-45
  /// A whole network below this gradient rms learns nothing, whatever its slope.
  package static let silence = 1e-30
  /// The last norms lines of a run, by which it is judged.
  package static let window = 100
  /// The first and the last layers are each this part of the depth, at least one layer.
  static let endPart = 0.1

  package init() {}
}

extension GradientFlow: JSONRecord {
  package mutating func code(_ coder: inout JSONCoder) {
    coder.member("verdict", &verdict)
    coder.member("slope", &slope, digits: LineBuffer.exactDigits)
    coder.member("change", &change, digits: LineBuffer.exactDigits)
    coder.member("depths", &depths)
    coder.member("log10_rms", &medians, digits: LineBuffer.normDigits)
    coder.require(medians.count == depths.count, "log10_rms", "expected one for each of depths")
    coder.member("sentence", &sentence)
    coder.member("advice", &advice)
  }
}

extension GradientFlow {
  /// Judges the flow of gradients in `norms`, in any number of steps.
  ///
  /// - Parameters:
  ///   - tensors: `RunHeader.tensors`; those with `isWeight` count, tensors of equal depth together.
  ///   - norms: the window of steps; records whose length differs from `tensors` are left out.
  package static func judge(tensors: [TensorDescription], norms: some Sequence<NormsRecord>) -> GradientFlow {
    let layers = WeightLayers(tensors)
    var columns = [[Double]](repeating: [], count: layers.depths.count)
    var nonfinite = [Int](repeating: 0, count: layers.depths.count)
    var steps = 0
    for record in norms where record.tensors.count == tensors.count {
      steps += 1
      for layer in layers.depths.indices {
        let value = layers.log10GradientRMS(layer, record)
        if value.isFinite { columns[layer].append(value) } else { nonfinite[layer] += 1 }
      }
    }
    var flow = GradientFlow()
    flow.depths = layers.depths
    flow.medians = columns.map { median($0) }
    if let broken = nonfinite.lastIndex(where: { $0 * 2 > max(steps, 1) }) {
      flow.medians = flow.medians.map { $0.isFinite ? $0 : log10(Double(Float.greatestFiniteMagnitude)) }
      flow.describeNonfinite(layer: layers.names[broken])
    } else if steps == 0 {
      flow.depths = []
      flow.medians = []
      flow.sentence = "No norms were logged, so the flow of gradients cannot be judged."
      flow.advice = "Set norms.every to \"1 step\" to have every layer's gradient logged."
    } else {
      flow.measure()
      flow.describe()
    }
    return flow
  }

  private mutating func measure() {
    let count = medians.count
    guard count > 1 else { return }
    slope = Self.leastSquaresSlope(medians)
    change = rise(layers: max(1, Int(Double(count) * Self.endPart)))
  }

  /// Median of the last `layers` layers minus that of the first ones, in decades.
  private func rise(layers: Int) -> Double {
    Self.median(Array(medians.suffix(layers))) - Self.median(Array(medians.prefix(layers)))
  }

  private mutating func describe() {
    let count = medians.count
    let silent = log10(Self.silence)
    if count > 0, medians.allSatisfy({ $0 <= silent }) {
      verdict = .vanishing
      sentence = "The gradient is practically zero in all \(count) weight layers: nothing is learned any more."
      advice =
        "If the loss is not near its minimum, every unit is dead or saturated: lower optimizer.learning_rate, "
        + "set model.initializer to he_normal, or model.normalization to batch."
      return
    }
    guard count >= Self.fewestLayers else {
      verdict = .tooShallow
      sentence =
        "With \(count) weight \(count == 1 ? "layer" : "layers") the network is too shallow to judge its gradient flow."
      return
    }
    let support = rise(layers: count / 3)
    let needed = Self.decadesThreshold * Self.supportPart
    if change >= Self.decadesThreshold && support >= needed {
      verdict = .vanishing
      sentence =
        "Gradients vanish: over \(count) weight layers they shrink from \(power(medians.last)) at the output to "
        + "\(power(medians.first)) at the input, by a factor of \(factor) per layer."
      advice =
        "Try model.activation relu with model.initializer he_normal, model.normalization batch, or model.residual true."
    } else if change <= -Self.decadesThreshold && support <= -needed {
      verdict = .exploding
      sentence =
        "Gradients explode: over \(count) weight layers they grow from \(power(medians.last)) at the output to "
        + "\(power(medians.first)) at the input, by a factor of \(factor) per layer."
      advice =
        "Set clipping to {\"type\": \"global_norm\", \"threshold\": 1}, lower optimizer.learning_rate, "
        + "or try model.initializer he_normal, model.normalization batch, model.residual true."
    } else {
      verdict = .healthy
      sentence =
        "Gradients flow well: over \(count) weight layers, input and output differ by a factor of "
        + "\(LineBuffer.text(pow(10, abs(change)), digits: 2))."
    }
  }

  private mutating func describeNonfinite(layer: String) {
    verdict = .exploding
    sentence =
      "Gradients are not finite in most of the logged steps; \(layer) is the last layer with NaN or infinite values."
    advice =
      "Lower optimizer.learning_rate, set clipping to {\"type\": \"global_norm\", \"threshold\": 1}, lengthen "
      + "schedule.warmup, or set training.precision to float32."
  }

  /// Factor between neighboring layers, above 1 in either direction.
  private var factor: String { LineBuffer.text(pow(10, abs(slope)), digits: 2) }

  private func power(_ exponent: Double?) -> String { LineBuffer.text(pow(10, exponent ?? 0), digits: 2) }

  /// Middle value, the mean of the two middle ones, or NaN of nothing.
  package static func median(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return .nan }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  /// Slope of the least-squares line through (0, y0), (1, y1), …
  static func leastSquaresSlope(_ values: [Double]) -> Double {
    guard values.count > 1 else { return 0 }
    let middle = Double(values.count - 1) / 2
    let mean = values.reduce(0, +) / Double(values.count)
    var products = 0.0
    var squares = 0.0
    for (index, value) in values.enumerated() {
      let x = Double(index) - middle
      products += x * (value - mean)
      squares += x * x
    }
    return products / squares
  }
}
