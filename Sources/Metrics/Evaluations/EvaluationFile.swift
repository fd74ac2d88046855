import FoundationEssentials
import JSON

/// The evaluations in a run folder, one file a split; a new one takes the place of the old one at once.
package enum EvaluationFile {
  /// A larger file is not one of ours.
  static let largestFile = 64 << 20
  /// In the order in which a report shows them.
  private static let splits = ["test", "validation", "train"]

  package static func name(split: String) -> String { "evaluation-\(split).json" }

  /// Writes `record` into `folder`, over an earlier evaluation of the same split.
  ///
  /// - Returns: where it is, and what was there before.
  /// - Throws: also when a file of that name is there that is no evaluation: it is not replaced.
  @discardableResult
  package static func write(
    _ record: EvaluationRecord, to folder: URL
  ) throws(RecordsError) -> (file: URL, replaced: EvaluationRecord?) {
    let file = folder.appending(path: name(split: record.split))
    let path = file.systemPath
    var replaced: EvaluationRecord?
    if FileManager.default.fileExists(atPath: path) {
      do throws(EvaluationRecord.Damage) {
        replaced = try read(path)
      } catch {
        throw .notReplaced(path: path, reason: error.reason)
      }
    }
    let text = record.json
    try LogFile.replace(path, with: Array(text.bytes) + [UInt8(ascii: "\n")])
    return (file, replaced)
  }

  /// The evaluations in `folder`, and the names of those that could not be read.
  static func readAll(in folder: URL) -> (records: [EvaluationRecord], damaged: [String]) {
    var records: [EvaluationRecord] = []
    var damaged: [String] = []
    for name in splits.map(name(split:)) {
      let path = folder.appending(path: name).systemPath
      guard FileManager.default.fileExists(atPath: path) else { continue }
      do throws(EvaluationRecord.Damage) {
        records.append(try read(path))
      } catch {
        damaged.append(name)
      }
    }
    return (records, damaged)
  }

  private static func read(_ path: String) throws(EvaluationRecord.Damage) -> EvaluationRecord {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    guard attributes?[.type] as? FileAttributeType == .typeRegular, let size = attributes?[.size] as? Int,
      size <= largestFile, let data = FileManager.default.contents(atPath: path)
    else { throw EvaluationRecord.Damage(reason: "not a file that can be read") }
    let bytes = Array(data)
    guard let json = try? JSONParser.parse(bytes.span) else {
      throw EvaluationRecord.Damage(reason: "not JSON")
    }
    return try EvaluationRecord(json: json)
  }
}
