import Data
import Tensors
import Testing

@Suite struct SplitTests {
  private func settings(_ change: (inout CommonDataSettings) -> Void = { _ in }) -> CommonDataSettings {
    var settings = CommonDataSettings()
    settings.batchSize = 1
    settings.validation = .fraction(0)
    change(&settings)
    return settings
  }

  private func members(_ set: SampleSet) -> [Int] { (0..<set.count).map { set[$0] } }

  @Test(arguments: [1, 2, 7, 100, 1001]) func areDisjointAndCoverAll(_ count: Int) throws {
    for seed in 0..<5 {
      let settings = settings {
        $0.validation = .count(count / 5)
        $0.test = .count(count / 10)
      }
      let splits = try DataSplits(count: count, settings: settings, seed: UInt64(seed), name: "x")
      let parts = [splits.training, splits.validation, splits.test].map(members)
      #expect(parts.flatMap { $0 }.sorted() == Array(0..<count))
      #expect(parts.allSatisfy { $0 == $0.sorted() })
      #expect(parts[1].count == count / 5 && parts[2].count == count / 10)
      #expect(try DataSplits(count: count, settings: settings, seed: UInt64(seed), name: "x") == splits)
    }
  }

  @Test func testSetStaysWhenTheRestChanges() throws {
    let a = try DataSplits(count: 500, settings: settings { $0.test = .fraction(0.2) }, seed: 3, name: "x")
    let b = try DataSplits(
      count: 500,
      settings: settings {
        $0.test = .fraction(0.2)
        $0.validation = .fraction(0.3)
        $0.limit = 9
      }, seed: 3, name: "x")
    #expect(a.test == b.test)
    #expect(b.training.count == 9)
    #expect(b.validation.count == 150)
    #expect(Set(members(b.training)).isSubset(of: members(a.training)))
    let other = try DataSplits(count: 500, settings: settings { $0.test = .fraction(0.2) }, seed: 4, name: "x")
    #expect(a.test != other.test)
  }

  @Test func fractionsRound() throws {
    let splits = try DataSplits(
      count: 10_000,
      settings: settings {
        $0.validation = .fraction(0.1)
        $0.test = .fraction(0.1)
      }, seed: 1, name: "x")
    #expect([splits.training, splits.validation, splits.test].map(\.count) == [8000, 1000, 1000])
  }

  @Test func namesWhatIsWrong() {
    func split(_ count: Int, _ change: (inout CommonDataSettings) -> Void) throws {
      _ = try DataSplits(count: count, settings: settings(change), seed: 1, name: "x.csv")
    }
    expectRefusal("x.csv", "left to train on") {
      try split(10) {
        $0.test = .count(5)
        $0.validation = .count(5)
      }
    }
    expectRefusal("data.test_count", "at most the 10", "11") { try split(10) { $0.test = .count(11) } }
    expectRefusal("data.validation_fraction", "at least one", "0.01") {
      try split(10) { $0.validation = .fraction(0.01) }
    }
    expectRefusal("data.train_count", "at most the 5", "6") {
      try split(10) {
        $0.test = .count(5)
        $0.trainCount = 6
      }
    }
    expectRefusal("1 to") { try split(0) { _ in } }
  }

  @Test func batchMustFitTheTrainingSet() throws {
    var settings = settings()
    settings.batchSize = 33
    expectRefusal("data.batch_size", "at most the 32", "33") {
      _ = try Dataset(
        opening: DataSettings(common: settings, kind: NoiseData(count: 32, shape: TensorShape([2]), classes: 2)),
        runSeed: 1)
    }
  }
}

@Suite struct OrderTests {
  @Test func everyEpochMeetsEverySampleOnce() {
    let samples = SampleSet(10..<1010)
    let order = SampleOrder(samples: samples, isShuffled: true, seed: 5)
    var seen: Set<[Int]> = []
    for epoch in 0..<4 {
      let ids = (0..<1000).map { order.epoch(epoch)[$0] }
      #expect(ids.sorted() == Array(10..<1010))
      seen.insert(ids)
    }
    #expect(seen.count == 4)
    // Seeking needs nothing that came before.
    #expect(order.epoch(3)[999] == SampleOrder(samples: samples, isShuffled: true, seed: 5).epoch(3)[999])
    #expect(
      (0..<1000).contains {
        order.epoch(0)[$0] != SampleOrder(samples: samples, isShuffled: true, seed: 6).epoch(0)[$0]
      })
  }

  @Test func unshuffledIsTheSetItself() {
    let order = SampleOrder(samples: SampleSet(3..<8), isShuffled: false, seed: 5)
    #expect((0..<5).map { order.epoch(7)[$0] } == [3, 4, 5, 6, 7])
  }

  @Test func stepsFindTheirPlace() {
    let order = SampleOrder(samples: SampleSet(0..<103), isShuffled: true, seed: 5)
    #expect(order.stepsPerEpoch(batchSize: 10) == 10)
    #expect(order.position(step: 0, batchSize: 10) == (0, 0))
    #expect(order.position(step: 9, batchSize: 10) == (0, 90))
    #expect(order.position(step: 25, batchSize: 10) == (2, 50))
    #expect(order.position(step: 10_000_000_007, batchSize: 10) == (1_000_000_000, 70))
  }
}
