import Data
import Kernels
import Models
import Tensors

/// The mean squared error of a denoiser in equal ranges of time, from little noise to pure noise.
///
/// The mean over all times hides weaknesses: errors at little and at much noise differ by orders of magnitude.
enum NoiseLevels {
  static let count = 10

  /// - Parameter sums: by batch and level.
  static func means(_ sums: SharedArray<LossSums>) -> [Float] {
    (0..<count).map { level in
      var total = LossSums()
      for index in stride(from: level, to: sums.count, by: count) { total.merge(sums[index]) }
      return total.weight > 0 ? Float(total.mean) : .nan
    }
  }
}

/// Compares the latest prediction of a lane's program with its targets, sample by sample.
struct NoiseLevelTally {
  private let prediction: WidePrediction
  private let timeField: Int
  private let targetField: Int
  private let steps: Int

  /// Nil if the samples are not noisy images.
  init?(_ program: LaneProgram, of data: Dataset) {
    guard let process = data.forwardProcess,
      let time = data.fields.firstIndex(where: { $0.name == SampleField.time }),
      let target = data.fields.firstIndex(where: { $0.name == SampleField.target })
    else { return nil }
    timeField = time
    targetField = target
    steps = process.schedule.steps
    prediction = WidePrediction(program)
  }

  /// - Parameter sums: zero at this batch's levels, which begin at `first`.
  func add(_ fields: [TensorSlice], rows: Int, into sums: SharedArray<LossSums>, at first: Int) {
    let predicted = prediction.read()
    let times = fields[timeField].integers
    let target = fields[targetField]
    let size = target.count / times.count
    for row in 0..<rows {
      let (x, t) = (
        predicted.slice(row * size..<(row + 1) * size).floats, target.slice(row * size..<(row + 1) * size).floats
      )
      var square = 0.0
      for i in x.indices {
        let difference = Double(x[i] - t[i])
        square += difference * difference
      }
      let level = Int(times[row]) * NoiseLevels.count / steps
      sums[first + level].merge(LossSums(value: square / Double(size), weight: 1))
    }
  }
}
