import Formats
import Inference
import Runs
import Testing

/// The attention weights of a prompt and their image.
struct AttentionMapTests {
  @Test(arguments: ["gpt", "llama"]) func promptsAttendToEarlierTokens(preset: String) throws {
    let language = try randomModel(
      #"{"type": "transformer", "preset": "\#(preset)", "layers": 2, "heads": 4, "width": 32}"#)
    let prompt = Array("To be\n".utf8).map(Int32.init)
    let maps = try AttentionMap.maps(language, prompt: prompt)
    #expect(maps.map(\.layer) == ["blocks.0.attention", "blocks.1.attention"])
    for map in maps {
      #expect(map.heads == 4 && map.queries == ["T", "o", "␣", "b", "e", "\\n"] && map.keys == map.queries)
      for row in 0..<24 {
        let weights = map.weights[row * 6..<row * 6 + 6]
        #expect(abs(weights.reduce(0, +) - 1) < 1e-5 && weights.allSatisfy { $0 >= 0 })
        #expect(weights.dropFirst(row % 6 + 1).allSatisfy { $0 == 0 })
      }
    }
    #expect(Set(maps[1].weights.map { ($0 * 100).rounded() }).count > 20)
    #expect(try AttentionMap.maps(language, prompt: prompt, layer: 1).map(\.layer) == ["blocks.1.attention"])
    #expect(throws: RunError.self) { try AttentionMap.maps(language, prompt: prompt, layer: 2) }
    #expect(throws: RunError.self) { try AttentionMap.maps(language, prompt: randomTokens(129)) }
    let all = try AttentionSheet.draw(maps)
    let one = try AttentionSheet.draw([maps[0]])
    #expect(all.channels == 3 && all.width == one.width && all.height > one.height)
    // Two prompts of one length differ in labels and weights, not in size.
    let other = try AttentionSheet.draw(AttentionMap.maps(language, prompt: prompt.reversed()))
    #expect(other != all && other.width == all.width && other.height == all.height)
  }

  @Test func encoderDecodersAttendToTheirSource() throws {
    let language = try randomModel(
      #"{"type": "encoder_decoder", "layers": 1, "encoder_layers": 1, "heads": 2, "width": 16}"#)
    let maps = try AttentionMap.maps(language, prompt: [65, 66, 67], source: [97, 98, 99, 100])
    #expect(maps.map(\.queries.count) == [4, 3, 3] && maps.map(\.keys.count) == [4, 3, 4])
    #expect(maps[2].queries == ["A", "B", "C"] && maps[2].keys == ["a", "b", "c", "d"])
    for map in maps {
      for row in 0..<2 * map.queries.count {
        let weights = map.weights[row * map.keys.count..<(row + 1) * map.keys.count]
        #expect(abs(weights.reduce(0, +) - 1) < 1e-5)
      }
    }
  }

  @Test func modelsWithoutAttentionAreRefused() throws {
    let language = try randomModel(#"{"type": "recurrent", "units": 8}"#)
    #expect {
      try AttentionMap.maps(language, prompt: [1])
    } throws: { error in
      "\(error)".contains("\"recurrent\" has none")
    }
  }
}
