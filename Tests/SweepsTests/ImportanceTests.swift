import JSON
import Sweeps
import Testing

/// How much of the variance each parameter explains.
@Suite struct ImportanceTests {
  private static func points(
    _ space: SearchSpace, _ count: Int, _ value: (Assignment) -> Double
  ) throws -> [(assignment: Assignment, value: Double)] {
    let sampler = RandomSampler(space, seed: 2)
    return try (0..<count).map { number in
      let point = try #require(sampler.propose(number: number, attempt: 0, observations: []))
      return (point, value(point))
    }
  }

  @Test func sharesFollowTheFunction() throws {
    let space = try SearchSpaceTests.space(
      #"""
      {
        "a": {"distribution": "uniform", "min": 0, "max": 1}, "b": {"distribution": "uniform", "min": 0, "max": 1},
        "c": {"values": ["x", "y"]}, "idle": {"distribution": "uniform", "min": 0, "max": 1}
      }
      """#)
    // Variances 9/12, 1/12 and 1/4 of the three terms: shares 0.69, 0.08, 0.23.
    let points = try Self.points(space, 250) { point in
      3 * (point[0].value.double ?? 0) + (point[1].value.double ?? 0) + (point[2].value.string == "x" ? 1 : 0)
    }
    let importance = try #require(ParameterImportance(space, points))
    let shares = importance.shares.map(\.share)
    #expect(abs(shares[0] - 0.69) < 0.08 && abs(shares[1] - 0.08) < 0.05 && abs(shares[2] - 0.23) < 0.06, "\(shares)")
    #expect(shares[3] < 0.02 && importance.interactions < 0.1, "\(shares)")
  }

  @Test func whatOnlyTogetherMattersIsAnInteraction() throws {
    let space = try SearchSpaceTests.space(#"{"a": {"values": [0, 1]}, "b": {"values": [0, 1]}}"#)
    let points = try #require(space.grid()).flatMap { point in
      Array(repeating: (point, point[0].value == point[1].value ? 1.0 : 0.0), count: 8)
    }
    let importance = try #require(ParameterImportance(space, points))
    #expect(importance.interactions > 0.7, "\(importance.shares)")
  }

  @Test func tooLittleSaysNothing() throws {
    let space = try SearchSpaceTests.space(#"{"a": {"values": [0, 1, 2, 3, 4]}}"#)
    let points = try #require(space.grid()).map { ($0, 1.0) }
    #expect(ParameterImportance(space, points) == nil)
    #expect(ParameterImportance(space, Array(points.prefix(3))) == nil)
  }
}
