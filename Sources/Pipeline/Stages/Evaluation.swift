import Arenas
import DataReading
import Kernels

/// One look at a held-out split: every sample exactly once, whatever the number of lanes.
package final class Evaluation: Sendable {
  private let samples: SampleSet
  private let rows: Int
  private let lanes: Int
  private let usesAverage: Bool
  private let results: SharedArray<LossSums>

  init(_ samples: SampleSet, rows: Int, lanes: Int, usesAverage: Bool) {
    self.samples = samples
    self.rows = rows
    self.lanes = lanes
    self.usesAverage = usesAverage
    results = SharedArray(repeating: LossSums(), count: (samples.count + rows - 1) / rows)
  }

  /// Plays every `lanes`-th batch.
  func run(_ programs: LanePrograms, lane: Int) {
    let program = programs.evaluation(usesAverage: usesAverage)
    for batch in stride(from: lane, to: results.count, by: lanes) {
      let first = batch * rows
      let count = min(rows, samples.count - first)
      for row in 0..<count {
        programs.evaluationBatch.read(samples[first + row], .evaluation, with: programs.reader, row: row)
      }
      programs.bindEvaluationBatch(to: program)
      program.pass.validRows = count
      results[batch] = program.forward()
    }
  }

  /// The sums over all batches, added in their order.
  func total() -> LossSums {
    var total = LossSums()
    for batch in 0..<results.count { total.merge(results[batch]) }
    return total
  }
}
