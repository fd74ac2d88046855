import Tensors

extension AttentionPass {
  mutating func forward(
    _ queries: AttentionHeads, _ keys: AttentionHeads, _ values: AttentionHeads, _ output: AttentionHeads,
    _ logSumExp: Floats
  ) {
    let padded = shape.keys.roundedUp(to: AttentionKernel.keyTile)
    for b in 0..<shape.batch {
      for group in 0..<shape.keyHeads {
        pack(
          keys, b, group, first: 0, count: shape.keys, padded: padded, position: 0, rows: keyRows, pairs: nil)
        pack(
          values, b, group, first: 0, count: shape.keys, padded: padded, position: nil, rows: nil, pairs: valuePairs)
        forward(group, b, queries, output, logSumExp)
      }
    }
  }

  /// Adds the new tokens to the KV cache, whose keys lie in rows and whose values lie in pairs, and attends to all of
  /// it.
  mutating func continueForward(
    _ queries: AttentionHeads, _ keys: AttentionHeads, _ values: AttentionHeads, _ output: AttentionHeads,
    _ logSumExp: Floats, position: Int, _ cachedKeys: Floats, _ cachedValues: Floats
  ) {
    self.position = position
    let headWords = shape.keys.roundedUp(to: 8) &* places.rowWords
    for b in 0..<shape.batch {
      for group in 0..<shape.keyHeads {
        let offset = (b &* shape.keyHeads &+ group) &* headWords
        keyRows = cachedKeys + offset
        valuePairs = cachedValues + offset
        cache(keys, values, b, group)
        forward(group, b, queries, output, logSumExp)
      }
    }
  }

  private func cache(_ keys: AttentionHeads, _ values: AttentionHeads, _ b: Int, _ group: Int) {
    let (staging, width) = (at(places.staging), places.width)
    let words = E.perWord
    let target = UnsafeMutableRawPointer(valuePairs).assumingMemoryBound(to: E.self)
    for token in 0..<shape.queries {
      let place = position &+ token
      stage(keys, b, group, first: token, count: 1, padded: 1, position: place, into: staging)
      var c = 0
      while c < width {
        E.storeRow(Float.load(staging + c), keyRows + place &* places.rowWords, column: c)
        c &+= 16
      }
      let source = values.row(b, token, group &* shape.headDimension, as: E.self)
      let row = target + ((place / words) &* width &* words &+ place % words)
      for c in 0..<width {
        row[c &* words] = c < shape.headDimension ? source[c] : E.zero
        // The other half of the pair is multiplied by a weight of 0.
        if words == 2 && place & 1 == 0 { row[2 &* c &+ 1] = E.zero }
      }
    }
  }

  /// All query heads that read one head of keys and values, in one row.
  private func forward(
    _ group: Int, _ b: Int, _ queries: AttentionHeads, _ output: AttentionHeads, _ logSumExp: Floats
  ) {
    for h in group &* shape.groupSize..<(group &+ 1) &* shape.groupSize {
      layOutBias(h)
      var first = 0
      while first < shape.queries {
        let count = Swift.min(places.queryTile, shape.queries &- first)
        pack(
          queries, b, h, first: first, count: count, padded: places.queryTile, position: position &+ first,
          rows: at(places.queryRows), pairs: nil)
        transpose(
          at(places.queryRows), stride: places.rowWords, rows: places.queryTile, columns: places.rowWords,
          into: at(places.queryColumns), rowStride: places.queryTile)
        attend(b, h, first: first, count: count)
        finish(b, h, first: first, count: count, output, logSumExp)
        first &+= places.queryTile
      }
    }
  }

