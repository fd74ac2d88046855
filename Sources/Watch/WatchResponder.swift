import Foundation
import Reports

/// Answers the requests of the page.
struct WatchResponder {
  let runs: WatchedRuns
  let page: [UInt8]

  /// Whether a Host header names this machine, with a port or without: a tunnel may use another port than the server.
  private static func isLocal(_ host: String) -> Bool {
    host.wholeMatch(of: /(127\.0\.0\.1|localhost|\[::1\])(:[0-9]*)?/) != nil
  }

  func answer(_ request: RequestHead) async -> WatchAnswer {
    guard request.hosts.count < 2 else { return WatchAnswer(refusing: .badRequest, "expected one Host header") }
    guard let host = request.hosts.first, Self.isLocal(host) else {
      return WatchAnswer(refusing: .forbidden, "this page is for http://\(WatchServer.host) only")
    }
    guard request.method == "GET" else { return WatchAnswer(refusing: .methodNotAllowed, "expected GET") }
    guard !request.hasBody else { return WatchAnswer(refusing: .contentTooLarge, "expected no body") }
    var answer = await content(request)
    answer.isLast = answer.isLast || request.isLast
    return answer
  }

  private func content(_ request: RequestHead) async -> WatchAnswer {
    let query = request.query
    let version = query["version"] ?? ""
    switch request.path {
    case "/": return WatchAnswer(page, "text/html; charset=utf-8")
    case "/runs":
      guard let list = await runs.list(unless: version) else { return .noContent }
      return WatchAnswer(Array(list.utf8), "application/json")
    case "/report":
      let ids = (query["runs"] ?? "").split(separator: ",").compactMap { Int($0) }
      guard let report = await runs.report(ids, unless: version) else { return .noContent }
      return WatchAnswer(report, "application/json")
    case "/sweep":
      guard let id = query["id"].flatMap({ Int($0) }), let sweep = await runs.sweep(id, unless: version) else {
        return .noContent
      }
      return WatchAnswer(Array(sweep.utf8), "application/json")
    case "/sample":
      guard let id = query["run"].flatMap({ Int($0) }), let name = query["name"],
        let image = await runs.sample(of: id, name: name)
      else { return WatchAnswer(refusing: .notFound, "no such image") }
      return WatchAnswer(image, "image/png")
    default: return WatchAnswer(refusing: .notFound, "no such page")
    }
  }
}
