import Glibc
import JSON
import Metrics

/// The part of a run's data that shows gradients through depth.
extension Report {
  /// Heat-map cells are hundredths of log10 in whole numbers: two decimals are more than a colour can tell.
  private static let cellScale = 100.0

  /// - Parameter cells: Most heat-map cells for this run.
  static func gradients(_ run: RunLog, _ layers: WeightLayers, cells: Int, _ text: inout JSONText) {
    // [record][layer]
    let table = run.norms.map { record in layers.depths.indices.map { layers.log10GradientRMS($0, record) } }
    text.object("layers") { text in
      text.field("names", layers.names)
      text.field("depths", layers.depths.map { Double($0) })
    }
    text.array("profiles") { text in
      guard !table.isEmpty, !layers.depths.isEmpty else { return }
      let columns = layers.depths.indices.map { layer in table.map { $0[layer] }.filter(\.isFinite) }
      profile("first", step: run.norms.first?.step, table.first ?? [], &text)
      if table.count > 1 {
        profile("median", step: nil, columns.map { GradientFlow.median($0) }, &text)
        profile("last", step: run.norms.last?.step, table.last ?? [], &text)
      }
    }
    let ratios = layers.depths.indices.map { layer in
      let values = run.norms.map { layers.updateRatio(layer, $0) }.filter { $0.isFinite && $0 > 0 }
      return log10(GradientFlow.median(values))
    }
    text.field("update_ratio", ratios)
    heatMap(run, table, cells: cells, &text)
  }

  private static func profile(_ name: String, step: Int?, _ values: [Double], _ text: inout JSONText) {
    text.object { text in
      text.field("name", name)
      text.field("step", step.map { Double($0) }, digits: LineBuffer.exactDigits)
      text.field("log10_rms", values)
    }
  }

  /// Rows are layers from the input, columns logged steps. A cell is 100·log10(rms), null where it is not finite.
  private static func heatMap(_ run: RunLog, _ table: [[Double]], cells: Int, _ text: inout JSONText) {
    let layerCount = table.first?.count ?? 0
    var rows: [Range<Int>] = []
    Curve.forEachBucket(of: layerCount, heatRows) { rows.append($0) }
    let most = min(heatColumns, max(10, cells / max(1, rows.count)))
    var columns: [Int] = []
    Curve.forEachBucket(of: table.count, most) { columns.append($0.lowerBound) }
    // The last column is the end of the run.
    if let last = columns.indices.last { columns[last] = table.count - 1 }
    text.object("heat") { text in
      text.field("steps", columns.map { Double(run.norms[$0].step) }, digits: LineBuffer.exactDigits)
      text.field("row_layers", rows.map { Double($0.lowerBound) })
      text.array("rows") { text in
        for row in rows {
          let values = columns.map { column in
            let sum = row.reduce(0.0) { $0 + table[column][$1] }
            return (sum / Double(row.count) * cellScale).rounded()
          }
          text.field(nil, values)
        }
      }
    }
  }
}
