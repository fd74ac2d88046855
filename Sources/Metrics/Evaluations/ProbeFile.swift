import FoundationEssentials

/// The probe in a run folder, `probe.json`; a new one replaces the old one.
package enum ProbeFile {
  package static let name = "probe.json"

  /// Writes `record` into `folder`, over an earlier probe.
  ///
  /// - Returns: its file.
  /// - Throws: also when a file of that name is no probe: it is not replaced.
  package static func write(_ record: ProbeRecord, to folder: URL) throws(RecordsError) -> URL {
    let file = folder.appending(path: name)
    _ = try RecordFile.write(record, to: file)
    return file
  }

  /// The probe in `folder`; nil where there is none, or none that can be read.
  static func read(in folder: URL) -> (record: ProbeRecord?, isDamaged: Bool) {
    do throws(RecordFile.Damage) {
      return (try RecordFile.read(ProbeRecord.self, from: folder.appending(path: name)), false)
    } catch {
      return (nil, true)
    }
  }
}
