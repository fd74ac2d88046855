import FoundationEssentials

/// The evaluations in a run folder, one file per split; a new one replaces the old one.
package enum EvaluationFile {
  /// In the order of a report.
  private static let splits = ["test", "validation", "train"]

  package static func name(split: String) -> String { "evaluation-\(split).json" }

  /// Writes `record` into `folder`, over an earlier evaluation of the same split.
  ///
  /// - Returns: its file, and the earlier evaluation.
  /// - Throws: also when a file of that name is no evaluation: it is not replaced.
  @discardableResult
  package static func write(
    _ record: EvaluationRecord, to folder: URL
  ) throws(RecordsError) -> (file: URL, replaced: EvaluationRecord?) {
    let file = folder.appending(path: name(split: record.split))
    return (file, try RecordFile.write(record, to: file))
  }

  /// The evaluations in `folder`, and the names of those that could not be read.
  static func readAll(in folder: URL) -> (records: [EvaluationRecord], damaged: [String]) {
    var records: [EvaluationRecord] = []
    var damaged: [String] = []
    for name in splits.map(name(split:)) {
      do throws(RecordFile.Damage) {
        records += try RecordFile.read(EvaluationRecord.self, from: folder.appending(path: name)).map { [$0] } ?? []
      } catch {
        damaged.append(name)
      }
    }
    return (records, damaged)
  }
}
