import Tensors

extension AttentionPass {
  mutating func backward(
    _ queries: AttentionHeads, _ keys: AttentionHeads, _ values: AttentionHeads, _ output: AttentionHeads,
    _ logSumExp: Floats, _ outputGradient: AttentionHeads, _ gradients: AttentionGradients
  ) {
    let padded = shape.keys.roundedUp(to: AttentionKernel.keyTile)
    let (keyGradient, valueGradient) = (at(places.keyGradient), at(places.valueGradient))
    for b in 0..<shape.batch {
      for group in 0..<shape.keyHeads {
        pack(
          keys, b, group, first: 0, count: shape.keys, padded: padded, position: 0, rows: keyRows, pairs: keyPairs)
        pack(
          values, b, group, first: 0, count: shape.keys, padded: padded, position: nil, rows: valueRows, pairs: nil)
        keyGradient.update(repeating: 0, count: padded &* places.width)
        valueGradient.update(repeating: 0, count: padded &* places.width)
        for h in group &* shape.groupSize..<(group &+ 1) &* shape.groupSize {
          backward(b, h, queries, output, logSumExp, outputGradient, gradients)
        }
        if let heads = gradients.keys {
          unpack(
            keyGradient, count: shape.keys, scale: shape.scale, position: 0, into: heads, b, group, first: 0,
            accumulate: gradients.accumulatesKeys)
        }
        if let heads = gradients.values {
          unpack(
            valueGradient, count: shape.keys, scale: 1, position: nil, into: heads, b, group, first: 0,
            accumulate: gradients.accumulatesKeys)
        }
      }
    }
  }

  /// One query head of one row: its queries' gradients, and its part of those of keys, values and bias.
  private func backward(
    _ b: Int, _ h: Int, _ queries: AttentionHeads, _ output: AttentionHeads, _ logSumExp: Floats,
    _ outputGradient: AttentionHeads, _ gradients: AttentionGradients
  ) {
    layOutBias(h)
    if biasGradient != nil {
      at(places.biasGradient).update(repeating: 0, count: shape.keys &+ shape.queries &+ places.queryTile)
    }
    let (tile, rowWords) = (places.queryTile, places.rowWords)
    var first = 0
    while first < shape.queries {
      let count = Swift.min(tile, shape.queries &- first)
      pack(
        queries, b, h, first: first, count: count, padded: tile, position: first, rows: at(places.queryRows),
        pairs: at(places.queryPairs))
      pack(
        outputGradient, b, h, first: first, count: count, padded: tile, position: nil, rows: at(places.gradientRows),
        pairs: at(places.gradientPairs))
      transpose(
        at(places.queryRows), stride: rowWords, rows: tile, columns: rowWords, into: at(places.queryColumns),
        rowStride: tile)
      transpose(
        at(places.gradientRows), stride: rowWords, rows: tile, columns: rowWords, into: at(places.gradientColumns),
        rowStride: tile)
      bringStatistics(b, h, first: first, count: count, output, outputGradient, logSumExp)
      let limit = visible(keyCount(b), from: 0, before: first &+ count)
      if limit == 0 { at(places.columns).update(repeating: 0, count: places.width &* tile) }
      var key = 0
      while key < limit {
        let keys = Swift.min(AttentionKernel.keyTile, limit &- key)
        backward(b, h, first: first, count: count, key: key, keys: keys)
        key &+= keys
      }
      if let heads = gradients.queries {
        transpose(
          at(places.columns), stride: tile, rows: places.width, columns: tile, into: at(places.staging),
          rowStride: places.width)
        unpack(
          at(places.staging), count: count, scale: shape.scale, position: first, into: heads, b, h, first: first,
          accumulate: gradients.accumulatesQueries)
      }
      first &+= tile
    }
    addBiasGradient(h)
  }

  /// L and D of a tile of queries.
  private func bringStatistics(
    _ b: Int, _ h: Int, first: Int, count: Int, _ output: AttentionHeads, _ outputGradient: AttentionHeads,
    _ logSumExp: Floats
  ) {
    let (corrections, sums) = (at(places.peaks), at(places.sums))
    let kept = logSumExp + ((b &* shape.heads &+ h) &* shape.queries &+ first)
    let d = shape.headDimension
    for i in 0..<count {
      let (o, gradient) = (
        output.row(b, first &+ i, h &* d, as: E.self), outputGradient.row(b, first &+ i, h &* d, as: E.self)
      )
      var sum = Vector.zero
      var c = 0
      while c < d {
        let lanes = Swift.min(16, d &- c)
        sum = sum.addingProduct(E.load(o + c, lanes: lanes), E.load(gradient + c, lanes: lanes))
        c &+= 16
      }
      corrections[i] = sum.total
      sums[i] = kept[i] * binaryLogarithmOfE
    }
    for i in count..<places.queryTile {
      corrections[i] = 0
      // Missing rows get tiny, finite weights.
      sums[i] = -hiddenScore
    }
  }