  /// One tile of queries against all keys that any of them sees: gives Σ e^(s − peak)·v, peaks and sums.
  private func attend(_ b: Int, _ h: Int, first: Int, count: Int) {
    let tile = places.queryTile
    let (columns, peaks, sums) = (at(places.columns), at(places.peaks), at(places.sums))
    peaks.update(repeating: hiddenScore, count: tile)
    sums.update(repeating: 0, count: tile)
    let limit = visible(keyCount(b), from: 0, before: position &+ first &+ count)
    if limit == 0 { columns.update(repeating: 0, count: places.width &* tile) }
    var key = 0
    while key < limit {
      let keys = Swift.min(AttentionKernel.keyTile, limit &- key)
      Product.multiply(
        rows: keys.roundedUp(to: 8), columns: tile, inner: innerWords,
        LeftWords(start: keyRows + key &* places.rowWords, rowStride: places.rowWords, innerStride: 1),
        at(places.queryColumns), bStride: tile, into: at(places.scores), cStride: tile, accumulate: false)
      layOutMask(b, query: first, queries: count, key: key, keys: keys)
      drawFactors(b, h, query: first, queries: tile, key: key, keys: keys)
      weigh(query: position &+ first, key: key, keys: keys)
      let words = E.perWord
      Product.multiply(
        rows: columnRows, columns: tile, inner: (keys &+ words &- 1) / words,
        LeftWords(start: valuePairs + key / words &* places.width, rowStride: 1, innerStride: places.width),
        at(places.weightPairs), bStride: tile, into: columns, cStride: tile, accumulate: key > 0)
      key &+= keys
    }
  }

  /// Turns scores of a tile into weights relative to the largest score so far, and rescales the earlier sums.
  private func weigh(query: Int, key: Int, keys: Int) {
    let tile = places.queryTile
    let (scores, peaks, sums) = (at(places.scores), at(places.peaks), at(places.sums))
    let rules = ScoreRules(self, query: query, key: key, keys: keys)
    var lane = 0
    while lane < tile {
      let old = Float.load(peaks + lane)
      let peak = rules.scaled(rules.apply(to: scores, keys: keys, lane)).larger(old)
      Float.store(peak, peaks + lane)
      let correction = exponentialOf2(old - peak)
      if key > 0 {
        let columns = at(places.columns) + lane
        for c in 0..<columnRows {
          Float.store(Float.load(columns + c &* tile) * correction, columns + c &* tile)
        }
      }
      let minus = Vector.zero - peak
      var sum = Float.load(sums + lane) * correction
      var j = 0
      while j < keys {
        var x = rules.weight(scores, j, lane, minus: minus)
        var y = j &+ 1 < keys ? rules.weight(scores, j &+ 1, lane, minus: minus) : Vector.zero
        sum += x
        sum += y
        if random != nil {
          x *= rules.factor(j, lane)
          y *= rules.factor(j &+ 1, lane)
        }
        E.storePair(x, y, at(places.weightPairs), pair: j / 2, stride: tile, column: lane)
        j &+= 2
      }
      Float.store(sum, sums + lane)
      lane &+= 16
    }
  }

  /// Divides by the sums and stores output and log-sum-exp.
  private func finish(_ b: Int, _ h: Int, first: Int, count: Int, _ output: AttentionHeads, _ logSumExp: Floats) {
    let tile = places.queryTile
    let (columns, peaks, sums) = (at(places.columns), at(places.peaks), at(places.sums))
    let kept = logSumExp + ((b &* shape.heads &+ h) &* shape.queries &+ first)
    var lane = 0
    while lane < tile {
      let sum = Float.load(sums + lane)
      let sawNothing = sum .== Vector.zero
      let inverse = (1 / sum).replacing(with: Vector.zero, where: sawNothing)
      for c in 0..<columnRows {
        Float.store(Float.load(columns + (c &* tile &+ lane)) * inverse, columns + (c &* tile &+ lane))
      }
      let logarithms = (logarithm(sum).addingProduct(Float.load(peaks + lane), Vector(repeating: naturalLogarithmOf2)))
        .replacing(with: Vector.zero, where: sawNothing)
      if lane < count { Float.store(logarithms, kept + lane, lanes: Swift.min(16, count &- lane)) }
      lane &+= 16
    }
    transpose(
      columns, stride: tile, rows: places.width, columns: tile, into: at(places.staging), rowStride: places.width)
    unpack(
      at(places.staging), count: count, scale: 1, position: nil, into: output, b, h, first: first, accumulate: false)
  }
}
