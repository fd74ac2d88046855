import Configuration
import Foundation
import Tensors

/// Samples mixed in pairs, targets with them (mixup: Zhang et al. 2017, arXiv:1710.09412; CutMix: Yun et al. 2019,
/// arXiv:1905.04899).
///
///     mixup:  x ← λ·x + (1 − λ)·x′      CutMix:  a box of x′ laid over x, with 1 − λ of its area
///     target ← λ·y + (1 − λ)·y′         λ ~ Beta(α, α)
///
/// The papers mix a batch with itself in another order, by one λ. Here every sample has a λ of its own and a partner x′
/// from the whole training split, so that a mixed sample is a pure function of (seed, epoch, sample). Where both are
/// on, each sample is mixed by one of them with equal chances.
package struct SampleMixing: Sendable {
  /// The α of each; nil where it is off.
  private let mixup: Double?
  private let cutmix: Double?
  private let training: SampleSet
  private let seed: UInt64
  /// The shape of inputs that are images.
  private let image: ImageShape?

  /// The partner of one sample, and how both are mixed.
  package struct Draw: Sendable, Equatable {
    package var partner: Int
    /// λ: how much of the sample itself stays.
    package var share: Float
    /// The rows and columns of the partner that cover the sample's; nil for mixup.
    package var box: Box?
  }

  package struct Box: Sendable, Equatable {
    package var rows: Range<Int>
    package var columns: Range<Int>
  }

  init(mixup: Double?, cutmix: Double?, training: SampleSet, seed: UInt64, image: ImageShape?) {
    self.mixup = mixup
    self.cutmix = cutmix
    self.training = training
    self.seed = seed
    self.image = image
  }

  /// - Parameter sample: its index in the source.
  package func draw(_ sample: Int, epoch: Int) -> Draw {
    var dice = SampleDice(
      RandomStream(seed: seed, purpose: .mixing, step: epoch, stream: sample), from: (sample >> 24) << 40)
    let partner = training[dice.integer(below: training.count)]
    let isCut = dice.happens(0.5)
    if let image, let cutmix, isCut || mixup == nil {
      let box = Self.box(image, area: 1 - dice.beta(cutmix), &dice)
      let covered = Float(box.rows.count * box.columns.count) / Float(image.height * image.width)
      return Draw(partner: partner, share: 1 - covered, box: box)
    }
    return Draw(partner: partner, share: Float(dice.beta(mixup ?? 1)), box: nil)
  }

  /// A box of the image's proportions with its middle anywhere, clipped to the image.
  private static func box(_ image: ImageShape, area: Double, _ dice: inout SampleDice) -> Box {
    func range(_ extent: Int) -> Range<Int> {
      let length = Int(Double(extent) * area.squareRoot())
      let first = dice.integer(below: extent) - length / 2
      return max(first, 0)..<max(min(first + length, extent), 0)
    }
    return Box(rows: range(image.height), columns: range(image.width))
  }

  /// Writes λ·x + (1 − λ)·x′, or x′ in the box, over `output`, which holds x.
  func mix(_ partner: TensorSlice, _ draw: Draw, into output: TensorSlice) {
    if let box = draw.box, let image {
      for row in box.rows {
        let start = row * image.rowCount
        let values = start + box.columns.lowerBound * image.channels..<start + box.columns.upperBound * image.channels
        output.slice(values).copy(from: partner.slice(values))
      }
    } else {
      let other = partner.floats
      var values = output.mutableFloats
      precondition(other.count == values.count)
      let (share, rest) = (draw.share, 1 - draw.share)
      for i in values.indices { values[i] = values[i] * share + other[i] * rest }
    }
  }
}

extension SampleDice {
  /// Beta(α, α): G / (G + G′) of two gamma variates, through their logarithms, which do not vanish for a small α.
  mutating func beta(_ alpha: Double) -> Double {
    let (a, b) = (logarithmOfGamma(alpha), logarithmOfGamma(alpha))
    return 1 / (1 + exp(b - a))
  }

  /// The logarithm of a Gamma(α) variate: Marsaglia and Tsang 2000 for α + 1, times U^(1/α).
  private mutating func logarithmOfGamma(_ alpha: Double) -> Double {
    let d = alpha + 2.0 / 3
    let c = 1 / (9 * d).squareRoot()
    while true {
      let x = normal()
      let root = 1 + c * x
      guard root > 0 else { continue }
      let v = root * root * root
      if log(positiveUnit()) < 0.5 * x * x + d - d * v + d * log(v) { return log(d * v) + log(positiveUnit()) / alpha }
    }
  }

  /// Uniform in 0 ..< 1 without 0.
  private mutating func positiveUnit() -> Double { Double(unit()) + 0x1p-25 }

  /// Standard normal (Box and Muller 1958).
  private mutating func normal() -> Double { (-2 * log(positiveUnit())).squareRoot() * cos(2 * .pi * Double(unit())) }
}

/// The keys of "mixup".
package struct MixupSettings: Settings {
  package let alpha: Double

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    alpha = try reader.number(
      "alpha", default: 0.2, in: 0...100, above: true, "shares are Beta(alpha, alpha): small ones mix little")
  }
}

/// The keys of "cutmix".
package struct CutmixSettings: Settings {
  package let alpha: Double

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    alpha = try reader.number(
      "alpha", default: 1, in: 0...100, above: true, "areas are Beta(alpha, alpha); 1 makes all equally likely")
  }
}
