import Files
import Foundation
import JSON

/// Reads configuration files and merges them with the files that they extend.
package enum ConfigurationFile {
  /// A larger file is not a configuration.
  static let largestByteCount = 16 << 20
  static let longestInheritance = 16

  /// The JSON object of the file at `path`, merged onto the file that it extends.
  ///
  /// An object overrides its parent's key by key; any other value replaces it, and so does an object of another "type".
  package static func load(_ path: String) throws(ConfigurationError) -> JSON {
    try load(path, descendants: [])
  }

  private static func load(_ path: String, descendants: [String]) throws(ConfigurationError) -> JSON {
    let standard = URL(fileURLWithPath: path).standardizedFileURL.path
    guard !descendants.contains(standard) else {
      throw ConfigurationError(
        path: "extends", message: "\(path) extends itself, through \(descendants.joined(separator: ", "))")
    }
    guard descendants.count < longestInheritance else {
      throw ConfigurationError(path: "extends", message: "more than \(longestInheritance) files extend one another")
    }
    let json = try JSONParser.parse(try contents(of: path), file: path)
    guard var members = json.members else {
      throw ConfigurationError(
        path: "", message: "expected an object, found \(json.kindName)", location: json.location)
    }
    guard let index = members.firstIndex(where: { $0.key == "extends" }) else { return json }
    let parent = members.remove(at: index).value
    guard let name = parent.string else { throw parent.mistyped("extends", expected: "the path of another file") }
    let parentPath = URL(fileURLWithPath: name, relativeTo: URL(fileURLWithPath: path)).path
    let base = try load(parentPath, descendants: descendants + [standard])
    return JSON(.object(members), at: json.location).merged(onto: base)
  }

  private static func contents(of path: String) throws(ConfigurationError) -> [UInt8] {
    do throws(FileError) {
      return try FileSystemCalls.real.contents(of: path, largest: largestByteCount)
    } catch {
      let reason = error.code == .noSuchFileOrDirectory ? "no such configuration file" : error.reason
      throw ConfigurationError(path: "", message: "\(path): \(reason)")
    }
  }
}

extension JSON {
  /// This value laid over `base`.
  package func merged(onto base: JSON) -> JSON {
    guard let own = members, var merged = base.members else { return self }
    let inherited = MemberIndex(merged)
    if let kind = self["type"], let baseKind = base["type"], kind != baseKind { return self }
    for member in own {
      if let index = inherited.position(of: member.key) {
        merged[index].value = member.value.merged(onto: merged[index].value)
      } else {
        merged.append(member)
      }
    }
    return JSON(.object(merged), at: location)
  }

  /// This object with one value replaced, as by `--set optimizer.learning_rate=3e-4`.
  ///
  /// - Parameter assignment: keys joined by dots (list elements by their index), `=`, and a JSON value; any other text
  ///   is a string.
  package func setting(_ assignment: String) throws(ConfigurationError) -> JSON {
    guard let equals = assignment.firstIndex(of: "="), equals > assignment.startIndex else {
      throw ConfigurationError(
        path: "", message: "--set \(assignment): expected key=value, such as optimizer.learning_rate=3e-4")
    }
    let path = String(assignment[..<equals])
    let text = String(assignment[assignment.index(after: equals)...])
    var value = (try? JSONParser.parse(text, file: "--set \(path)")) ?? .string(text)
    value.location = nil
    return try setting(path, to: value, origin: "--set: ")
  }

  /// This object with the value at `path`, keys joined by dots, replaced.
  ///
  /// - Parameter origin: the option that sets the value, in front of errors.
  package func setting(_ path: String, to value: JSON, origin: String = "") throws(ConfigurationError) -> JSON {
    let keys = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    return try replacing(keys[...], with: value, path: path, origin: origin)
  }

  private func replacing(
    _ keys: ArraySlice<String>, with value: JSON, path: String, origin: String
  ) throws(ConfigurationError) -> JSON {
    guard let key = keys.first else {
      return value
    }
    var copy = self
    switch content {
    case .object(var members):
      if let index = members.firstIndex(where: { $0.key == key }) {
        members[index].value = try members[index].value.replacing(
          keys.dropFirst(), with: value, path: path, origin: origin)
        // Another type is another component, which would refuse the old one's keys.
        if key == "type", keys.count == 1, self["type"] != value { members = [Member("type", value)] }
      } else {
        let inner = try JSON.object([]).replacing(keys.dropFirst(), with: value, path: path, origin: origin)
        members.append(Member(key, inner))
      }
      copy.content = .object(members)
    case .array(var elements):
      guard let index = Int(key), elements.indices.contains(index) else {
        throw ConfigurationError(
          path: path, message: "\(origin)\"\(key)\" is not an index into a list of \(elements.count)")
      }
      elements[index] = try elements[index].replacing(keys.dropFirst(), with: value, path: path, origin: origin)
      copy.content = .array(elements)
    default:
      throw ConfigurationError(path: path, message: "\(origin)\"\(key)\" is not a key of \(kindName), which has none")
    }
    return copy
  }
}
