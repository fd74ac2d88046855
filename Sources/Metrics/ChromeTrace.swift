import Files
import FoundationEssentials
import JSON

/// Spans of time on several tracks in the "Trace Event Format" (complete events) of Perfetto and chrome://tracing.
package struct ChromeTrace: Sendable {
  package static let fileName = "trace.json"

  package struct Event: Sendable {
    package let name: String
    package let category: String
    /// Microseconds since the trace began.
    package let start: Double
    package let duration: Double
    package let step: Int
    package let microBatch: Int?

    package init(name: String, category: String, start: Double, duration: Double, step: Int, microBatch: Int?) {
      self.name = name
      self.category = category
      self.start = start
      self.duration = duration
      self.step = step
      self.microBatch = microBatch
    }
  }

  package struct Track: Sendable {
    package let name: String
    package let events: [Event]

    package init(name: String, events: [Event]) {
      self.name = name
      self.events = events
    }
  }

  package let process: String
  package let tracks: [Track]

  package init(process: String, tracks: [Track]) {
    self.process = process
    self.tracks = tracks
  }

  private static let start = #"{"traceEvents":[{"name":"process_name","ph":"M","pid":1,"tid":0,"#
  private static let own = OwnFile("trace", beginningWith: start)

  /// Writes the trace over an earlier one.
  package func write(to file: URL) throws(RecordsError) {
    // Event by event: as one JSON value, a long trace would take many times the memory of its text.
    var text = LineBuffer()
    text.raw("{\"traceEvents\":[")
    text.json(metadata("process_name", thread: 0, ["name": process]))
    for (thread, track) in tracks.enumerated() {
      // Tracks are shown in the order of their numbers.
      let name = metadata("thread_name", thread: thread, ["name": track.name])
      let order = metadata("thread_sort_index", thread: thread, ["sort_index": thread])
      for event in [name, order] + track.events.lazy.map({ span($0, thread: thread) }) {
        text.raw(",")
        text.json(event)
      }
    }
    text.raw("],\"displayTimeUnit\":\"ms\"}\n")
    let bytes = Array(text.text)
    try RecordsError.files { () throws(FileError) in 
      try ReplacementFile.write(bytes, to: file.systemPath, replacing: Self.own)
    }
  }

  private func metadata(_ name: String, thread: Int, _ arguments: JSON) -> JSON {
    ["name": name, "ph": "M", "pid": 1, "tid": thread, "args": arguments]
  }

  private func span(_ event: Event, thread: Int) -> JSON {
    var arguments: JSON = ["step": event.step]
    if let microBatch = event.microBatch { arguments = ["step": event.step, "micro_batch": microBatch] }
    return [
      "name": event.name, "cat": event.category, "ph": "X", "pid": 1, "tid": thread,
      "ts": JSON.finite(event.start, digits: LineBuffer.exactDigits),
      "dur": JSON.finite(event.duration, digits: LineBuffer.exactDigits), "args": arguments,
    ]
  }
}
