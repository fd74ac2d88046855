import JSON
import TestSupport
import Testing

/// One, two and three lanes give the same bits of every tensor, number and evaluation.
func expectEqualLanes(_ json: JSON, steps: Int, location: SourceLocation = #_sourceLocation) async throws {
  let alone = try await Trial(json: json, lanes: 1).run()
  #expect(alone.result.outcome == .finished && alone.log.steps.count == steps, sourceLocation: location)
  for lanes in [2, 3] {
    let together = try await Trial(json: json, lanes: lanes).run()
    #expect(
      together.model.parametersDigest == alone.model.parametersDigest, "\(lanes) lanes", sourceLocation: location)
    #expect(together.digests == alone.digests, "\(lanes) lanes", sourceLocation: location)
    #expect(together.numbers == alone.numbers, "\(lanes) lanes", sourceLocation: location)
    #expect(together.log.validations == alone.log.validations, "\(lanes) lanes", sourceLocation: location)
  }
}

/// A run of 37 steps that stops twice in an epoch, each time with other lanes, ends like one without stops.
func expectResumesInMidEpoch(_ json: JSON, location: SourceLocation = #_sourceLocation) async throws {
  let scratch = try TemporaryFolder()
  let whole = try await session(json, scratch.folder("whole"), lanes: 2)
  _ = try await session(json, scratch.folder("parts"), lanes: 1, stopAfter: 15)
  _ = try await session(json, scratch.folder("parts"), .resume, lanes: 3, stopAfter: 28)
  let last = try await session(json, scratch.folder("parts"), .resume, lanes: 2)
  #expect(last.result.outcome == .finished && last.state == whole.state, sourceLocation: location)
  #expect(last.digests == whole.digests, sourceLocation: location)
  #expect(last.numbers == whole.numbers.suffix(9), sourceLocation: location)
}
