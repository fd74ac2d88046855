import Files
import Foundation

/// The checkpoints to keep. The pools are disjoint: a file that one pool keeps does not use up a place of the next.
package struct CheckpointPools: Sendable, Equatable {
  /// Steps divisible by this are kept forever; nil keeps none this way.
  package var every: Int?
  /// The best steps so far according to the caller, in any order.
  package var best: [Int]
  /// The number of the newest others that are kept.
  package var last: Int

  package init(last: Int, best: [Int] = [], every: Int? = nil) {
    precondition(last >= 0 && (every ?? 1) > 0)
    self.every = every
    self.best = best
    self.last = last
  }

  /// The steps of `steps` that a pool keeps.
  func kept(of steps: [Int]) -> Set<Int> {
    let forever = steps.filter { step in every.map { step % $0 == 0 } ?? false }
    let kept = Set(forever).union(best)
    return kept.union(steps.filter { !kept.contains($0) }.sorted().suffix(last))
  }
}

extension CheckpointFolder {
  /// For pools of any size: the newest good file, and one in case it is damaged later.
  private static let fewestGood = 2

  /// Removes the checkpoints that no pool keeps, and remains of killed writers (temporary files, digests
  /// without a file).
  ///
  /// Callers call it after a write has returned, never during one. The two newest good checkpoints always stay; where
  /// fewer than two are good, no checkpoint is removed.
  ///
  /// - Parameters:
  ///   - trusted: steps that this process has written or verified; others are read before they count as good.
  ///   - own: the steps that may be removed; nil where every checkpoint in the folder is the caller's.
  /// - Returns: the steps removed, oldest first.
  @discardableResult
  package func prune(_ pools: CheckpointPools, trusted: Set<Int> = [], own: Set<Int>? = nil) throws(CheckpointError) -> [Int] {
    let names = try CheckpointError.files { () throws(FileError) in try calls.list(url.path) }
    let checkpoints = Self.checkpoints(among: names, in: url).filter { own?.contains($0.step) ?? true }
    let kept = pools.kept(of: checkpoints.map(\.step))
    var removed: [StoredCheckpoint] = []
    if checkpoints.contains(where: { !kept.contains($0.step) }), let spared = try newestGoodSteps(checkpoints, trusted)
    {
      removed = checkpoints.filter { !kept.contains($0.step) && !spared.contains($0.step) }
    }
    // In this order, a kill in between leaves a digest without a file, never a file without a digest.
    let paths = removed.flatMap { [$0.url.path, CheckpointFile.digestURL(of: $0.url).path] }
    let orphans = Self.orphans(among: names).map { url.appendingPathComponent($0).path }
    try CheckpointError.files { () throws(FileError) in
      for path in paths + orphans { try calls.remove(path) }
      if !paths.isEmpty || !orphans.isEmpty { try calls.syncFolder(url.path) }
    }
    return removed.map(\.step)
  }

  /// The steps of the two newest good checkpoints; nil where there are fewer.
  private func newestGoodSteps(
    _ checkpoints: [StoredCheckpoint], _ trusted: Set<Int>
  ) throws(CheckpointError) -> Set<Int>? {
    var good: Set<Int> = []
    for checkpoint in checkpoints.reversed() {
      let isGood: Bool
      if trusted.contains(checkpoint.step) {
        isGood = true
      } else {
        do {
          _ = try VerifiedFile(checkpoint.url, calls: calls)
          isGood = true
        } catch {
          isGood = false
        }
      }
      if isGood { good.insert(checkpoint.step) }
      if good.count == Self.fewestGood { return good }
    }
    return nil
  }

  /// The names of what killed writers left.
  private static func orphans(among names: [String]) -> [String] {
    let present = Set(names)
    return names.filter { name in
      let target = ReplacementFile.targetName(of: name)
      let file = target ?? name
      let isDigest = file.hasSuffix(CheckpointFile.digestEnding)
      let owner = isDigest ? String(file.dropLast(CheckpointFile.digestEnding.count)) : file
      guard CheckpointFile.step(ofName: owner) != nil else { return false }
      return target != nil || isDigest && !present.contains(owner)
    }
  }
}
