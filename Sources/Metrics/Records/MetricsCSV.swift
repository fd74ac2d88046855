import Files
import FoundationEssentials
import JSON

/// Exports `metrics.jsonl` as tables for spreadsheets and plotting tools.
///
/// Numbers read as in `metrics.jsonl`; a column's header ends with its unit in parentheses, if it has one. Non-finite
/// values are `nan`, `inf`, `-inf`, an absent value is empty. Lines end with a line feed.
package enum MetricsCSV {
  /// A column: its header, and its cell in the row of a record.
  fileprivate typealias Column<Record> = (header: String, cell: (Record) -> CSVCell)

  /// A row per step.
  private static var steps: [Column<StepRecord>] {
    [
      ("step (updates)", { .integer($0.step) }), ("epoch (passes)", { .number($0.epoch) }),
      ("loss", { .number(Double($0.loss)) }), ("learning_rate", { .number($0.learningRate) }),
      ("gradient_norm (L2)", { .number(Double($0.gradientNorm)) }),
      ("clip_scale (ratio)", { .number(Double($0.clipScale)) }),
      ("samples_per_second (1/s)", { .rounded($0.samplesPerSecond) }),
      ("step_ms (ms)", { .rounded($0.stepMilliseconds) }),
    ]
  }

  /// A row per evaluation.
  private static var validation: [Column<ValidationRecord>] {
    [
      ("step (updates)", { .integer($0.step) }), ("split", { .text($0.split) }),
      ("loss", { .number(Double($0.loss)) }),
      ("accuracy (share)", { $0.accuracy.map { .number(Double($0)) } ?? .text("") }),
      ("count (samples)", { .integer($0.count) }), ("is_ema", { .text($0.isEMA ? "true" : "false") }),
    ]
  }

  fileprivate typealias TensorRow = (step: Int, tensor: TensorDescription, norms: TensorNorms)

  /// A row per tensor and logged step.
  private static var norms: [Column<TensorRow>] {
    [
      ("step (updates)", { .integer($0.step) }), ("tensor", { .text($0.tensor.name) }),
      ("depth (layers from input)", { .integer($0.tensor.depth) }), ("elements", { .integer($0.tensor.elementCount) }),
      ("gradient_l2", { .rounded(Double($0.norms.gradientL2)) }),
      ("gradient_max", { .rounded(Double($0.norms.gradientMax)) }),
      ("gradient_nonfinite (elements)", { .integer(Int($0.norms.gradientNonfinite)) }),
      ("parameter_l2", { .rounded(Double($0.norms.parameterL2)) }),
      ("parameter_max", { .rounded(Double($0.norms.parameterMax)) }),
      ("update_l2", { .rounded(Double($0.norms.updateL2)) }), ("update_max", { .rounded(Double($0.norms.updateMax)) }),
    ]
  }

  /// Names of the tables.
  package static let fileNames = ["steps.csv", "validation.csv", "norms.csv"]

  /// Streams the records in `folder` into `steps.csv`, `validation.csv` and `norms.csv` in `destination`, replacing
  /// earlier ones. Returns the number of damaged lines that were skipped.
  @discardableResult
  package static func write(
    folder: URL, to destination: URL, calls: FileSystemCalls = .real
  ) throws(RecordsError) -> Int {
    var reader = try MetricsReader(folder: folder)
    var steps = try CSVFile(steps, fileNames[0], in: destination, calls)
    var validation = try CSVFile(validation, fileNames[1], in: destination, calls)
    var norms = try CSVFile(norms, fileNames[2], in: destination, calls)
    var tensors: [TensorDescription] = []
    var misfits = 0
    while let line = try reader.next() {
      switch line {
      case .run(let header): tensors = header.tensors
      case .step(let record): try steps.row(record)
      case .validation(let record): try validation.row(record)
      case .norms(let record) where record.tensors.count == tensors.count:
        for (description, values) in zip(tensors, record.tensors) {
          try norms.row((record.step, description, values))
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

/// A cell of a CSV file.
package enum CSVCell {
  case integer(Int)
  /// A number with all digits of a float32.
  case number(Double)
  /// A number with as many digits as norms have.
  case rounded(Double)
  case text(String)

  fileprivate func write(to buffer: inout LineBuffer) {
    switch self {
    case .integer(let value): buffer.integer(value)
    case .number(let value): Self.write(value, digits: LineBuffer.exactDigits, to: &buffer)
    case .rounded(let value): Self.write(value, digits: LineBuffer.normDigits, to: &buffer)
    case .text(let value): buffer.raw(Self.quoted(value))
    }
  }

  private static func write(_ value: Double, digits: Int, to buffer: inout LineBuffer) {
    if value.isFinite {
      buffer.number(value, digits: digits)
    } else {
      buffer.raw(value.isNaN ? "nan" : value > 0 ? "inf" : "-inf")
    }
  }

  /// Text in quotes where RFC 4180 demands them. An apostrophe before a leading sign or equals sign keeps spreadsheets
  /// from taking a name for a formula.
  package static func quoted(_ value: String) -> String {
    let isFormula = value.first.map { "=+@\t\r".contains($0) } == true || value.first == "-" && Double(value) == nil
    let safe = isFormula ? "'" + value : value
    guard safe.utf8.contains(where: { [0x22, 0x2C, 0x0A, 0x0D].contains($0) }) else { return safe }
    return "\"" + safe.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
  }
}

/// One table on its way to the disk.
private struct CSVFile<Record>: ~Copyable {
  private let columns: [MetricsCSV.Column<Record>]
  private var file: ReplacementFile
  private var buffer = LineBuffer(capacity: 2 * MetricsWriter.flushThreshold)

  init(_ columns: [MetricsCSV.Column<Record>], _ name: String, in folder: URL, _ calls: FileSystemCalls) throws(RecordsError) {
    let header = columns.map(\.header).joined(separator: ",")
    file = try RecordsError.files { () throws(FileError) in
      let path = folder.appending(path: name).systemPath
      try OwnFile("table", beginningWith: header).check(path, calls: calls)
      return try ReplacementFile(for: path, calls: calls)
    }
    self.columns = columns
    buffer.raw(header + "\n")
  }

  mutating func row(_ record: Record) throws(RecordsError) {
    for (place, column) in columns.enumerated() {
      if place > 0 { buffer.raw(",") }
      column.cell(record).write(to: &buffer)
    }
    buffer.raw("\n")
    if buffer.count >= MetricsWriter.flushThreshold { try RecordsError.files { () throws(FileError) in try flush() } }
  }

  mutating func finish() throws(RecordsError) {
    try RecordsError.files { () throws(FileError) in
      try flush()
      try file.commit()
    }
  }

  private mutating func flush() throws(FileError) {
    try file.write(buffer.bytes, count: buffer.count)
    buffer.removeAll()
  }
}
