import ArgumentParser
import Diagnostics
import Foundation
import Reports
import Runs

extension Train {
  /// `--find-learning-rate`: leaves nothing but a page beside where the run's folder would be.
  func searchRate() async throws {
    try await reportingFailures {
      let output = json.output
      try placement.apply()
      let configuration = try source.json()
      let stop = StopRequest()
      let watch = SignalWatch(stop)
      defer { withExtendedLifetime(watch) {} }
      let meter = ProgressMeter(output: output)
      let found = try await LearningRateSearch.run(
        configuration, initialParameters: initFrom, lanes: lanes.lanes ?? placement.coreCount ?? lanes.count,
        stop: stop, say: output.say
      ) { meter.show($0) }
      meter.finish()
      let folder = RunFolder.url(name: found.name, override: runDir)
      let page = folder.deletingLastPathComponent().appending(path: "\(folder.lastPathComponent).learning-rate.html")
      // Whatever is wrong with the folder is said by the write into it.
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
