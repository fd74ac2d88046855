import Configuration
import Tensors

/// The rules of an optimizer's groups for one tensor.
package struct ParameterGroup: Sendable, Equatable {
  /// Multiplies the scheduled learning rate.
  package var rateScale = 1.0
  /// Zero where decay does not apply.
  package var weightDecay = 0.0
  /// A frozen tensor keeps its values; it has no update and counts in no gradient norm.
  package var isFrozen = false

  package init(rateScale: Double = 1, weightDecay: Double = 0, isFrozen: Bool = false) {
    self.rateScale = rateScale
    self.weightDecay = weightDecay
    self.isFrozen = isFrozen
  }
}

/// One entry of "groups".
package struct ParameterGroupSettings: Settings {
  package let pattern: Glob
  package let rateScale: Double
  package let weightDecay: Double?
  package let isFrozen: Bool
  let place: SettingsPlace

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    let text = try reader.string(
      "pattern", "parameter names such as \"head.*\" or \"*.bias\"; * stands for any characters, ? for one")
    pattern = Glob(text)
    rateScale = try reader.number(
      "learning_rate_scale", default: 1, in: 0...1e6, "multiplies the learning rate of these parameters")
    weightDecay = try reader.optionalNumber(
      "weight_decay", in: 0...1e6, "the decay of these parameters, biases and norms included")
    isFrozen = try reader.boolean("frozen", default: false, "keep these parameters as they are")
    place = SettingsPlace("pattern", in: reader)
    try reader.require(!text.isEmpty, "pattern", "is empty: expected parameter names such as \"head.*\"")
    try reader.require(
      !isFrozen || (rateScale == 1 && weightDecay == nil), "frozen",
      "frozen parameters have no \"learning_rate_scale\" or \"weight_decay\"")
  }
}

/// Which parameters are trained how: "weight_decay", "decay_biases_and_norms" and "groups".
package struct ParameterGroups: Sendable {
  private let weightDecay: Double
  private let decaysBiasesAndNorms: Bool
  private let groups: [ParameterGroupSettings]
  private let place: SettingsPlace

  init(from reader: SettingsReader, weightDecay: Double) throws(ConfigurationError) {
    self.weightDecay = try reader.number(
      "weight_decay", default: weightDecay, in: 0...1e6, "how strongly parameters are drawn to zero")
    decaysBiasesAndNorms = try reader.boolean(
      "decay_biases_and_norms", default: false, "whether tensors of fewer than two dimensions decay as well")
    groups = try reader.objects(
      "groups", of: ParameterGroupSettings.self,
      "parameters that are trained differently; the first that matches counts")
    place = SettingsPlace("groups", in: reader)
  }

  /// The rules for each tensor. A group's own "weight_decay" holds for everything it matches.
  ///
  /// - Parameters:
  ///   - names: of all parameters.
  ///   - shapes: in the same order.
  /// - Throws: at a pattern that matches nothing, or nothing that earlier ones left over, and when all is frozen.
  package func resolve(names: [String], shapes: [TensorShape]) throws(ConfigurationError) -> [ParameterGroup] {
    precondition(names.count == shapes.count)
    var resolved: [ParameterGroup] = []
    var isUsed = [Bool](repeating: false, count: groups.count)
    for (name, shape) in zip(names, shapes) {
      let usual = shape.rank >= 2 || decaysBiasesAndNorms ? weightDecay : 0
      guard let index = groups.firstIndex(where: { $0.pattern.matches(name) }) else {
        resolved.append(ParameterGroup(weightDecay: usual))
        continue
      }
      isUsed[index] = true
      let group = groups[index]
      resolved.append(
        ParameterGroup(
          rateScale: group.rateScale, weightDecay: group.isFrozen ? 0 : group.weightDecay ?? usual,
          isFrozen: group.isFrozen))
    }
    for (group, isUsed) in zip(groups, isUsed) where !isUsed { throw unused(group.pattern, group.place, names) }
    if !names.isEmpty, resolved.allSatisfy(\.isFrozen) {
      throw place.error("freezes every parameter: nothing remains to be trained")
    }
    return resolved
  }

  private func unused(_ glob: Glob, _ place: SettingsPlace, _ names: [String]) -> ConfigurationError {
    if names.contains(where: glob.matches) {
      return place.error(
        "\"\(glob.pattern)\" matches only parameters of earlier groups: put it before them or remove it")
    }
    return place.error("\"\(glob.pattern)\" matches no parameter" + glob.hint(among: names))
  }
}

extension Glob {
  /// How many names an error lists when none is near.
  private static let listedNames = 6

  /// The nearest name, or pattern for a part of the names; a few names where nothing is near.
  func hint(among names: [String]) -> String {
    var candidates = Set(names)
    for name in names {
      for dot in name.indices where name[dot] == "." {
        candidates.insert(name[...dot] + "*")
        candidates.insert("*" + name[dot...])
      }
    }
    if let nearest = NearestName.of(pattern, among: candidates.sorted()) { return ", did you mean \"\(nearest)\"?" }
    let listed = names.prefix(Self.listedNames).joined(separator: ", ")
    return "; known: \(listed)" + (names.count > Self.listedNames ? " and \(names.count - Self.listedNames) more" : "")
  }
}
