import FoundationEssentials
import JSON

/// A record that is a JSON file of its own in a run folder.
enum RecordFile {
  /// A larger file is not one of ours.
  private static let largestFile = 64 << 20

  /// Why a file is not read.
  struct Damage: Error { let reason: String }

  /// Writes `record` over an earlier one.
  ///
  /// - Returns: the earlier record.
  /// - Throws: also when the file exists and is no such record: it is not replaced.
  static func write<Record: JSONRecord>(_ record: Record, to file: URL) throws(RecordsError) -> Record? {
    let path = file.systemPath
    var replaced: Record?
    do throws(Damage) {
      replaced = try read(Record.self, from: file)
    } catch {
      throw .notReplaced(path: path, reason: error.reason)
    }
    try LogFile.replace(path, with: record.json.markupSafeText + [UInt8(ascii: "\n")])
    return replaced
  }

  /// - Returns: nil where there is no file.
  static func read<Record: JSONRecord>(_ type: Record.Type, from file: URL) throws(Damage) -> Record? {
    let path = file.systemPath
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    guard attributes?[.type] as? FileAttributeType == .typeRegular, let size = attributes?[.size] as? Int,
      size <= largestFile, let data = FileManager.default.contents(atPath: path)
    else { throw Damage(reason: "not a file that can be read") }
    let bytes = Array(data)
    guard let json = try? JSONParser.parse(bytes.span) else { throw Damage(reason: "not JSON") }
    do throws(JSONMismatch) {
      return try Record(json: json)
    } catch {
      throw Damage(reason: error.description)
    }
  }
}
