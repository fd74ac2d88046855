import Data
import Foundation
import Inference
import Runs
import Tensors
import Testing

/// The path from noise to data whose optimal prediction is known.
struct ReverseProcessTests {
  private static let count = 16_384
  private static let mean = 0.2
  private static let deviation = 0.15
  private static let variance = deviation * deviation

  /// Draws data that are one Gaussian: E[x₀ | x_t] = μ + √ᾱ·s² / (ᾱ·s² + 1 − ᾱ) · (x_t − √ᾱ·μ).
  private func drawn(
    _ schedule: NoiseSchedule, _ prediction: DiffusionSettings.Prediction, _ settings: SamplerSettings
  ) -> [Float] {
    let process = ReverseProcess(schedule, prediction, settings)
    let arena = Arena(byteCount: 12 * Self.count)
    let x = arena.slice(offset: 0, count: Self.count, type: .float32)
    let p = arena.slice(offset: 4 * Self.count, count: Self.count, type: .float32)
    let z = arena.slice(offset: 8 * Self.count, count: Self.count, type: .float32)
    func fill(_ step: Int, _ slice: TensorSlice) {
      RandomStream(seed: settings.seed, purpose: .sampling, step: step).fillNormal(slice)
    }
    fill(schedule.steps, x)
    for step in process.steps {
      let (signal, noise) = (schedule.signal(step.time), schedule.noise(step.time))
      let pull = signal * Self.variance / (signal * signal * Self.variance + noise * noise)
      let noisy = x.floats
      var answers = p.mutableFloats
      for i in noisy.indices {
        let clean = Self.mean + pull * (Double(noisy[i]) - signal * Self.mean)
        let hidden = (Double(noisy[i]) - signal * clean) / noise
        switch prediction {
        case .noise: answers[i] = Float(hidden)
        case .v: answers[i] = Float(signal * hidden - noise * clean)
        case .x0: answers[i] = Float(clean)
        }
      }
      if step.noise != 0 { fill(step.time, z) }
      step.apply(to: x, p, fresh: z)
    }
    return withExtendedLifetime(arena) { x.floats.indices.map { x.floats[$0] } }
  }

  private func moments(_ values: [Float]) -> (mean: Double, deviation: Double) {
    let mean = values.reduce(0) { $0 + Double($1) } / Double(values.count)
    let squares = values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
    return (mean, (squares / Double(values.count)).squareRoot())
  }

  private static func settings(_ kind: SamplerSettings.Kind, _ steps: Int? = nil, eta: Double = 0) -> SamplerSettings {
    var settings = SamplerSettings()
    settings.kind = kind
    settings.steps = steps
    settings.eta = eta
    return settings
  }

  /// The mean and the deviation of such data after a sampler's steps, by the equations of Song et al. 2021.
  private func expected(
    _ schedule: NoiseSchedule, _ settings: SamplerSettings
  ) -> (mean: Double, deviation: Double) {
    let times = ReverseProcess(schedule, .x0, settings).steps.map(\.time)
    let eta = settings.kind == .ddpm ? 1 : settings.eta
    var (mean, variance) = (0.0, 1.0)
    for (number, time) in times.enumerated() {
      let now = schedule.cumulative[time]
      let next = number + 1 < times.count ? schedule.cumulative[times[number + 1]] : 1
      let (signal, noise) = (now.squareRoot(), (1 - now).squareRoot())
      let pull = signal * Self.variance / (now * Self.variance + 1 - now)
      let fresh = eta * ((1 - next) / (1 - now)).squareRoot() * (1 - now / next).squareRoot()
      let direction = (1 - next - fresh * fresh).squareRoot()
      let clean = Self.mean + pull * (mean - signal * Self.mean)
      let slope = next.squareRoot() * pull + direction * (1 - signal * pull) / noise
      mean = next.squareRoot() * clean + direction * (mean - signal * clean) / noise
      variance = slope * slope * variance + fresh * fresh
    }
    return (mean, variance.squareRoot())
  }

