import Data
import Models
import Runs
import Tensors

/// A lane's batch buffer for evaluation, with the reader that fills it.
package final class EvaluationBatch {
  private let reader: SampleReader
  private var batch: MicroBatch
  private let boundFields: [RunPlan.BoundField]

  package init(_ plan: RunPlan) {
    reader = SampleReader(plan.data)
    batch = MicroBatch(fields: plan.data.fields, rows: plan.rows)
    boundFields = plan.boundFields
  }

  /// One tensor per field of the data, (rows, …).
  var fields: [TensorSlice] { batch.fields }

  /// Reads the samples at some positions of a split into the first rows, and binds `program` to them.
  func read(_ positions: Range<Int>, of samples: SampleSet, _ reading: Reading, for program: LaneProgram) {
    for (row, position) in positions.enumerated() { batch.read(samples[position], reading, with: reader, row: row) }
    for field in boundFields { program.bind(field: field.graph, to: batch.fields[field.data]) }
    program.pass.validRows = positions.count
  }
}
