import ArgumentParser
import JSON

struct Sample: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Let a trained model write, or draw. Needs the checkpoint only, not the data.",
    discussion: """
      Examples of a language model:
        troupe sample checkpoints/gpt-shakespeare --prompt "ROMEO:" --count 3 --tokens 200
        troupe sample checkpoints/gpt-shakespeare --prompt FILE:scene.txt --temperature 0.7 --top-p 0.9 --seed 7
        troupe sample checkpoints/gpt-shakespeare --prompt "To be" --beam 4 --length-penalty 0.6 --results 2 --stop $'\\n'
        troupe sample checkpoints/reverse --source 12345 --greedy
        troupe sample checkpoints/gpt-shakespeare --prompt "To be, or not" --attention attention.png

      Examples of a diffusion model:
        troupe sample checkpoints/ddpm-glyphs --guidance 2 --output digits.png
        troupe sample checkpoints/ddpm-glyphs --class 7 --count 16 --sampler ddpm --files sevens
        troupe sample checkpoints/text-to-shape --prompt "a red circle" --prompt "a blue star" --guidance 3
        troupe sample checkpoints/ddpm-glyphs --trajectory noise-to-digit.png

      A prompt longer than a language model's context is cut at its beginning. A text that grows longer than the context
      goes on from the last half of it, which is read again. A text ends at <|endoftext|> where the tokenizer has it.
      --attention draws what the heads look at while the model reads the prompt, and writes no text.

      A diffusion model draws its classes, or its data's captions, in turns unless --class or --prompt say otherwise. The same
      seed and batch give the same pictures, however many are drawn and by however many lanes.
      """)

  @OptionGroup var source: RunSource

  @Option(
    help: """
      What to go on from: a text, or FILE:path (default: a line break). For a diffusion model what to draw; may be repeated.
      """)
  var prompt: [String] = []

  @Option(name: .customLong("source"), help: "What an encoder-decoder reads: a text, or FILE:path.")
  var sourceText: String?

  @OptionGroup(title: "Options of language models") var options: SampleOptions

  @Option(help: "Draw the attention of the prompt's tokens into a PNG file.", completion: .file(extensions: ["png"]))
  var attention: String?

  @Option(help: "Of --attention: only this layer, counted from 0.")
  var layer: Int?

  @OptionGroup(title: "Options of diffusion models") var pictures: PictureOptions

  @OptionGroup var json: JSONOption

  static let separator = "---------------"

  func validate() throws {
    if layer != nil, attention == nil { throw ValidationError("--layer is of no use without --attention") }
    if attention != nil, options.greedy || options.beam != nil || options.count != nil {
      throw ValidationError("--attention writes no text: drop --greedy, --beam and --count")
    }
  }

  func run() async throws {
    try await reportingFailures {
      let stored = try source.stored(say: Output.note)
      let draws = stored.configuration.data.diffusion != nil
      let ofText = [("--source", sourceText != nil), ("--attention", attention != nil)] + options.ofTextOnly
      if let (option, _) = (draws ? ofText : pictures.all).first(where: \.1) {
        throw CommandFailure(
          "\(option) is for \(draws ? "language" : "diffusion") models, and \(stored.configuration.name) is "
            + (draws ? "a diffusion model" : "none"), 2)
      }
      if draws { try runPictures(stored) } else { try runText(stored) }
    }
  }
}
