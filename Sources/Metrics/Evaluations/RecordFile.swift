import Files
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
    try RecordsError.files { () throws(FileError) in
      try ReplacementFile.write(record.json.markupSafeText + [UInt8(ascii: "\n")], to: path)
    }
    return replaced
  }

  /// - Returns: nil where there is no file.
  static func read<Record: JSONRecord>(_ type: Record.Type, from file: URL) throws(Damage) -> Record? {
    let bytes: [UInt8]
    do throws(FileError) {
      bytes = try FileSystemCalls.real.contents(of: file.systemPath, largest: largestFile, followsLinks: false)
    } catch {
      if error.code == .noSuchFileOrDirectory { return nil }
      throw Damage(reason: error.reason)
    }
    guard let json = try? JSONParser.parse(bytes.span) else { throw Damage(reason: "not JSON") }
    do throws(JSONMismatch) {
      return try Record(json: json)
    } catch {
      throw Damage(reason: error.description)
    }
  }
}
