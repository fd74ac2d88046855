import Files
import FoundationEssentials

/// The contents of a run folder, thinned where they would not fit in memory.
///
/// `norms` and `activations` keep at most `keptRecords` + 1 records at even distances, the last one included;
/// `lastNorms` keeps the window of the gradient-flow verdict. The other kinds are complete.
package struct RunLog: Sendable {
  /// The most kept records of `norms` and of `activations`.
  package static let keptRecords = 800
  /// A larger configuration file is not one of ours.
  static let largestConfiguration = 4 << 20

  /// The run folder.
  package var folder: URL
  /// The name in the records, or the folder's without a first line.
  package var name: String
  package var header: RunHeader?
  package var steps: [StepRecord] = []
  package var norms: [NormsRecord] = []
  package var lastNorms: [NormsRecord] = []
  package var activations: [ActivationsRecord] = []
  package var validations: [ValidationRecord] = []
  package var stages: [StagesRecord] = []
  package var events: [EventRecord] = []
  /// The message about unreadable samples that the run left out; nil if there are none.
  package var skippedSamples: String?
  /// The run's own verdict at its end; nil before.
  package var recordedVerdict: GradientFlow?
  /// The text of `config.resolved.json`; nil without the file.
  package var configuration: String?
  /// The evaluations of a classifier, one per split; the test split first.
  package var evaluations: [EvaluationRecord] = []
  /// The probe of a language model; nil without one.
  package var probe: ProbeRecord?
  /// Some of the run's sample grids.
  package var samples: [SampleGrids.Grid] = []
  /// Names of evaluations and probes that could not be read.
  package var damagedEvaluations: [String] = []
  /// The number of unreadable lines, and of lines that do not fit the header.
  package var damagedLines = 0

  package init(folder: URL, name: String) {
    self.folder = folder
    self.name = name
  }

  /// The verdict on the last `GradientFlow.window` norms lines, or the run's own without such lines.
  package var gradientFlow: GradientFlow {
    if lastNorms.isEmpty, let recordedVerdict { return recordedVerdict }
    return GradientFlow.judge(tensors: header?.tensors ?? [], norms: lastNorms)
  }

  /// Reads `metrics.jsonl`, `config.resolved.json`, the evaluations and the probe of a run folder.
  ///
  /// Throws `RecordsError.noRecords` where there is no `metrics.jsonl`. Damage inside it is counted, never an error.
  package static func read(folder: URL) throws(RecordsError) -> RunLog {
    var reader = try MetricsReader(folder: folder)
    var builder = RunLogBuilder(folder: folder)
    while let line = try reader.next() { builder.add(line) }
    var log = builder.log
    log.damagedLines += reader.damagedLines
    try log.readFiles()
    return log
  }

  /// Reads the other files of the run folder.
  mutating func readFiles() throws(RecordsError) {
    configuration = try Self.configuration(in: folder)
    (evaluations, damagedEvaluations) = EvaluationFile.readAll(in: folder)
    samples = SampleGrids.read(in: folder)
    let probe = ProbeFile.read(in: folder)
    self.probe = probe.record
    if probe.isDamaged { damagedEvaluations.append(ProbeFile.name) }
  }

  static func configuration(in folder: URL) throws(RecordsError) -> String? {
    let path = folder.appending(path: RunFiles.resolvedConfiguration).systemPath
    do throws(FileError) {
      let bytes = try FileSystemCalls.real.contents(of: path, largest: largestConfiguration)
      return String(decoding: bytes, as: UTF8.self)
    } catch {
      if error.code == .noSuchFileOrDirectory { return nil }
      throw .file(error)
    }
  }
}
