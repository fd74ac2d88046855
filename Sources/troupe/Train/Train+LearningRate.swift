import ArgumentParser
import Diagnostics
import Foundation
import Reports
import Runs

extension Train {
  /// Runs `--find-learning-rate`, which leaves only a page, beside the place of the run's folder.
  func searchRate() async throws {
    try await reportingFailures(overrides: source.overrides) {
      let output = json.output
      try placement.apply()
      let configuration = try source.json()
      let stop = StopRequest()
      let watch = SignalWatch(stop)
      defer { withExtendedLifetime(watch) {} }
      let meter = ProgressMeter(output: output)
      let found = try await LearningRateSearch.run(
        configuration, initialParameters: initFrom, lanes: laneCount, stop: stop, say: output.say
      ) { meter.show($0) }
      meter.finish()
      let folder = RunFolder.url(name: found.name, override: runDir)
      let page = folder.deletingLastPathComponent().appending(path: "\(folder.lastPathComponent).learning-rate.html")
      // An error of the folder shows in the write into it.
      try? FileManager.default.createDirectory(
        at: page.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Report.write(found.curve, of: found.name, to: page)
      for line in found.lines { output.say(line) }
      output.say("wrote \(page.relativePath)")
      output.result(found.json)
      if let signal = stop.signal { throw ExitCode(128 + signal) }
    }
  }
}
