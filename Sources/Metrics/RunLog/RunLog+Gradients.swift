extension RunLog {
  /// log10 of the root mean square gradient of the weight layers, from the input, over the logged steps.
  ///
  /// - Parameters:
  ///   - rows: the most layers, evenly spread.
  ///   - columns: the most steps, evenly spread; the last is the newest.
  package func gradientTable(rows: Int, columns: Int) -> (names: [String], rows: [[Double]]) {
    let layers = WeightLayers(header?.tensors ?? [])
    guard rows > 0, columns > 0, !norms.isEmpty, !layers.depths.isEmpty else { return ([], []) }
    var picked: [Int] = []
    Curve.forEachBucket(of: layers.depths.count, rows) { picked.append($0.lowerBound) }
    var steps: [Int] = []
    Curve.forEachBucket(of: norms.count, columns) { steps.append($0.upperBound - 1) }
    return (
      picked.map { layers.names[$0] },
      picked.map { layer in steps.map { layers.log10GradientRMS(layer, norms[$0]) } }
    )
  }
}
