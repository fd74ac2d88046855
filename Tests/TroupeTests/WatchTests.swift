import Foundation
import JSONValues
import Testing

/// `troupe watch`, asked as a browser would, and as one should not.
@Suite struct WatchTests {
  let workspace: Workspace

  init() throws { workspace = try .withSmallConfiguration() }

  private func json(_ probe: HTTPProbe) throws -> JSON { try JSONParser.parse(probe.text, file: "answer") }

  /// Starts the page on a free port.
  private func watch(_ folder: String) throws -> (process: TroupeProcess, address: String) {
    let process = try workspace.start("watch", folder, "--port", "0")
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
    // What has not changed is not sent again.
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

  @Test func onlyWhatIsMeantIsServed() throws {
    try workspace.succeed("train", "small.json")
    let picture = Data([0x89, 0x50, 0x4E, 0x47, 1, 2, 3])
    try workspace.write(picture, "checkpoints/small/samples/step-00000010.png")
    try workspace.write("secret", "checkpoints/small/samples/notes.txt")
    try FileManager.default.createSymbolicLink(
      at: workspace.file("checkpoints/small/samples/link.png"),
      withDestinationURL: workspace.file("checkpoints/small/config.json"))
    let (process, address) = try watch("checkpoints/small")
    let id = try #require(try json(HTTPProbe(address, "/runs"))["runs"]?.array?.first?["id"]?.integer)
    let sample = try HTTPProbe(address, "/sample?run=\(id)&name=step-00000010.png")
    #expect(sample.status == 200 && sample.body == picture && sample.headers.contains("image/png"))
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
    // It listens on this machine's own address only, and two do not share a port.
    let port = try #require(address.split(separator: ":").last?.dropLast())
    #expect(address.hasPrefix("http://127.0.0.1:"))
    try workspace.refuse(
      "watch", "checkpoints", "--port", String(port), code: 1, saying: ["--port \(port)", "another"])
    process.kill(SIGTERM)
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
