import Foundation
import HTTPTypes
import Hummingbird
import Logging
import Reports

/// Why there is nothing to watch, in one line.
package struct WatchError: Error, CustomStringConvertible, Sendable {
  package let description: String
}

/// Serves the page of `troupe watch` to browsers on this machine, and to nobody else.
///
/// It listens on 127.0.0.1 only, answers GET only, and only requests that name it as the host: a page from elsewhere that
/// points its own name here (DNS rebinding) is refused. Nothing of a request becomes part of a path but the name of a
/// picture that is in the list of pictures.
package struct WatchServer: Sendable {
  private let runs: WatchedRuns

  package init(_ runs: WatchedRuns) { self.runs = runs }

  /// Serves until the process is asked to end.
  ///
  /// - Parameters:
  ///   - port: 0 for any that is free.
  ///   - ready: told the address once it answers.
  package func serve(port: Int, ready: @escaping @Sendable (String) -> Void) async throws(WatchError) {
    var logger = Logger(label: "watch")
    logger.logLevel = .critical
    let responder = WatchResponder(runs: runs, page: Report.watchPage)
    let application = Application(
      responder: responder,
      configuration: ApplicationConfiguration(address: .hostname(Self.host, port: port), serverName: nil),
      onServerRunning: { channel in
        ready("http://\(Self.host):\(channel.localAddress?.port ?? port)/")
      },
      logger: logger)
    do {
      try await application.runService()
    } catch {
      let words = "\(error)"
      throw WatchError(
        description: words.contains("in use")
          ? "--port \(port): another program listens there; name another port, or 0 for any that is free"
          : "cannot listen on \(Self.host), port \(port): \(words)")
    }
  }

  static let host = "127.0.0.1"
}

/// Answers one request.
struct WatchResponder: HTTPResponder {
  typealias Context = BasicRequestContext

  let runs: WatchedRuns
  let page: [UInt8]

  /// What a browser may call this machine.
  private static let hosts: Set<String> = ["127.0.0.1", "localhost", "[::1]"]
  private static let policy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src 'self' data:; "
    + "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

  func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
    guard Self.isLocal(request.head.authority) else {
      return Self.refusal(.forbidden, "this page is for http://\(WatchServer.host) only")
    }
    guard request.method == .get else { return Self.refusal(.methodNotAllowed, "expected GET") }
    let query = request.uri.queryParameters
    let version = query["version"].map(String.init) ?? ""
    switch request.uri.path {
    case "/": return Self.answer(page, "text/html; charset=utf-8")
    case "/runs":
      guard let list = await runs.list(unless: version) else { return Response(status: .noContent) }
      return Self.answer(Array(list.utf8), "application/json")
    case "/report":
      let ids = (query["runs"] ?? "").split(separator: ",").compactMap { Int($0) }
      guard let report = await runs.report(ids, unless: version) else { return Response(status: .noContent) }
      return Self.answer(report, "application/json")
    case "/sweep":
      guard let id = query["id"].flatMap({ Int($0) }), let sweep = await runs.sweep(id, unless: version) else {
        return Response(status: .noContent)
      }
      return Self.answer(Array(sweep.utf8), "application/json")
    case "/sample":
      guard let id = query["run"].flatMap({ Int($0) }), let name = query["name"].map(String.init),
        let picture = await runs.sample(of: id, name: name)
      else { return Self.refusal(.notFound, "no such picture") }
      return Self.answer(picture, "image/png")
    default: return Self.refusal(.notFound, "no such page")
    }
  }

  /// Whether a Host header names this machine itself.
  static func isLocal(_ authority: String?) -> Bool {
    guard let authority else { return false }
    // The port, if there is one, follows the last colon that is not inside of brackets.
    let name = authority.lastIndex(of: ":").flatMap { colon -> Substring? in
      authority[colon...].contains("]") ? nil : authority[..<colon]
    }
    return hosts.contains(String(name ?? authority[...]))
  }

  private static func answer(_ bytes: [UInt8], _ type: String) -> Response {
    response(.ok, bytes, type)
  }

  private static func refusal(_ status: HTTPResponse.Status, _ reason: String) -> Response {
    response(status, Array("\(reason)\n".utf8), "text/plain; charset=utf-8")
  }

  private static func response(_ status: HTTPResponse.Status, _ bytes: [UInt8], _ type: String) -> Response {
    var headers = HTTPFields()
    headers[.contentType] = type
    headers[.cacheControl] = "no-store"
    headers[.contentSecurityPolicy] = policy
    headers[.xContentTypeOptions] = "nosniff"
    return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }
}