  /// One tile of queries against one of keys.
  private func backward(_ b: Int, _ h: Int, first: Int, count: Int, key: Int, keys: Int) {
    let (tile, width, rowWords, words) = (places.queryTile, places.width, places.rowWords, E.perWord)
    let (scores, scoreGradients) = (at(places.scores), at(places.scoreGradients))
    layOutMask(b, query: first, queries: count, key: key, keys: keys)
    drawFactors(b, h, query: first, queries: tile, key: key, keys: keys)
    var panel = 0
    while panel < tile {
      let columns = Swift.min(places.panel, tile &- panel)
      let seen = visible(keys, from: key, before: first &+ panel &+ columns)
      let rows = seen.roundedUp(to: 8)
      if seen > 0 {
        Product.multiply(
          rows: rows, columns: columns, inner: innerWords,
          LeftWords(start: keyRows + key &* rowWords, rowStride: rowWords, innerStride: 1),
          at(places.queryColumns) + panel, bStride: tile, into: scores + panel, cStride: tile, accumulate: false)
        Product.multiply(
          rows: rows, columns: columns, inner: innerWords,
          LeftWords(start: valueRows + key &* rowWords, rowStride: rowWords, innerStride: 1),
          at(places.gradientColumns) + panel, bStride: tile, into: scoreGradients + panel, cStride: tile,
          accumulate: false)
      }
      differentiate(first: first, panel: panel, columns: columns, key: key, keys: keys, seen: seen)
      if seen > 0 {
        Product.multiply(
          rows: columnRows, columns: columns, inner: (seen &+ words &- 1) / words,
          LeftWords(start: keyPairs + key / words &* width, rowStride: 1, innerStride: width),
          at(places.differencePairs) + panel, bStride: tile, into: at(places.columns) + panel, cStride: tile,
          accumulate: key > 0)
      }
      panel &+= columns
    }
    var row = 0
    while row < keys {
      // Queries before the first of these keys do not see them.
      let skipped = shape.isCausal ? Swift.max(0, Swift.min(tile, key &+ row &- first)) / words : 0
      let target = (key &+ row) &* width
      let rowStart = row &* tile / words &+ skipped
      @inline(__always) func add(_ weights: Int, _ right: Int, to gradient: Int) {
        Product.multiply(
          rows: 8, columns: width, inner: tile / words &- skipped,
          LeftWords(start: at(weights) + rowStart, rowStride: tile / words, innerStride: 1),
          at(right) + skipped &* width, bStride: width, into: at(gradient) + target, cStride: width, accumulate: true)
      }
      add(places.weightRows, places.gradientPairs, to: places.valueGradient)
      add(places.differenceRows, places.queryPairs, to: places.keyGradient)
      row &+= 8
    }
  }

  /// Weights and the scores' gradients of a panel of a tile, in the forms that products read; 0 from `seen` on.
  private func differentiate(first: Int, panel: Int, columns: Int, key: Int, keys: Int, seen: Int) {
    let (tile, words) = (places.queryTile, E.perWord)
    let (scores, scoreGradients) = (at(places.scores), at(places.scoreGradients))
    let (weightRows, differenceRows) = (at(places.weightRows), at(places.differenceRows))
    let rules = ScoreRules(self, query: first, key: key, keys: keys)
    let biasGradient =
      biasGradient == nil ? nil : at(places.biasGradient) + (shape.keys &- 1 &+ first &- key)
    let end = keys.roundedUp(to: 8)
    var lane = panel
    while lane < panel &+ columns {
      let minus = Vector.zero - Float.load(at(places.sums) + lane)
      let corrections = Float.load(at(places.peaks) + lane)
      rules.applyOnly(to: scores, keys: seen, lane)
      var j = 0
      while j < end {
        // Weights after dropout, and the scores' gradients of two keys.
        var (x, y) = (Vector.zero, Vector.zero)
        var (dx, dy) = (Vector.zero, Vector.zero)
        let place = scoreGradients + (j &* tile &+ lane)
        if j < seen {
          x = rules.weight(scores, j, lane, minus: minus)
          dx = Float.load(place)
          if random != nil { dx *= rules.factor(j, lane) }
          dx = x * (dx - corrections)
        }
        if j &+ 1 < seen {
          y = rules.weight(scores, j &+ 1, lane, minus: minus)
          dy = Float.load(place + tile)
          if random != nil { dy *= rules.factor(j &+ 1, lane) }
          dy = y * (dy - corrections)
        }
        if random != nil, j < seen {
          x *= rules.factor(j, lane)
          y *= rules.factor(j &+ 1, lane)
        }
        if let biasGradient {
          let place = biasGradient + (lane &- j)
          if j < seen { Float.store(Float.load(place) + dx, place) }
          if j &+ 1 < seen { Float.store(Float.load(place - 1) + dy, place - 1) }
        }
        let row = j &* tile / words
        E.storeRow(x, weightRows + row, column: lane)
        E.storeRow(y, weightRows + (row &+ tile / words), column: lane)
        if words > 1 {
          E.storeRow(dx, differenceRows + row, column: lane)
          E.storeRow(dy, differenceRows + (row &+ tile / words), column: lane)
        }
        E.storePair(dx, dy, at(places.differencePairs), pair: j / 2, stride: tile, column: lane)
        j &+= 2
      }
      lane &+= 16
    }
  }

  /// Adds the gradients of the distances of head `h` to their buckets.
  private func addBiasGradient(_ h: Int) {
    guard let biasGradient else { return }
    let distances = at(places.biasGradient)
    kernel.buckets.withUnsafeBufferPointer { buckets in
      for i in buckets.indices { biasGradient[Int(buckets[i]) &* shape.heads &+ h] += distances[i] }
    }
  }
}
