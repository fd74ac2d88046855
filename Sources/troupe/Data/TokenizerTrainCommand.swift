import ArgumentParser
import Data
import Files
import Foundation
import JSON
import Tokenizers

extension TokenizerCommand {
  struct Learn: AsyncParsableCommand {
    enum Kind: String, ExpressibleByArgument, CaseIterable {
      case bytePair = "byte_pair"
      case characters
    }

    static let configuration = CommandConfiguration(
      commandName: "train", abstract: "Learn a vocabulary from text files.",
      discussion: """
        Examples:
          troupe tokenizer train input.txt --vocabulary 1024 --output tokenizer.json
          troupe tokenizer train 'Sources/**/*.swift' --output swift.json
          troupe tokenizer train input.txt --type characters --output characters.json

        Byte pairs are written as Hugging Face's tokenizer.json, which its tokenizers
        library reads.
        """)

    @Argument(
      help: "Text files, folders, or patterns with *, ** and ?.", completion: .file(), transform: expandingTilde)
    var files: [String]

    @Option(help: "byte_pair or characters.")
    var type = Kind.bytePair

    @Option(help: "Number of tokens, with the 256 bytes and the special ones. (default: 1024)")
    var vocabulary: Int?

    @Option(help: "A token that stands for itself; may be repeated. (default: <|endoftext|> for byte_pair)")
    var special: [String] = []

    @Option(help: "The files of a folder to read.")
    var pattern = "**/*.txt"

    @Option(
      name: .shortAndLong, help: "The file to write.", completion: .file(extensions: ["json"]),
      transform: expandingTilde)
    var output: String

    @OptionGroup var json: JSONOption

    func run() async throws {
      try await reportingFailures {
        let special = special.isEmpty && type == .bytePair ? [Tokenizer.endOfText] : special
        let least = 256 + special.count
        let wanted = vocabulary ?? max(least, 1024)
        guard !special.contains(""), Set(special).count == special.count else {
          throw CommandFailure("--special: expected texts, none empty and each once", 2)
        }
        guard type == .bytePair || vocabulary == nil else {
          throw CommandFailure("--vocabulary: the characters of the files decide it; leave it out", 2)
        }
        guard type == .characters || (least...Tokenizer.mostTokens).contains(wanted) else {
          throw CommandFailure("--vocabulary \(wanted): expected \(least) to \(Tokenizer.mostTokens)", 2)
        }
        // A file that cannot be replaced is refused before minutes are spent.
        try Self.own.check(output)
        let start = ContinuousClock.now
        let (tokenizer, byteCount) = try learn(wanted, special)
        // A special token that is also a piece of text would make a file that no program can read.
        do throws(TokenizerError) {
          _ = try Tokenizer(text: Array(tokenizer.text.utf8))
        } catch {
          throw CommandFailure("--special: expected texts that are no pieces of the vocabulary: \(error)", 2)
        }
        do {
          try ReplacementFile.write(Array((tokenizer.text + "\n").utf8), to: output)
        } catch {
          throw CommandFailure("\(error)")
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let fewer =
          type == .bytePair && tokenizer.vocabularySize < wanted ? "; no more pairs occur twice in the text" : ""
        json.output.say(
          "learned \(tokenizer.vocabularySize) tokens from \(byteCount) bytes in "
            + String(format: "%.1f s", seconds) + ", written to \(output)" + fewer)
        json.output.result(
          .object([
            ("file", .string(output)), ("kind", .string(tokenizer.kind)),
            ("vocabulary", .integer(tokenizer.vocabularySize)), ("digest", .string(tokenizer.digest)),
            ("bytes", .integer(byteCount)), ("seconds", .number(seconds)),
          ]))
      }
    }

    /// Tokenizers as this program writes them: on one line, unlike those of most other programs.
    private static let own = OwnFile("tokenizer") { start in
      start.dropLast().allSatisfy { $0 != UInt8(ascii: "\n") }
        && [#"{"version":"1.0","truncation":"#, #"{"type":""#].contains { start.starts(with: $0.utf8) }
    }

    private func learn(_ wanted: Int, _ special: [String]) throws(DataError) -> (Tokenizer, bytes: Int) {
      var byteCount = 0
      var trainer = BytePairTrainer()
      var census = CharacterCensus()
      try TextFile.forEach(files, pattern: pattern) { (text, file) throws(DataError) in
        byteCount += text.count
        do throws(TokenizerError) {
          if type == .bytePair { try trainer.add(text) } else { try census.add(text) }
        } catch {
          throw DataError(file, error)
        }
      }
      if type == .bytePair { return (trainer.train(vocabularySize: wanted, specialTokens: special), byteCount) }
      guard let vocabulary = census.vocabulary else {
        throw DataError(files[0], expected: "a text", found: "no characters")
      }
      return (Tokenizer.characters(vocabulary).adding(specialTokens: special), byteCount)
    }
  }
}
