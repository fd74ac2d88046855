import FoundationEssentials
import JSON

/// Exports `metrics.jsonl` as tables for spreadsheets and plotting tools.
///
/// Numbers stand as they do in `metrics.jsonl`; every column's header ends with its unit in parentheses where it has
/// one. Non-finite values are `nan`, `inf`, `-inf`, an absent value is empty. Lines end with a line feed.
package enum MetricsCSV {
  package enum Table: String, Sendable, CaseIterable {
    /// `steps.csv`: a row a step.
    case steps
    /// `validation.csv`: a row an evaluation.
    case validation
    /// `norms.csv`: a row a tensor and logged step.
    case norms

    package var fileName: String { rawValue + ".csv" }

    var header: StaticString {
      switch self {
      case .steps:
        """
        step (updates),epoch (passes),loss,learning_rate,gradient_norm (L2),clip_scale (ratio),\
        samples_per_second (1/s),step_ms (ms)\n
        """
      case .validation: "step (updates),split,loss,accuracy (share),count (samples),is_ema\n"
      case .norms:
        """
        step (updates),tensor,depth (layers from input),elements,gradient_l2,gradient_max,\
        gradient_nonfinite (elements),parameter_l2,parameter_max,update_l2,update_max\n
        """
      }
    }
  }

  /// Streams the records in `folder` into `steps.csv`, `validation.csv` and `norms.csv` in `destination`, replacing
  /// earlier ones. Returns the number of damaged lines passed over.
  @discardableResult
  package static func write(folder: URL, to destination: URL) throws(RecordsError) -> Int {
    var reader = try MetricsReader(folder: folder)
    var steps = try CSVFile(.steps, in: destination)
    var validation = try CSVFile(.validation, in: destination)
    var norms = try CSVFile(.norms, in: destination)
    var tensors: [TensorDescription] = []
    var misfits = 0
    while let line = try reader.next() {
      switch line {
      case .run(let header): tensors = header.tensors
      case .step(let record): try steps.row(record)
      case .validation(let record): try validation.row(record)
      case .norms(let record) where record.tensors.count == tensors.count:
        for (description, values) in zip(tensors, record.tensors) {
          try norms.row(record.step, description, values)
        }
      case .norms: misfits += 1
      case .activations, .stages, .event, .verdict: break
      }
    }
    try steps.finish()
    try validation.finish()
    try norms.finish()
    return reader.damagedLines + misfits
  }
}

/// One table on its way to the disk.
private struct CSVFile: ~Copyable {
  private var file: LogFile
  private var buffer = LineBuffer(capacity: 2 * MetricsWriter.flushThreshold)

  init(_ table: MetricsCSV.Table, in folder: URL) throws(RecordsError) {
    file = try LogFile(path: folder.appending(path: table.fileName).systemPath, mode: .replace)
    buffer.raw(table.header)
  }

  mutating func row(_ record: StepRecord) throws(RecordsError) {
    buffer.integer(record.step)
    number(record.epoch)
    number(Double(record.loss))
    number(record.learningRate)
    number(Double(record.gradientNorm))
    number(Double(record.clipScale))
    number(record.samplesPerSecond, digits: LineBuffer.normDigits)
    number(record.stepMilliseconds, digits: LineBuffer.normDigits)
    try end()
  }

  mutating func row(_ record: ValidationRecord) throws(RecordsError) {
    buffer.integer(record.step)
    text(record.split)
    number(Double(record.loss))
    if let accuracy = record.accuracy { number(Double(accuracy)) } else { buffer.raw(",") }
    buffer.raw(",")
    buffer.integer(record.count)
    buffer.raw(record.isEMA ? ",true" : ",false")
    try end()
  }

  mutating func row(_ step: Int, _ tensor: TensorDescription, _ norms: TensorNorms) throws(RecordsError) {
    buffer.integer(step)
    text(tensor.name)
    buffer.raw(",")
    buffer.integer(tensor.depth)
    buffer.raw(",")
    buffer.integer(tensor.elementCount)
    number(Double(norms.gradientL2), digits: LineBuffer.normDigits)
    number(Double(norms.gradientMax), digits: LineBuffer.normDigits)
    buffer.raw(",")
    buffer.integer(Int(norms.gradientNonfinite))
    for value in [norms.parameterL2, norms.parameterMax, norms.updateL2, norms.updateMax] {
      number(Double(value), digits: LineBuffer.normDigits)
    }
    try end()
  }

  mutating func finish() throws(RecordsError) {
    try file.append(buffer.bytes, count: buffer.count)
    buffer.removeAll()
  }

  private mutating func end() throws(RecordsError) {
    buffer.raw("\n")
    if buffer.count >= MetricsWriter.flushThreshold { try finish() }
  }

  private mutating func number(_ value: Double, digits: Int = LineBuffer.exactDigits) {
    buffer.raw(",")
    if value.isFinite {
      buffer.number(value, digits: digits)
    } else {
      buffer.raw(value.isNaN ? "nan" : value > 0 ? "inf" : "-inf")
    }
  }

  /// Text in quotes where RFC 4180 asks for them. A leading sign or equals sign gets an apostrophe, so that no
  /// spreadsheet takes a name for a formula.
  private mutating func text(_ value: String) {
    buffer.raw(",")
    let safe = value.first.map { "=+-@\t\r".contains($0) } == true ? "'" + value : value
    if safe.utf8.contains(where: { [0x22, 0x2C, 0x0A, 0x0D].contains($0) }) {
      buffer.raw("\"" + safe.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\"")
    } else {
      buffer.raw(safe)
    }
  }
}