  /// Samplers give the moments of their equations for every prediction and schedule; with many steps those are the
  /// data's.
  @Test(
    arguments: NoiseSchedule.Kind.allCases,
    [
      settings(.ddpm), settings(.ddim, nil), settings(.ddim, 50), settings(.ddim, 200, eta: 1),
      settings(.ddim, 150, eta: 0.5),
    ])
  func reproducesAGaussian(kind: NoiseSchedule.Kind, settings: SamplerSettings) {
    let schedule = NoiseSchedule(kind, steps: 400)
    let right = expected(schedule, settings)
    let error = right.deviation / Double(Self.count).squareRoot()
    for prediction in DiffusionSettings.Prediction.allCases {
      let found = moments(drawn(schedule, prediction, settings))
      #expect(abs(found.mean - right.mean) < 4 * error, "\(kind) \(prediction): mean \(found.mean)")
      #expect(abs(found.deviation - right.deviation) < 3 * error, "\(kind) \(prediction): \(found.deviation)")
    }
    if settings.stepCount(of: schedule) == schedule.steps {
      #expect(abs(right.mean - Self.mean) < 0.001 && abs(right.deviation / Self.deviation - 1) < 0.06)
    }
  }

  @Test func allPredictionsAreEquivalent() {
    let settings = Self.settings(.ddim, 50)
    let schedule = NoiseSchedule(.linear, steps: 400)
    let noise = drawn(schedule, .noise, settings)
    for prediction in [DiffusionSettings.Prediction.v, .x0] {
      let other = drawn(schedule, prediction, settings)
      #expect(zip(noise, other).allSatisfy { abs($0 - $1) < 1e-3 })
    }
  }

  /// All steps with η = 1 are DDPM: equations 6 and 7 of Ho et al. 2020.
  @Test(arguments: NoiseSchedule.Kind.allCases) func isThePosteriorOfDDPM(kind: NoiseSchedule.Kind) {
    let schedule = NoiseSchedule(kind, steps: 100)
    let process = ReverseProcess(schedule, .x0, Self.settings(.ddpm))
    #expect(process.steps.map(\.time) == (0..<100).reversed())
    #expect(process.steps == ReverseProcess(schedule, .x0, Self.settings(.ddim, nil, eta: 1)).steps)
    for step in process.steps {
      let t = step.time
      let before = t > 0 ? schedule.cumulative[t - 1] : 1
      let (now, beta) = (schedule.cumulative[t], schedule.betas[t])
      let fromClean = before.squareRoot() * beta / (1 - now)
      let fromNoisy = (1 - beta).squareRoot() * (1 - before) / (1 - now)
      let variance = beta * (1 - before) / (1 - now)
      #expect(abs(Double(step.nextFromClean) - fromClean) < 1e-6 * max(1, fromClean), "\(kind) \(t)")
      #expect(abs(Double(step.nextFromNoisy) - fromNoisy) < 1e-6, "\(kind) \(t)")
      #expect(abs(Double(step.noise) - variance.squareRoot()) < 1e-6, "\(kind) \(t)")
    }
  }

  @Test func takesTheLastOfEachShareOfSteps() {
    let schedule = NoiseSchedule(.linear, steps: 1000)
    func times(_ steps: Int) -> [Int] {
      ReverseProcess(schedule, .noise, Self.settings(.ddim, steps)).steps.map(\.time)
    }
    #expect(times(1) == [999] && times(4) == [999, 749, 499, 249] && times(1000) == (0..<1000).reversed())
    #expect(times(3) == [999, 666, 333])
    for steps in [7, 50, 333, 999] {
      let found = times(steps)
      #expect(found.count == steps && found[0] == 999 && zip(found, found.dropFirst()).allSatisfy { $0 > $1 })
    }
  }

  /// The last step gives the model's image, clipped, without noise.
  @Test(arguments: [SamplerSettings.Kind.ddpm, .ddim]) func endsWithTheModelsImage(kind: SamplerSettings.Kind) throws {
    let process = ReverseProcess(NoiseSchedule(.cosine, steps: 20), .x0, Self.settings(kind, 20, eta: 0))
    let last = try #require(process.steps.last)
    let arena = Arena(byteCount: 1024)
    let x = arena.slice(offset: 0, count: 4, type: .float32)
    let p = arena.slice(offset: 256, count: 4, type: .float32)
    var noisy = x.mutableFloats
    var answers = p.mutableFloats
    for (i, value) in [-3, 0.25, 7, Float.nan].enumerated() { (noisy[i], answers[i]) = (0.5, value) }
    last.apply(to: x, p, fresh: p)
    let after = x.floats
    #expect(last.noise == 0 && after[0] == -1 && after[1] == 0.25 && after[2] == 1 && after[3].isNaN)
    withExtendedLifetime(arena) {}
  }
}
