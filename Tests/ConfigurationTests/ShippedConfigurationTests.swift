import Configuration
import Foundation
import JSON
import Runs
import Tensors
import Testing

/// The configurations that come with the project.
enum Shipped {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Configs")

  static let names = [".", "benchmark", "compare"].flatMap { part in
    let folder = folder.appending(path: part).path
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return files.filter { $0.hasSuffix(".json") }.sorted().map { "\(part)/\($0)" }
  }

  static func load(_ name: String) throws -> JSON { try ConfigurationFile.load(folder.appending(path: name).path) }
}

/// The path of a value in another one.
enum Step {
  case key(String)
  case index(Int)
}

extension JSON {
  /// The places of all values in this one, without its own.
  var places: [[Step]] {
    let inner: [(Step, JSON)] =
      (members ?? []).map { (.key($0.key), $0.value) }
      + (array ?? []).enumerated().map { (.index($0.offset), $0.element) }
    return inner.flatMap { step, value in [[step]] + value.places.map { [step] + $0 } }
  }

  /// The value at `place`.
  func value(at place: ArraySlice<Step>) -> JSON? {
    switch place.first {
    case nil: self
    case .key(let key): self[key]?.value(at: place.dropFirst())
    case .index(let index): array?[index].value(at: place.dropFirst())
    }
  }

  /// This value with the member or element at `place` changed.
  func changing(_ place: ArraySlice<Step>, _ change: (Member) -> Member) -> JSON {
    guard let step = place.first else { return self }
    func changed(_ member: Member) -> Member {
      place.count == 1
        ? change(member) : Member(member.key, member.value.changing(place.dropFirst(), change))
    }
    switch step {
    case .key(let key):
      return JSON(.object((members ?? []).map { $0.key == key ? changed($0) : $0 }), at: location)
    case .index(let index):
      let elements = (array ?? []).enumerated().map {
        $0.offset == index ? changed(Member("", $0.element)).value : $0.element
      }
      return JSON(.array(elements), at: location)
    }
  }
}

@Suite struct ShippedConfigurationTests {
  @Test func someAreShipped() {
    #expect(Shipped.names.count >= 6)
  }

  @Test(arguments: Shipped.names) func decodes(_ name: String) throws {
    let configuration = try RunConfiguration(try Shipped.load(name))
    // The resolved configuration is one of the same run.
    #expect(try RunConfiguration(configuration.resolved).resolved == configuration.resolved)
  }

  @Test(arguments: Shipped.names) func noKeyCanBeMisspelled(_ name: String) throws {
    let json = try Shipped.load(name)
    for place in json.places {
      guard case .key(let key) = place.last else { continue }
      let broken = json.changing(place[...]) { JSON.Member($0.key + "x", $0.value) }
      let error = #expect(throws: ConfigurationError.self, "\(key)") { _ = try RunConfiguration(broken) }
      #expect(error?.description.contains(key) == true && error?.location?.file.contains("Configs") == true)
    }
  }

  @Test(arguments: Shipped.names) func noValueCanHaveAnotherType(_ name: String) throws {
    let json = try Shipped.load(name)
    let others: [JSON] = [
      .null, .boolean(true), .integer(3), .string("no such thing"), .array([]), .array([.null]), .object([]),
    ]
    for place in json.places {
      guard let value = json.value(at: place[...]) else { continue }
      for other in others where other.kindName != value.kindName {
        let broken = json.changing(place[...]) { JSON.Member($0.key, JSON(other.content, at: $0.value.location)) }
        let error = #expect(throws: ConfigurationError.self, "\(place) = \(other.compactText)") {
          _ = try RunConfiguration(broken)
        }
        #expect(error?.path.isEmpty == false && error?.location != nil)
      }
    }
  }

  @Test func theSchemaIsTheDecoders() throws {
    let file = Shipped.folder.appending(path: "schema/train.schema.json")
    let committed = try String(contentsOf: file, encoding: .utf8)
    #expect(
      committed == ConfigurationSchema.train.prettyText + "\n",
      "write it anew with: troupe schema > Configs/schema/train.schema.json")
  }
}

@Suite struct DamagedConfigurationTests {
  /// Damaged text is read or refused in one line.
  @Test(arguments: 0..<10) func damagedTextIsReadOrRefused(_ part: Int) throws {
    let files = try Shipped.names.map { try Data(contentsOf: Shipped.folder.appending(path: $0)) }
    let pieces = [
      "\\n", "\\ud800", "{", "[", "]", "}", "\"", ":", ",", "1e999", "-", "null", "\u{0}", "\n", "\u{FEFF}", "9",
    ]
    for seed in part * 200..<(part + 1) * 200 {
      var maker = JSONMaker(seed: UInt64(seed))
      var text = [UInt8](files[maker.below(files.count)])
      for _ in 0..<1 + maker.below(3) {
        let position = maker.below(text.count)
        switch maker.below(5) {
        case 0: text[position] = UInt8(maker.below(256))
        case 1: text[position] ^= 1 << UInt8(maker.below(8))
        case 2: text.removeSubrange(position..<min(text.count, position + 1 + maker.below(30)))
        case 3: text.insert(contentsOf: pieces[maker.below(pieces.count)].utf8, at: position)
        default:
          let source = maker.below(text.count)
          text.insert(contentsOf: text[source..<min(text.count, source + maker.below(40))], at: position)
        }
        if text.isEmpty { text = [0] }
      }
      do throws(ConfigurationError) {
        _ = try RunConfiguration(try JSONParser.parse(text, file: "damaged.json"))
      } catch {
        #expect(error.description.hasPrefix("damaged.json:"), "\(error)")
        #expect(!error.description.unicodeScalars.contains { $0.value < 0x20 })
      }
    }
  }

  @Test(arguments: 0..<5) func anyValueAnywhereIsReadOrRefused(_ part: Int) throws {
    let files = try Shipped.names.map(Shipped.load)
    for seed in part * 200..<(part + 1) * 200 {
      var maker = JSONMaker(seed: UInt64(1_000_000 + seed))
      let json = files[maker.below(files.count)]
      let place = json.places[maker.below(json.places.count)]
      let value =
        maker.below(2) == 0
        ? maker.value(depth: 2) : JSON(.number(JSON.Number(["-1", "0", "1e18", "1e-320", "0.5"][maker.below(5)])))
      let broken = json.changing(place[...]) { JSON.Member($0.key, value) }
      do throws(ConfigurationError) {
        _ = try RunConfiguration(broken)
      } catch {
        #expect(!error.path.isEmpty && !error.description.unicodeScalars.contains { $0.value < 0x20 })
      }
    }
  }
}
