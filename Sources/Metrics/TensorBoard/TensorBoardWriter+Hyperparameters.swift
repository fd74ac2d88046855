import JSON

/// A run's settings for TensorBoard's text and HParams plugins.
///
/// HParams reads two summaries whose metadata hold a message `HParamsPluginData` (`plugins/hparams/api.proto` and
/// `plugin_data.proto`): the settings from a run's beginning, and the outcome from its end.
extension TensorBoardWriter {
  package enum SessionEnd: Int, Sendable {
    case success = 1
    case failure = 2
  }

  /// Numbers of `HParamsPluginData`'s fields.
  private static let sessionStart = 3
  private static let sessionEnd = 4
  /// `DT_FLOAT`.
  private static let floatType = 1

  /// Writes a run's configuration: as a text, and as hyperparameters that compare runs.
  ///
  /// - Parameters:
  ///   - configuration: resolved; its values become hyperparameters under their paths, `optimizer.learning_rate`.
  ///   - group: runs of one group are repetitions to HParams; nil for a run of its own.
  package func settings(_ configuration: JSON, group: String?) throws(RecordsError) {
    // Four spaces mark code in Markdown.
    let code = configuration.prettyText.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n")
    try text("configuration", code, step: 0)
    let start = wallTime
    try plugin("_hparams_/session_start_info") { data in
      data.field(Self.sessionStart) { info in
        Self.walk(configuration, path: "") { key, value in
          info.field(1) { entry in
            entry.field(1, key)
            entry.field(2) { Self.write(value, into: &$0) }
          }
        }
        if let group { info.field(4, group) }
        info.field(5, start)
      }
    }
  }

  /// Writes the outcome of the run. TensorBoard keeps the first such message, so an interrupted run writes none.
  package func sessionEnds(_ end: SessionEnd) throws(RecordsError) {
    let time = wallTime
    try plugin("_hparams_/session_end_info") { data in
      data.field(Self.sessionEnd) { info in
        info.field(1, end.rawValue)
        info.field(2, time)
      }
    }
  }

  /// A summary with all of its content in the metadata.
  private func plugin(_ tag: String, _ data: (inout ProtoBuffer) -> Void) throws(RecordsError) {
    var content = ProtoBuffer()
    data(&content)
    let bytes = content.bytes
    try summary(step: 0) { summary in
      summary.field(1) { value in
        value.field(1, tag)
        // Readers expect a tensor; HParams writes a single zero itself.
        value.field(8) { tensor in
          tensor.field(1, Self.floatType)
          tensor.field(2) { $0.field(2) { $0.field(1, 1) } }
          tensor.field(5, Float(0))
        }
        value.field(9) { metadata in
          metadata.field(1) { plugin in
            plugin.field(1, "hparams")
            plugin.field(2, bytes: bytes)
          }
        }
      }
    }
  }

  /// Visits every value except nonempty objects.
  private static func walk(_ json: JSON, path: String, _ visit: (String, JSON) -> Void) {
    guard let members = json.members, !members.isEmpty else {
      if !path.isEmpty { visit(path, json) }
      return
    }
    for member in members where member.key != "$schema" {
      walk(member.value, path: path.isEmpty ? member.key : "\(path).\(member.key)", visit)
    }
  }

  /// `google.protobuf.Value`.
  private static func write(_ value: JSON, into proto: inout ProtoBuffer) {
    if let number = value.double {
      proto.field(2, number)
    } else if let flag = value.boolean {
      proto.field(4, flag ? 1 : 0)
    } else {
      proto.field(3, value.string ?? value.compactText)
    }
  }
}
