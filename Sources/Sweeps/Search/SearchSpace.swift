import Configuration
import JSON

/// The values of one point of the search: parameters' paths and values, in the order of the space.
package typealias Assignment = [(path: String, value: JSON)]

/// All parameters of a sweep. A parameter is active only where its conditions hold, so the space is a tree (Bergstra et
/// al., "Algorithms for Hyper-Parameter Optimization", 2011).
package struct SearchSpace: Sendable {
  package let parameters: [(path: String, parameter: SearchParameter)]

  /// - Throws: where a condition names a parameter that is not before its own, or a value that it never has.
  package init(_ parameters: [(key: String, value: SearchParameter)]) throws(ConfigurationError) {
    for (index, entry) in parameters.enumerated() {
      for condition in entry.value.conditions {
        let place = "parameters[\"\(entry.key)\"].when"
        guard let other = parameters[..<index].first(where: { $0.key == condition.parameter }) else {
          let known = parameters[..<index].map(\.key)
          throw ConfigurationError(
            path: place,
            message: "\"\(condition.parameter)\" is not a parameter before this one"
              + NearestName.hint(condition.parameter, among: known))
        }
        if case .values(let values) = other.value.domain,
          let odd = condition.values.first(where: { !values.contains($0) })
        {
          throw ConfigurationError(
            path: place, message: "\"\(condition.parameter)\" is never \(odd.compactText)")
        }
      }
    }
    self.parameters = parameters.map { ($0.key, $0.value) }
  }

  /// Whether a parameter is active, given the values chosen so far.
  package func isActive(_ parameter: SearchParameter, in chosen: Assignment) -> Bool {
    parameter.conditions.allSatisfy { condition in
      guard let other = chosen.first(where: { $0.path == condition.parameter }) else { return false }
      return condition.values.contains(other.value)
    }
  }

  /// Chooses every active parameter's value in turn.
  package func assignment(_ choose: (_ index: Int, _ parameter: SearchParameter) -> JSON) -> Assignment {
    var chosen: Assignment = []
    for (index, entry) in parameters.enumerated() where isActive(entry.parameter, in: chosen) {
      chosen.append((entry.path, choose(index, entry.parameter)))
    }
    return chosen
  }

  /// The largest grid: all of its points are in memory.
  package static let mostGridPoints = 1 << 20

  /// The number of points, at most `most`; nil where a parameter is a continuous range.
  package func count(most: Int) -> Int? {
    var product = 1
    for entry in parameters {
      guard let count = entry.parameter.domain.count else { return nil }
      let (whole, overflow) = product.multipliedReportingOverflow(by: count)
      product = overflow ? most : min(whole, most)
    }
    // Without conditions nothing needs to be listed.
    return parameters.allSatisfy { $0.parameter.conditions.isEmpty } ? product : grid(most: most)?.count
  }

  /// The first `most` points, the last parameter varying fastest; nil where a parameter is a continuous range.
  package func grid(most: Int = .max) -> [Assignment]? {
    guard parameters.allSatisfy({ $0.parameter.domain.count != nil }) else { return nil }
    var points: [Assignment] = []
    func extend(_ chosen: Assignment, _ index: Int) {
      guard points.count < most else { return }
      guard index < parameters.count else {
        points.append(chosen)
        return
      }
      let (path, parameter) = parameters[index]
      guard isActive(parameter, in: chosen) else { return extend(chosen, index + 1) }
      for number in 0..<(parameter.domain.count ?? 0) {
        // A range may have too many numbers to go through.
        guard points.count < most else { return }
        extend(chosen + [(path, parameter.domain.value(number: number))], index + 1)
      }
    }
    extend([], 0)
    return points
  }

  /// Points that together take every parameter to both ends of its domain, or through all of its values.
  package var probes: [Assignment] {
    let most = parameters.map { min($0.parameter.domain.count ?? 2, Self.mostProbes) }.max() ?? 1
    return (0..<most).map { probe in
      assignment { _, parameter in
        guard let count = parameter.domain.count, count <= Self.mostProbes else {
          let bounds = parameter.domain.bounds
          return parameter.domain.value(at: probe % 2 == 0 ? bounds.low : bounds.high)
        }
        return parameter.domain.value(number: probe % count)
      }
    }
  }

  private static let mostProbes = 32
}

extension SearchParameter.Domain {
  /// The value at a place below `count`.
  func value(number: Int) -> JSON {
    switch self {
    case .values(let values): values[number]
    case .numbers(let low, _, _, _): .integer(Int(low) + number)
    }
  }
}

/// `model.depth=20 model.activation=relu`.
package func text(of assignment: Assignment) -> String {
  assignment.map { "\($0.path)=\($0.value.plainText)" }.joined(separator: " ")
}

/// Whether two assignments give the same values to the same parameters.
func isSame(_ a: Assignment, _ b: Assignment) -> Bool {
  a.elementsEqual(b) { $0.path == $1.path && $0.value == $1.value }
}

/// The assignment as an object.
func json(of assignment: Assignment) -> JSON { .object(assignment.map { ($0.path, $0.value) }) }

extension JSON {
  /// A string without quotes, any other value as JSON.
  var plainText: String { string ?? compactText }
}
