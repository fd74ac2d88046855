import Files
import Foundation
import FoundationNetworking
import Synchronization

/// One transfer of a file over HTTP, which resumes an earlier one.
final class Download: NSObject, URLSessionDataDelegate {
  /// Bytes received, and of the whole file where the server states them.
  typealias Progress = @Sendable (_ received: Int, _ total: Int?) -> Void

  enum Outcome {
    case complete
    /// The server has no further bytes, or other ones: the file must be checked or dropped.
    case notResumable
    case failed(FetchError)
  }

  private struct State {
    var received: Int
    var total: Int?
    var isAccepted = false
    var outcome: Outcome?
    var continuation: CheckedContinuation<Outcome, Never>?
  }

  private let url: URL
  private let file: OpenFile
  private let start: Int
  private let progress: Progress
  private let state: Mutex<State>

  /// More than any public data set here; stops a server that never ends.
  private static let mostBytes = 1 << 30
  /// Seconds without a byte before the connection is given up.
  private static let patience = 60.0
  private static let resuming = "run the command again to resume"

  /// Appends to the file at `path`, which is made if needed, the bytes of `url` beyond its end.
  static func run(_ url: URL, to path: String, progress: @escaping Progress) async -> Outcome {
    let calls = FileSystemCalls.real
    let download: Download
    let end: Int
    do throws(FileError) {
      let file = try calls.openToAppend(path)
      end = try calls.size(of: file)
      download = Download(url, file, end, progress)
    } catch {
      return .failed(FetchError(error, advice: "check the folder's permissions"))
    }
    let configuration = URLSessionConfiguration.ephemeral
    configuration.timeoutIntervalForRequest = patience
    configuration.urlCache = nil
    let queue = OperationQueue()
    queue.maxConcurrentOperationCount = 1
    let session = URLSession(configuration: configuration, delegate: download, delegateQueue: queue)
    defer { session.finishTasksAndInvalidate() }
    var request = URLRequest(url: url)
    // Offsets and digests are those of the file itself.
    request.setValue("identity", forHTTPHeaderField: "Accept-Encoding")
    if end > 0 { request.setValue("bytes=\(end)-", forHTTPHeaderField: "Range") }
    let task = session.dataTask(with: request)
    let outcome = await withCheckedContinuation { continuation in
      download.state.withLock { $0.continuation = continuation }
      task.resume()
    }
    do throws(FileError) {
      try calls.sync(download.file)
      return outcome
    } catch {
      return .failed(FetchError(error, advice: "make room and run the command again"))
    }
  }

  private init(_ url: URL, _ file: consuming OpenFile, _ start: Int, _ progress: @escaping Progress) {
    self.url = url
    self.file = file
    self.start = start
    self.progress = progress
    state = Mutex(State(received: start))
  }

  func urlSession(
    _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
    completionHandler: @escaping (URLSession.ResponseDisposition) -> Void
  ) {
    guard let response = response as? HTTPURLResponse else { return completionHandler(.cancel) }
    let outcome = begin(response)
    state.withLock {
      $0.outcome = outcome
      $0.isAccepted = outcome == nil
    }
    if outcome != nil { dataTask.cancel() }
    completionHandler(outcome == nil ? .allow : .cancel)
  }

  /// Returns nil where bytes may follow.
  private func begin(_ response: HTTPURLResponse) -> Outcome? {
    switch response.statusCode {
    case 200:
      // The server knows no ranges: from the beginning.
      guard start == 0 || (try? FileSystemCalls.real.truncate(file, to: 0)) != nil else {
        return .failed(Self.unwritable(url))
      }
      let length = response.expectedContentLength
      state.withLock {
        $0.received = 0
        $0.total = length >= 0 ? Int(clamping: length) : nil
      }
    case 206:
      guard let range = ContentRange(response.value(forHTTPHeaderField: "Content-Range") ?? ""), range.first == start
      else { return .notResumable }
      state.withLock { $0.total = range.total }
    case 416 where start > 0: return .notResumable
    case let code:
      return .failed(
        FetchError("\(url)", "the server answered \(code)", advice: "try later, or another home with --from"))
    }
    return nil
  }

  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    let room = state.withLock { state -> Int? in
      state.isAccepted ? min(state.total ?? Self.mostBytes, Self.mostBytes) - state.received : nil
    }
    guard let room else { return }
    var failure: FetchError?
    if data.count > room {
      failure = FetchError("\(url)", "the server sends more than the file", advice: "try another home with --from")
    } else if (try? FileSystemCalls.real.write(data.bytes, to: file)) == nil {
      failure = Self.unwritable(url)
    }
    let counts = state.withLock { state in
      if let failure {
        state.isAccepted = false
        state.outcome = .failed(failure)
      } else {
        state.received += data.count
      }
      return (state.received, state.total)
    }
    if failure != nil { return dataTask.cancel() }
    progress(counts.0, counts.1)
  }

  func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
    let (continuation, outcome) = state.withLock { state in
      defer { state.continuation = nil }
      return (state.continuation, self.outcome(of: state, error))
    }
    continuation?.resume(returning: outcome)
  }

  private func outcome(of state: State, _ error: (any Error)?) -> Outcome {
    if let outcome = state.outcome { return outcome }
    if let error {
      return .failed(
        FetchError("\(url)", error.localizedDescription, advice: "check the connection, then \(Self.resuming)"))
    }
    guard state.isAccepted, state.total.map({ $0 == state.received }) ?? true else {
      return .failed(FetchError("\(url)", "the connection ended after \(state.received) bytes", advice: Self.resuming))
    }
    return .complete
  }

  private static func unwritable(_ url: URL) -> FetchError {
    FetchError("\(url)", "the received bytes cannot be written", advice: "make room on the disk, then \(resuming)")
  }
}

/// HTTP's "bytes 100-199/200" (RFC 9110, section 14.4).
struct ContentRange: Equatable {
  let first: Int
  /// Nil where the server does not know.
  let total: Int?

  init?(_ text: String) {
    let parts = text.split(separator: " ")
    guard parts.count == 2, parts[0].lowercased() == "bytes" else { return nil }
    let sides = parts[1].split(separator: "/")
    guard sides.count == 2, let dash = sides[0].firstIndex(of: "-"), let first = Int(sides[0][..<dash]) else {
      return nil
    }
    self.first = first
    total = Int(sides[1])
  }
}
