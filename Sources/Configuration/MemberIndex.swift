import JSON

/// Finds the members of an object by key: by comparing in a small object, by hashing in a large one.
struct MemberIndex {
  let members: [JSON.Member]
  /// Positions of the keys; empty for a small object.
  private let positions: [String: Int]

  /// Up to this many members, comparing with each key is faster than hashing.
  private static let mostCompared = 16

  init(_ members: [JSON.Member]) {
    self.members = members
    let entries = members.count > Self.mostCompared ? members.enumerated().map { ($1.key, $0) } : []
    positions = Dictionary(entries) { first, _ in first }
  }

  /// The position of the first member with this key.
  func position(of key: String) -> Int? {
    members.count > Self.mostCompared ? positions[key] : members.firstIndex { $0.key == key }
  }

  subscript(_ key: String) -> JSON? { position(of: key).map { members[$0].value } }
}
