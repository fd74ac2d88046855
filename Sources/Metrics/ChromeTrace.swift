import FoundationEssentials
import JSON

/// Spans of time on several tracks, as Perfetto and chrome://tracing read them ("Trace Event Format", complete events).
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

  /// Writes the trace, in place of an earlier one.
  package func write(to file: URL) throws(RecordsError) {
    var text = json
    text.lineFeed()
    try LogFile.replace(file.systemPath, with: Array(text.bytes))
  }

  private var json: JSONText {
    var text = JSONText()
    text.object { text in
      text.array("traceEvents") { text in
        metadata("process_name", process, thread: 0, &text)
        for (thread, track) in tracks.enumerated() {
          metadata("thread_name", track.name, thread: thread, &text)
          // Tracks are shown in the order in which they are given.
          text.object { text in
            text.field("name", "thread_sort_index")
            text.field("ph", "M")
            text.field("pid", 1)
            text.field("tid", thread)
            text.object("args") { $0.field("sort_index", thread) }
          }
          for event in track.events { span(event, thread: thread, &text) }
        }
      }
      text.field("displayTimeUnit", "ms")
    }
    return text
  }

  private func metadata(_ name: String, _ value: String, thread: Int, _ text: inout JSONText) {
    text.object { text in
      text.field("name", name)
      text.field("ph", "M")
      text.field("pid", 1)
      text.field("tid", thread)
      text.object("args") { $0.field("name", value) }
    }
  }

  private func span(_ event: Event, thread: Int, _ text: inout JSONText) {
    text.object { text in
      text.field("name", event.name)
      text.field("cat", event.category)
      text.field("ph", "X")
      text.field("pid", 1)
      text.field("tid", thread)
      text.field("ts", event.start, digits: LineBuffer.exactDigits)
      text.field("dur", event.duration, digits: LineBuffer.exactDigits)
      text.object("args") { text in
        text.field("step", event.step)
        if let microBatch = event.microBatch { text.field("micro_batch", microBatch) }
      }
    }
  }
}
