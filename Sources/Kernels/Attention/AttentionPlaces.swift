import Tensors

/// The offsets of all parts of the scratch, in words; parts that are not needed have no words.
struct AttentionPlaces {
  /// d, rounded up to whole vectors of words.
  let width: Int
  /// Words of a row of d elements.
  let rowWords: Int
  /// Queries of a tile.
  let queryTile: Int
  /// Queries in one row of products: two vectors, or one where there are at most sixteen.
  let panel: Int

  /// Rows in float32 on their way into or out of words: 64 of `width`.
  let staging: Int
  /// Keys and values of one head, all tokens.
  let keyRows, keyPairs, valueRows, valuePairs: Int
  /// Queries, and in backward the output's gradient, of one tile.
  let queryRows, queryPairs, queryColumns, gradientRows, gradientPairs, gradientColumns: Int
  /// [keyTile][queryTile]: scores and then weights, their gradient.
  let scores, scoreGradients: Int
  /// The same for products that read bfloat16.
  let weightRows, weightPairs, differenceRows, differencePairs: Int
  /// [width][queryTile]: the output, or the queries' gradient.
  let columns: Int
  /// [queryTile] each: the largest score (forwards), or D (backwards); the sum, or L.
  let peaks, sums: Int
  /// By i − j + keys − 1.
  let bias, biasGradient: Int
  /// [keyTile][queryTile]: 0 or 1; factors of dropout.
  let mask, factors: Int
  /// [keys][width]: gradients of keys and values of one head.
  let keyGradient, valueGradient: Int
  let count: Int

  static let stagedRows = 64
  /// Up to here narrow panels, which compute fewer hidden scores, are faster in float32.
  private static let shortSequence = 128

  init(_ kernel: AttentionKernel, _ type: ElementType, backward: Bool) {
    let shape = kernel.shape
    let elementsPerWord = type == .bfloat16 ? 2 : 1
    let width = shape.headDimension.roundedUp(to: 16 * elementsPerWord)
    let rowWords = width / elementsPerWord
    let isNarrow = elementsPerWord == 1 && shape.isCausal && shape.queries <= Self.shortSequence
    let panel = shape.queries <= 16 || isNarrow ? 16 : 32
    let queryTile = backward && shape.queries > 32 ? 64 : panel
    let keys = shape.keys.roundedUp(to: AttentionKernel.keyTile)
    let tile = AttentionKernel.keyTile * queryTile

    var count = 0
    func place(_ words: Int, if isNeeded: Bool = true) -> Int {
      defer { count += isNeeded ? words.roundedUp(to: 16) : 0 }
      return count
    }
    /// A second form of a matrix, which is the first where a word is one element.
    func other(_ first: Int, _ words: Int, if isNeeded: Bool = true) -> Int {
      elementsPerWord == 1 ? first : place(words, if: isNeeded)
    }
    let isPacked = kernel.cacheCapacity == nil
    staging = place(Self.stagedRows * max(width, queryTile))
    keyRows = place(keys * rowWords, if: isPacked)
    keyPairs = other(keyRows, keys * rowWords, if: backward)
    valueRows = place(keys * rowWords, if: isPacked && (backward || elementsPerWord == 1))
    valuePairs = other(valueRows, keys * rowWords, if: isPacked && !backward)
    queryRows = place(queryTile * rowWords)
    queryPairs = other(queryRows, queryTile * rowWords, if: backward)
    queryColumns = place(queryTile * rowWords)
    gradientRows = place(queryTile * rowWords, if: backward)
    gradientPairs = other(gradientRows, queryTile * rowWords, if: backward)
    gradientColumns = place(queryTile * rowWords, if: backward)
    scores = place(tile)
    scoreGradients = place(tile, if: backward)
    weightRows = other(scores, tile / elementsPerWord, if: backward)
    weightPairs = other(scores, tile / elementsPerWord, if: !backward)
    differenceRows = other(scoreGradients, tile / elementsPerWord, if: backward)
    differencePairs = other(scoreGradients, tile / elementsPerWord, if: backward)
    columns = place(width * queryTile)
    peaks = place(queryTile)
    sums = place(queryTile)
    let hasBias: Bool
    switch shape.position {
    case .linearBias, .relative: hasBias = true
    default: hasBias = false
    }
    let distances = shape.keys + max(shape.queries, kernel.cacheCapacity ?? 0) + queryTile
    bias = place(distances, if: hasBias)
    biasGradient = place(distances, if: hasBias && backward)
    mask = place(tile, if: shape.mask == .full)
    factors = place(tile, if: kernel.dropout != nil)
    keyGradient = place(keys * width, if: backward)
    valueGradient = place(keys * width, if: backward)
    self.count = count
    self.width = width
    self.rowWords = rowWords
    self.queryTile = queryTile
    self.panel = panel
  }
}
