import ArgumentParser
import Data
import Foundation
import JSON
import Tokenizers

struct TokenizerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenizer", abstract: "Learn a vocabulary from text; turn text into tokens and back.",
    discussion: """
      Examples:
        troupe tokenizer train input.txt --vocabulary 1024 --output tokenizer.json
        troupe tokenizer encode tokenizer.json "Once upon a time"
        troupe tokenizer decode tokenizer.json 318 12 907
        troupe tokenizer inspect tokenizer.json
      """,
    subcommands: [Learn.self, Encode.self, Decode.self, Inspect.self])

  struct Encode: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print the tokens of a text.",
      discussion: """
        Examples:
          troupe tokenizer encode tokenizer.json "Once upon a time" --pieces
          troupe tokenizer encode tokenizer.json --file input.txt --json
        """)

    @OptionGroup var source: TokenizerSource

    @Argument(help: "The text.")
    var text: String?

    @Option(help: "A file with the text.", completion: .file(), transform: expandingTilde)
    var file: String?

    @Flag(help: "Print each token beside its text, one per line.")
    var pieces = false

    @OptionGroup var json: JSONOption

    func run() async throws {
      try await reportingFailures {
        guard (text == nil) != (file == nil) else { throw CommandFailure("expected a text or --file, not both", 2) }
        let tokenizer = try source.tokenizer()
        let bytes = try file.map { try TextFile.bytes(of: $0) } ?? Array((text ?? "").utf8)
        let tokens: [Int32]
        do throws(TokenizerError) {
          tokens = try tokenizer.encode(bytes)
        } catch {
          throw DataError(file ?? "text", error)
        }
        if pieces {
          for token in tokens { json.output.say("\(token)\t\(tokenizer.label(of: token))") }
        } else {
          json.output.say(tokens.map(String.init).joined(separator: " "))
        }
        json.output.result(
          .object([("bytes", .integer(bytes.count)), ("tokens", .array(tokens.map { .integer($0) }))]))
      }
    }
  }

  struct Decode: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print the text of tokens.",
      discussion: """
        Examples:
          troupe tokenizer decode tokenizer.json 318 12 907
          troupe tokenizer decode bytes 104 105
        """)

    @OptionGroup var source: TokenizerSource

    @Argument(help: "The tokens.")
    var tokens: [Int32]

    @OptionGroup var json: JSONOption

    func run() async throws {
      try await reportingFailures {
        let tokenizer = try source.tokenizer()
        do throws(TokenizerError) {
          let text = String(decoding: try tokenizer.decode(tokens), as: UTF8.self)
          json.output.show(text + "\n")
          json.output.result(.object([("text", .string(text))]))
        } catch {
          throw CommandFailure("\(source.file): \(error)", 2)
        }
      }
    }
  }

  struct Inspect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Describe a tokenizer: its kind, vocabulary and special tokens.",
      discussion: """
        Examples:
          troupe tokenizer inspect tokenizer.json
          troupe tokenizer inspect bytes --json
        """)

    /// The number of longest tokens that are shown.
    private static let shown = 20

    @OptionGroup var source: TokenizerSource
    @OptionGroup var json: JSONOption

    func run() async throws {
      try await reportingFailures {
        let tokenizer = try source.tokenizer()
        json.output.say("\(source.file): \(tokenizer.summary)")
        for special in tokenizer.specialTokens {
          json.output.say("  special token \(special.token): \(special.text)")
        }
        let labels = (0..<Int32(tokenizer.vocabularySize)).map { tokenizer.label(of: $0) }
        if tokenizer.model is BytePairModel {
          let longest = labels.enumerated().sorted { ($1.element.count, $0.offset) < ($0.element.count, $1.offset) }
          json.output.say("  longest: " + longest.prefix(Self.shown).map(\.element).joined(separator: " "))
        } else if tokenizer.model is CharacterVocabulary {
          json.output.say("  characters: " + labels.joined(separator: " "))
        }
        json.output.result(
          .object([
            ("kind", .string(tokenizer.kind)), ("vocabulary", .integer(tokenizer.vocabularySize)),
            ("digest", .string(tokenizer.digest)),
            (
              "special_tokens",
              .array(
                tokenizer.specialTokens.map {
                  .object([("text", .string($0.text)), ("token", .integer($0.token))])
                })
            ),
            ("tokens", .array(labels.map { .string($0) })),
          ]))
      }
    }
  }
}

/// The tokenizer of a command.
struct TokenizerSource: ParsableArguments {
  @Argument(
    help: "A file of troupe tokenizer train, a tokenizer.json of Hugging Face, or the word bytes.",
    completion: .file(extensions: ["json"]), transform: expandingTilde)
  var file: String

  func tokenizer() throws(DataError) -> Tokenizer { file == "bytes" ? .bytes : try Tokenizer(file: file) }
}
