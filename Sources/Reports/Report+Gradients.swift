import Glibc
import JSON
import Metrics

/// The part of a run's data that shows gradients through depth.
extension Report {
  /// Heat-map cells are hundredths of log10 in whole numbers: a color cannot show more than two decimals.
  private static let cellScale = 100.0

  /// - Parameter cells: the run's share of heat-map cells.
  static func gradients(_ run: RunLog, cells: Int) -> JSON {
    let layers = WeightLayers(run.header?.tensors ?? [])
    // [record][layer]
    let table = run.norms.map { record in layers.depths.indices.map { layers.log10GradientRMS($0, record) } }
    var profiles: [JSON] = []
    if let first = table.first, let last = table.last, !layers.depths.isEmpty {
      profiles.append(profile("first", step: run.norms.first?.step, first))
      if table.count > 1 {
        let columns = layers.depths.indices.map { layer in table.map { $0[layer] }.filter(\.isFinite) }
        profiles.append(profile("median", step: nil, columns.map { GradientFlow.median($0) }))
        profiles.append(profile("last", step: run.norms.last?.step, last))
      }
    }
    let ratios = layers.depths.indices.map { layer in
      let values = run.norms.map { layers.updateRatio(layer, $0) }.filter { $0.isFinite && $0 > 0 }
      return log10(GradientFlow.median(values))
    }
    return [
      "layers": ["names": layers.names, "depths": layers.depths] as JSON, "profiles": profiles,
      "update_ratio": JSON.finite(ratios), "heat": heatMap(run, table, cells: cells),
    ]
  }

  private static func profile(_ name: String, step: Int?, _ values: [Double]) -> JSON {
    ["name": name, "step": step, "log10_rms": JSON.finite(values)]
  }

  /// Rows are layers from the input, columns logged steps. A cell is 100·log10(rms), null where it is not finite.
  private static func heatMap(_ run: RunLog, _ table: [[Double]], cells: Int) -> JSON {
    let layerCount = table.first?.count ?? 0
    var rows: [Range<Int>] = []
    Curve.forEachBucket(of: layerCount, heatRows) { rows.append($0) }
    let most = min(heatColumns, max(10, cells / max(1, rows.count)))
    var columns: [Int] = []
    Curve.forEachBucket(of: table.count, most) { columns.append($0.lowerBound) }
    // The last column is the end of the run.
    if let last = columns.indices.last { columns[last] = table.count - 1 }
    let means = rows.map { row in
      columns.map { column in
        let sum = row.reduce(0.0) { $0 + table[column][$1] }
        return (sum / Double(row.count) * cellScale).rounded()
      }
    }
    return [
      "steps": columns.map { run.norms[$0].step }, "row_layers": rows.map(\.lowerBound),
      "rows": means.map { JSON.finite($0) },
    ]
  }
}
