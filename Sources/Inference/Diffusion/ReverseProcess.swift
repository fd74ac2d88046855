import Data
import Runs
import Tensors

/// The path from noise to an image.
///
/// Each step estimates the image x̂₀ in x_t with the model, clips it to −1…1, and continues at an earlier time s:
///
///     ε̂   = (x_t − √ᾱ_t·x̂₀) / √(1 − ᾱ_t)
///     x_s = √ᾱ_s·x̂₀ + √(1 − ᾱ_s − σ²)·ε̂ + σ·z,    σ = η·√((1 − ᾱ_s) / (1 − ᾱ_t))·√(1 − ᾱ_t / ᾱ_s),    z ~ N(0, 1)
///
/// (Song et al. 2021, arXiv:2010.02502, equations 12 and 16; clipping as in Ho et al. 2020). With η = 1 and every step
/// that is DDPM with the posterior's variance. The last step leaves x̂₀ itself.
package struct ReverseProcess: Sendable {
  /// One step, as the factors of its sums.
  package struct Step: Sendable, Equatable {
    /// t, which the model reads.
    package let time: Int
    /// x̂₀ = clip(cleanFromNoisy · x_t + cleanFromPrediction · p) with the model's prediction p.
    package let cleanFromNoisy: Float
    package let cleanFromPrediction: Float
    /// x_s = nextFromClean · x̂₀ + nextFromNoisy · x_t + noise · z.
    package let nextFromClean: Float
    package let nextFromNoisy: Float
    /// σ.
    package let noise: Float
  }

  package let steps: [Step]

  /// A floor of ᾱ that keeps 1 / √ᾱ within float32.
  private static let leastSignal = 1e-30

  package init(
    _ schedule: NoiseSchedule, _ prediction: DiffusionSettings.Prediction, _ settings: SamplerSettings
  ) {
    let all = schedule.steps
    let count = settings.stepCount(of: schedule)
    let eta = settings.kind == .ddpm ? 1 : settings.eta
    let times = Self.times(count, of: all)
    steps = times.indices.map { number in
      let next = number + 1 < count ? schedule.cumulative[times[number + 1]] : 1
      return Self.step(
        times[number], from: max(schedule.cumulative[times[number]], Self.leastSignal), to: next, eta: eta, prediction)
    }
  }

  /// Evenly spaced steps, the noisiest first: the last of each `all / count`, so that the schedule's last comes first
  /// (Lin et al. 2024, arXiv:2305.08891, "trailing").
  static func times(_ count: Int, of all: Int) -> [Int] {
    precondition((1...all).contains(count))
    return (0..<count).map { ((count - $0) * all + count - 1) / count - 1 }
  }

  private static func step(
    _ time: Int, from current: Double, to next: Double, eta: Double, _ prediction: DiffusionSettings.Prediction
  ) -> Step {
    let signal = current.squareRoot()
    let noise = max(1 - current, .leastNormalMagnitude).squareRoot()
    let (fromNoisy, fromPrediction) =
      switch prediction {
      case .noise: (1 / signal, -noise / signal)
      case .v: (signal, -noise)
      case .x0: (0, 1)
      }
    // Rounding must not make a difference of two steps negative.
    let freshVariance = eta * eta * max((1 - next) / (noise * noise) * (1 - current / next), 0)
    let kept = max(1 - next - freshVariance, 0).squareRoot() / noise
    return Step(
      time: time, cleanFromNoisy: Float(fromNoisy), cleanFromPrediction: Float(fromPrediction),
      nextFromClean: Float(next.squareRoot() - kept * signal), nextFromNoisy: Float(kept),
      noise: Float(freshVariance.squareRoot()))
  }
}

extension ReverseProcess.Step {
  /// x_t becomes x_s.
  ///
  /// - Parameters:
  ///   - noisy: x_t, and x_s afterwards.
  ///   - prediction: the model's, with as many elements.
  ///   - fresh: z; ignored if the step adds no noise.
  package func apply(to noisy: TensorSlice, _ prediction: TensorSlice, fresh: TensorSlice) {
    let p = prediction.floats
    var x = noisy.mutableFloats
    precondition(p.count == x.count)
    for i in x.indices {
      let guess = cleanFromNoisy * x[i] + cleanFromPrediction * p[i]
      // A NaN stays NaN, which `ImageDrawing.isFinite` finds.
      let clean = guess > 1 ? 1 : guess < -1 ? -1 : guess
      x[i] = nextFromClean * clean + nextFromNoisy * x[i]
    }
    guard noise != 0 else { return }
    let z = fresh.floats
    precondition(z.count == x.count)
    for i in x.indices { x[i] += noise * z[i] }
  }
}
