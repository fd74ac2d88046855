import Foundation
import JSON
import Testing

/// `troupe watch`, with the requests of a browser and with hostile ones.
@Suite struct WatchTests {
  let workspace: Workspace

  init() throws { workspace = try .withSmallConfiguration() }

  private func json(_ probe: HTTPProbe) throws -> JSON { try JSONParser.parse(probe.text, file: "answer") }

  /// Starts the page on a free port.
  private func watch(
    _ folder: String, wrapper: String? = nil
  ) throws -> (process: TroupeProcess, address: String) {
    let process = try workspace.start("watch", folder, "--port", "0", wrapper: wrapper)
    try workspace.waitUntil { process.outputSoFar.contains("/ (Ctrl-C") || !process.isRunning }
    let words = process.outputSoFar.split(separator: " ")
    let address = try #require(words.first { $0.hasPrefix("http://127.0.0.1:") }, "\(process.errorsSoFar)")
    return (process, String(address))
  }

  @Test func runsAreServedAsTheyCome() throws {
    try workspace.succeed("train", "small.json", "--run-dir", "runs/first")
    let (process, address) = try watch("runs")
    let page = try HTTPProbe(address, "/")
    #expect(page.status == 200 && page.text.contains("</html>") && !page.text.contains("{{"))
    #expect(page.headers.contains("content-security-policy: default-src 'none'"))
    let list = try json(HTTPProbe(address, "/runs"))
    let run = try #require(list["runs"]?.array?.first)
    #expect(run["name"]?.string == "first" && run["state"]?.string == "finished")
    #expect(run["step"]?.integer == 60 && run["total_steps"]?.integer == 60)
    let id = try #require(run["id"]?.integer)
    // Unchanged parts are not sent again.
    let version = try #require(list["version"]?.string)
    #expect(try HTTPProbe(address, "/runs?version=\(version)").status == 204)
    let report = try json(HTTPProbe(address, "/report?runs=\(id),99"))
    let shown = try #require(report["report"]?["runs"]?.array)
    #expect(shown.count == 1 && shown[0]["loss"]?["x"]?.array?.count == 60)
    #expect(shown[0]["heat"]?["rows"]?.array?.isEmpty == false && shown[0]["stages"]?.array?.isEmpty == false)
    let seen = try #require(report["version"]?.string)
    #expect(try HTTPProbe(address, "/report?runs=\(id),99&version=\(seen)").status == 204)
    // Another run appears, and one that is deleted goes.
    try workspace.succeed("train", "small.json", "--run-dir", "runs/trials/second")
    try workspace.waitUntil { try HTTPProbe(address, "/runs").text.contains("trials/second") }
    try FileManager.default.removeItem(at: workspace.file("runs/first"))
    try workspace.waitUntil { try !HTTPProbe(address, "/runs").text.contains(#""first""#) }
    #expect(try json(HTTPProbe(address, "/report?runs=\(id)"))["report"]?["runs"]?.array?.isEmpty == true)
    process.kill(SIGINT)
    let result = process.wait(limit: 20)
    #expect(result.exitCode == 0, "\(result.errors)")
  }

  @Test func onlyKnownPathsAreServed() throws {
    try workspace.succeed("train", "small.json")
    let image = Data([0x89, 0x50, 0x4E, 0x47, 1, 2, 3])
    try workspace.write(image, "checkpoints/small/samples/step-00000010.png")
    try workspace.write("secret", "checkpoints/small/samples/notes.txt")
    try FileManager.default.createSymbolicLink(
      at: workspace.file("checkpoints/small/samples/link.png"),
      withDestinationURL: workspace.file("checkpoints/small/config.json"))
    let (process, address) = try watch("checkpoints/small")
    let id = try #require(try json(HTTPProbe(address, "/runs"))["runs"]?.array?.first?["id"]?.integer)
    let sample = try HTTPProbe(address, "/sample?run=\(id)&name=step-00000010.png")
    #expect(sample.status == 200 && sample.body == image && sample.headers.contains("image/png"))
    let samples = try #require(try json(HTTPProbe(address, "/report?runs=\(id)"))["samples"]?.array)
    #expect(samples.contains { $0["name"]?.string == "step-00000010.png" })
    for name in [
      "../config.json", "..%2Fconfig.json", "notes.txt", "link.png", "%2Fetc%2Fpasswd", "", ".png",
      "step-00000010.png%00",
    ] {
      #expect(try HTTPProbe(address, "/sample?run=\(id)&name=\(name)").status == 404, "\(name)")
    }
    for path in ["/../../etc/passwd", "/config.json", "/sample", "/sample?run=77&name=step-00000010.png", "//"] {
      #expect([400, 404].contains(try HTTPProbe(address, path).status), "\(path)")
    }
    for host in ["evil.example", "127.0.0.1.evil.example", "evil.example:80", "localhost.evil:1"] {
      #expect(try HTTPProbe(address, "/", host: host).status == 403, "\(host)")
    }
    #expect(try HTTPProbe(address, "/", host: "localhost:1").status == 200)
    #expect(try HTTPProbe(address, "/runs", method: "POST").status == 405)
    // It listens on the loopback address only, and two servers do not share a port.
    let port = try #require(address.split(separator: ":").last?.dropLast())
    #expect(address.hasPrefix("http://127.0.0.1:"))
    try workspace.refuse(
      "watch", "checkpoints", "--port", String(port), code: 1, saying: ["--port \(port)", "another"])
    process.kill(SIGTERM)
    #expect(process.wait(limit: 20).exitCode == 0)
  }

  /// A request names this machine exactly once, asks for a path, and has no body.
  @Test func onlyPlainRequestsAreAnswered() throws {
    let (process, address) = try watch(".")
    let host = "Host: \(HTTPConnection.place(of: address))"
    func status(_ lines: String..., body: String = "") throws -> Int {
      let answer = try HTTPProbe(address, request: (lines + ["", body]).joined(separator: "\r\n"))
      // A body is never answered as a second request.
      #expect(answer.text.ranges(of: "HTTP/1.1 ").isEmpty && answer.text.utf8.count < 1000, "\(lines)")
      return answer.status
    }
    let get = "GET /runs HTTP/1.1"
    for name in [
      "127.0.0.1:8711@evil.com", "127.0.0.1@evil.com", "evil.com@127.0.0.1", "127.0.0.1:80:80", "127.0.0.1:x",
      "127.0.0.1 ,x", "[::1]evil.com", "[::1", "localhost\u{301}", "127.0.0.1/", "http://127.0.0.1", "",
    ] {
      #expect(try status(get, "Host: \(name)") == 403, "\(name)")
    }
    #expect(try status(get, "Accept: */*") == 403)
    #expect(try status(get, host, "Host: evil.com") == 400)
    #expect(try status(get, "host: evil.com", host) == 400)
    #expect(try status(get, host, host) == 400)
    for target in [
      "http://127.0.0.1/runs", "http://evil.com/runs", "https://evil.com", "evil.com:80", "*", "runs", "",
      "/runs /runs",
    ] {
      #expect(try status("GET \(target) HTTP/1.1", host) == 400, "\(target)")
    }
    for lines in [
      ["GET /runs", host], ["GET /runs HTTP/2.0", host], ["/runs", host], ["", get, host], [get, "Host : 127.0.0.1"],
      [get, " \(host)"], [get, host, " folded"], [get, "\(host)\nHost: evil.com"], [get, "\(host)\u{0}"],
      [get, ": 1", host],
    ] {
      #expect(try status(lines[0], lines.dropFirst().joined(separator: "\r\n")) == 400, "\(lines)")
    }
    let inner = "GET /runs HTTP/1.1\r\n\(host)\r\n\r\n"
    #expect(try status(get, host, "Content-Length: \(inner.utf8.count)", body: inner) == 413)
    #expect(try status(get, host, "Content-Length: 0", "Content-Length: 99", body: inner) == 413)
    #expect(try status(get, host, "Transfer-Encoding: chunked", body: "ffffffff\r\n" + inner) == 413)
    let large = String(repeating: "x", count: 1 << 20)
    #expect(try status("POST /runs HTTP/1.1", host, "Content-Length: 99999999999", body: large) == 405)
    #expect(try status(get, host, "Cookie: \(large)") == 431)
    #expect(try status("GET /runs?version=\(large) HTTP/1.1", host) == 431)
    #expect(try status(large) == 431)
    // A browser's cookies fit, and a connection serves several requests.
    let cookies = "Cookie: \(large.prefix(40_000))\r\n"
    let connection = try HTTPConnection(address)
    connection.send("\(get)\r\n\(host)\r\n\(cookies)\r\n\(get)\r\n\(host)\r\nConnection: close\r\n\r\n")
    let answers = String(decoding: try #require(connection.receiveAll()), as: UTF8.self)
    #expect(answers.ranges(of: "HTTP/1.1 200 OK").count == 2)
    process.kill(SIGINT)
    #expect(process.wait(limit: 20).exitCode == 0)
  }

  @Test func idleAndSlowConnectionsAreClosed() throws {
    try workspace.succeed("train", "small.json")
    let image = Data(count: 16 << 20)
    try workspace.write(image, "checkpoints/small/samples/large.png")
    let (process, address) = try watch("checkpoints/small", wrapper: #"ulimit -n 128; exec "$@""#)
    let id = try #require(try json(HTTPProbe(address, "/runs"))["runs"]?.array?.first?["id"]?.integer)
    let head = "GET /sample?run=\(id)&name=large.png HTTP/1.1\r\nHost: localhost\r\n"
    let silent = try (0..<300).map { _ in try HTTPConnection(address) }
    for connection in silent.suffix(100) { connection.send("GET / HTTP/1.1\r\nHost: loc") }
    #expect(try HTTPProbe(address, "/runs").status == 200)
    // One sends a byte at a time, one takes nothing of its answer.
    let sending = try HTTPConnection(address)
    let taking = try HTTPConnection(address)
    taking.send(head + "\r\n")
    sending.send(head + "X-Slow: ")
    try workspace.waitUntil { !sending.send("x") }
    for connection in silent {
      #expect(connection.receiveAll()?.isEmpty == true)
    }
    let taken = try #require(taking.receiveAll())
    #expect(taken.count < image.count, "\(taken.count)")
    #expect(try HTTPProbe(address, "/sample?run=\(id)&name=large.png").body == image)
    process.kill(SIGINT)
    #expect(process.wait(limit: 20).exitCode == 0)
  }

  /// A sweep over two activations and two widths; an epoch has 15 steps.
  private func writeSweep(duration: String = "4 epochs", seeds: Int = 1) throws {
    try workspace.write(
      """
      {
        "name": "s", "base": "small.json", "method": "grid", "seeds": \(seeds),
        "overrides": {"training.duration": "\(duration)", "checkpoints.every": "5 epochs"},
        "metric": {"name": "validation.loss"},
        "parameters": {"model.activation": {"values": ["relu", "tanh"]}, "model.width": {"values": [8, 16]}}
      }
      """, "s.json")
  }

  @Test func aSweepIsServedAsASweep() throws {
    try writeSweep(seeds: 2)
    try workspace.succeed("sweep", "s.json", "--json")
    try workspace.succeed("train", "small.json")
    let (process, address) = try watch("checkpoints")
    let list = try json(HTTPProbe(address, "/runs"))
    // Trials are not in the list of runs.
    #expect(list["runs"]?.array?.count == 1 && list["runs"]?.array?.first?["name"]?.string == "small")
    let row = try #require(list["sweeps"]?.array?.first)
    #expect(row["name"]?.string == "s" && row["state"]?.string == "finished" && row["problem"] == .null)
    #expect(row["finished"]?.integer == 8 && row["trial_count"]?.integer == 8 && row["running"]?.integer == 0)
    let id = try #require(row["id"]?.integer)
    let answer = try json(HTTPProbe(address, "/sweep?id=\(id)"))
    let sweep = try #require(answer["sweep"])
    #expect(sweep["method"]?.string == "grid" && sweep["metric"]?["name"]?.string == "validation.loss")
    #expect(sweep["live"]?["state"]?.string == "finished" && sweep["live"]?["remaining"] == .null)
    let points = try #require(sweep["points"]?.array)
    #expect(points.map { $0["rank"]?.integer } == [0, 1, 2, 3])
    let means = points.compactMap { $0["mean"]?.double }
    #expect(means.count == 4 && means == means.sorted())
    let trials = points.flatMap { $0["trials"]?.array ?? [] }
    #expect(trials.count == 8 && trials.allSatisfy { $0["state"]?.string == "finished" && $0["flow"]?.string != nil })
    #expect(trials.allSatisfy { $0["training"]?["x"]?.array?.isEmpty == false })
    // Each trial's run can be asked for.
    for trial in trials {
      let run = try #require(answer["runs"]?[trial["id"]?.string ?? ""]?.integer)
      let report = try json(HTTPProbe(address, "/report?runs=\(run)"))["report"]
      #expect(report?["runs"]?.array?.first?["last_step"]?.integer == 60)
    }
    let version = try #require(answer["version"]?.string)
    #expect(try HTTPProbe(address, "/sweep?id=\(id)&version=\(version)").status == 204)
    #expect(try json(HTTPProbe(address, "/sweep?id=999"))["sweep"] == .null)
    // A damaged journal is named as the sweep's problem; its trials are listed as runs.
    let journal = try workspace.bytes("checkpoints/s/journal.jsonl")
    try workspace.write(Data("nonsense\n".utf8) + journal, "checkpoints/s/journal.jsonl")
    try workspace.waitUntil {
      try json(HTTPProbe(address, "/runs"))["sweeps"]?.array?.first?["problem"]?.string?.contains("journal") == true
    }
    try workspace.waitUntil { try json(HTTPProbe(address, "/runs"))["runs"]?.array?.count == 9 }
    process.kill(SIGINT)
    #expect(process.wait(limit: 20).exitCode == 0)
  }

  @Test func aSweepIsFollowedInProgress() throws {
    try writeSweep(duration: "200 epochs")
    let sweep = try workspace.start("sweep", "s.json", "--json")
    try workspace.waitUntil { workspace.exists("checkpoints/s/journal.jsonl") }
    let (process, address) = try watch("checkpoints")
    func row() throws -> JSON? { try json(HTTPProbe(address, "/runs"))["sweeps"]?.array?.first }
    try workspace.waitUntil { try row()?["running"]?.integer == 1 }
    #expect(try row()?["state"]?.string == "running" && row()?["trial_count"]?.integer == 4)
    let id = try #require(try row()?["id"]?.integer)
    func live() throws -> JSON? { try json(HTTPProbe(address, "/sweep?id=\(id)"))["sweep"]?["live"] }
    try workspace.waitUntil { try live()?["trials"]?.members?.first?.value["step"]?.integer ?? 0 > 0 }
    #expect(try live()?["trials"]?.members?.first?.value["total_steps"]?.integer == 3000)
    try workspace.waitUntil { try row()?["finished"]?.integer ?? 0 > 0 }
    try workspace.waitUntil { try live()?["remaining"]?.double ?? 0 > 0 }
    let table = try workspace.succeed("watch", "checkpoints", "--terminal").output
    for word in [
      "sweep s  running", "s: ", " running, 0 failed of ", "(4 at most)", "ETA ", "▸ ", "/3000", "1. validation.loss",
    ] {
      #expect(table.contains(word), "\(word) in \(table)")
    }
    // No trial of a killed sweep is called running.
    sweep.kill(SIGKILL)
    _ = sweep.wait()
    try workspace.waitUntil { try row()?["state"]?.string == "interrupted" }
    #expect(try row()?["running"]?.integer == 0)
    process.kill(SIGINT)
    #expect(process.wait(limit: 20).exitCode == 0)
  }

  @Test func otherFoldersHideNoRuns() throws {
    try workspace.succeed("train", "small.json", "--run-dir", "runs/a")
    let records = try workspace.bytes("runs/a/metrics.jsonl")
    // One letter with two spellings names two folders.
    for name in ["\u{E9}", "e\u{301}"] { try workspace.write(records, "runs/\(name)/metrics.jsonl") }
    // Another program's journal.
    try workspace.write("dear diary\n", "runs/journal.jsonl")
    let (process, address) = try watch("runs")
    let list = try json(HTTPProbe(address, "/runs"))
    let rows = try #require(list["runs"]?.array)
    #expect(rows.count == 3 && Set(rows.compactMap { $0["id"]?.integer }).count == 3, "\(list.compactText)")
    process.kill(SIGINT)
    #expect(process.wait(limit: 20).exitCode == 0)
  }

  @Test func theListHasTheRunningAndTheNewest() throws {
    try workspace.succeed("train", "small.json", "--run-dir", "runs/a")
    // More folders with records than are listed, the first by number the oldest.
    let records = try workspace.bytes("runs/a/metrics.jsonl")
    for number in 0..<505 {
      let name = "runs/b\(number)/metrics.jsonl"
      try workspace.write(records, name)
      let date = Date(timeIntervalSince1970: 1_600_000_000 + Double(number))
      try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: workspace.file(name).path)
    }
    let lock = open(workspace.file("runs/b3/run.lock").path, O_RDWR | O_CREAT, 0o644)
    defer { close(lock) }
    #expect(flock(lock, LOCK_EX) == 0)
    let (process, address) = try watch("runs")
    let list = try json(HTTPProbe(address, "/runs"))
    let names = (list["runs"]?.array ?? []).compactMap { $0["name"]?.string }
    #expect(names.count == 500 && list["hidden"]?.integer == 6)
    // The locked one comes first, then the newest; the oldest are left out.
    #expect(names.prefix(3) == ["b3", "a", "b504"] && names.last == "b7", "\(names)")
    let text = try workspace.succeed("watch", "runs", "--terminal").output
    #expect(text.contains("more runs") && text.hasPrefix("b3  "), "\(text)")
    process.kill(SIGINT)
    #expect(process.wait(limit: 20).exitCode == 0)
  }

  @Test func aLookOnTheTerminal() throws {
    try workspace.succeed("train", "small.json")
    let one = try workspace.succeed("watch", "checkpoints/small", "--terminal").output
    for word in [
      "small  finished  step 60/60", "loss", "gradient norm", "lane 0", "gradient rms of layers", "hidden.0",
    ] {
      #expect(one.contains(word), "\(one)")
    }
    try workspace.succeed("train", "small.json", "--run-dir", "checkpoints/other")
    let two = try workspace.succeed("watch", "--terminal").output
    #expect(two.contains("small  finished") && two.contains("other  finished"), "\(two)")
    try workspace.refuse("watch", "nowhere", saying: ["nowhere"])
    try workspace.refuse("watch", "checkpoints", "--port", "70000", saying: ["70000", "0 to 65535"])
  }
}
