import Configuration
import Foundation
import Kernels
import Tensors

/// Waves of many lengths at the number of a time step: the noise level of its input for a diffusion model.
///
///     y[b, i] = sin(t[b]·f(i))      y[b, D/2 + i] = cos(t[b]·f(i))      f(i) = 10000^(−i / (D/2)),  i < D/2
///
/// t is (B) int32, 0 to `steps` − 1; y (B, D). Sines come first, as in Ho et al. 2020. Nothing is trained.
package struct TimeEmbedding: ConfigurableLayer {
  package static let kind = "time_embedding"

  package struct LayerSettings: Settings {
    package var steps: Int
    package var width: Int

    package init(steps: Int, width: Int) {
      self.steps = steps
      self.width = width
    }

    package init(from reader: SettingsReader) throws(ConfigurationError) {
      steps = try reader.integer("steps", default: 1000, in: 1...(1 << 20), "what the numbers of steps are below")
      width = try reader.integer("width", in: 2...65_536, "features of the embedding, an even number")
      try reader.require(width % 2 == 0, "width", "\(width) is odd; every wave has a sine and a cosine")
    }
  }

  private let settings: LayerSettings
  package let inputShapes: [TensorShape]
  package let outputShape: TensorShape
  private let kernel: EmbeddingKernel
  /// The waves at every step, (steps, D).
  private let waves: Arena

  package init(settings: LayerSettings, inputs: [TensorShape]) throws(LayerError) {
    guard inputs.count == 1, inputs[0].rank == 1 else {
      throw LayerError(
        "time_embedding expects a step's number per sample, [batch], got \(inputs.count) inputs: \(inputs)")
    }
    guard settings.width % 2 == 0 else {
      throw LayerError("time_embedding has a sine and a cosine for every wave; a width of \(settings.width) is odd")
    }
    guard let shape = TensorShape(checking: [inputs[0][0], settings.width]),
      let table = TensorShape(checking: [settings.steps, settings.width])
    else { throw LayerError("time_embedding of \(settings.steps) steps and width \(settings.width): too large") }
    guard table.elementCount <= Self.mostWaves else {
      throw LayerError(
        "time_embedding of \(settings.steps) steps and width \(settings.width) holds \(table.elementCount) numbers, "
          + "more than \(Self.mostWaves); use fewer steps or a smaller width")
    }
    self.settings = settings
    inputShapes = inputs
    outputShape = shape
    kernel = EmbeddingKernel(vocabulary: settings.steps, width: settings.width)
    waves = Self.waves(table)
  }

  private static let longestWave = 10_000.0
  /// 64 MiB, which the estimate of a run's memory does not include.
  private static let mostWaves = 1 << 24

  private static func waves(_ shape: TensorShape) -> Arena {
    let arena = Arena(byteCount: 4 * shape.elementCount)
    var table = arena.all(as: .float32).mutableFloats
    let (width, half) = (shape[1], shape[1] / 2)
    for wave in 0..<half {
      let frequency = pow(longestWave, -Double(wave) / Double(half))
      for step in 0..<shape[0] {
        table[step * width + wave] = Float(sin(Double(step) * frequency))
        table[step * width + half + wave] = Float(cos(Double(step) * frequency))
      }
    }
    return arena
  }

  package var integerInputs: [Int: Int] { [0: settings.steps] }
  package var backwardReads: BackwardReads { [] }
  package var forwardFlops: Int { 0 }

  package func forward(_ frame: Frame) {
    kernel.forward(frame.input(), table: waves.all(as: .float32), into: frame.output)
  }

  package func backward(_ frame: Frame) {}

  package static let examples = [
    LayerExample(#"{"type": "time_embedding", "width": 22}"#, inputs: [[5]], output: [5, 22]),
    LayerExample(#"{"type": "time_embedding", "steps": 7, "width": 64}"#, inputs: [[3]], output: [3, 64]),
  ]
}
