import FoundationEssentials
import JSON

/// The probe in a run folder, `probe.json`; a new one takes the place of the old one at once.
package enum ProbeFile {
  package static let name = "probe.json"
  /// A larger file is not one of ours.
  private static let largestFile = 64 << 20

  /// Writes `record` into `folder`, over an earlier probe.
  ///
  /// - Returns: where it is.
  /// - Throws: also when a file of that name is there that is no probe: it is not replaced.
  package static func write(_ record: ProbeRecord, to folder: URL) throws(RecordsError) -> URL {
    let file = folder.appending(path: name)
    let path = file.systemPath
    if FileManager.default.fileExists(atPath: path) {
      do throws(ProbeRecord.Damage) {
        _ = try read(path)
      } catch {
        throw .notReplaced(path: path, reason: error.reason)
      }
    }
    try LogFile.replace(path, with: Array(record.json.compactText.utf8) + [UInt8(ascii: "\n")])
    return file
  }

  /// The probe in `folder`; nil where there is none, or none that can be read.
  static func read(in folder: URL) -> (record: ProbeRecord?, isDamaged: Bool) {
    let path = folder.appending(path: name).systemPath
    guard FileManager.default.fileExists(atPath: path) else { return (nil, false) }
    do throws(ProbeRecord.Damage) {
      return (try read(path), false)
    } catch {
      return (nil, true)
    }
  }

  private static func read(_ path: String) throws(ProbeRecord.Damage) -> ProbeRecord {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    guard attributes?[.type] as? FileAttributeType == .typeRegular, let size = attributes?[.size] as? Int,
      size <= largestFile, let data = FileManager.default.contents(atPath: path)
    else { throw ProbeRecord.Damage(reason: "not a file that can be read") }
    let bytes = Array(data)
    guard let json = try? JSONParser.parse(bytes.span) else { throw ProbeRecord.Damage(reason: "not JSON") }
    return try ProbeRecord(json: json)
  }
}
