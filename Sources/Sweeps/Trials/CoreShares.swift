import CPlatform

/// The division of this process's cores among jobs.
package enum CoreShares {
  private static let most = 1024

  /// The cores by number.
  package static var allowed: [Int] {
    var flags = [UInt8](repeating: 0, count: most)
    guard troupe_allowed_cores(&flags, Int32(most)) > 0 else { return [] }
    return flags.indices.filter { flags[$0] != 0 }
  }

  /// An equal part for each job, neighboring cores together; with more jobs than cores, each job has one core.
  package static func shares(of cores: [Int], jobs: Int) -> [[Int]] {
    guard !cores.isEmpty else { return Array(repeating: [], count: jobs) }
    guard jobs <= cores.count else { return (0..<jobs).map { [cores[$0 % cores.count]] } }
    let each = cores.count / jobs
    return (0..<jobs).map { Array(cores[$0 * each..<($0 + 1) * each]) }
  }
}
