import Files
import FoundationEssentials

/// Everything that a run folder says about a run, thinned where it would not fit in memory.
///
/// `norms` and `activations` keep at most `keptRecords` + 1 records at even distances plus the last one, however long
/// the run was; `lastNorms` keeps the window that the gradient flow is judged by. The other kinds are kept whole.
package struct RunLog: Sendable {
  /// Most records of `norms` and of `activations` that are kept.
  package static let keptRecords = 800
  /// A larger configuration file is not one of ours.
  static let largestConfiguration = 4 << 20

  /// Where the run was read from.
  package var folder: URL
  /// The name in the records, or the folder's where the first line is missing.
  package var name: String
  package var header: RunHeader?
  package var steps: [StepRecord] = []
  package var norms: [NormsRecord] = []
  package var lastNorms: [NormsRecord] = []
  package var activations: [ActivationsRecord] = []
  package var validations: [ValidationRecord] = []
  package var stages: [StagesRecord] = []
  package var events: [EventRecord] = []
  /// What the run's data left out because it cannot be read; nil where they left out nothing.
  package var skippedSamples: String?
  /// What the run itself concluded; nil while it has not ended.
  package var recordedVerdict: GradientFlow?
  /// The text of `config.resolved.json`; nil where there is none.
  package var configuration: String?
  /// What was found out about a classifier, a split each; the test first.
  package var evaluations: [EvaluationRecord] = []
  /// What was found out about a language model and the lengths of sequences; nil where nobody asked.
  package var probe: ProbeRecord?
  /// Some of what the run drew while it went on; empty where it drew nothing.
  package var samples: [SampleGrids.Grid] = []
  /// Names of evaluations and probes that could not be read.
  package var damagedEvaluations: [String] = []
  /// Lines that could not be read, or that do not fit the header.
  package var damagedLines = 0

  package init(folder: URL, name: String) {
    self.folder = folder
    self.name = name
  }

  /// The judgement of the last `GradientFlow.window` norms lines, or the run's own where it kept none.
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

  /// Reads what lies beside the records.
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
