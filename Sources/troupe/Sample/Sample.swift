import ArgumentParser
import JSON

struct Sample: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Let a trained model write text or draw images, from its checkpoint alone.",
    discussion: """
      Examples of a language model:
        troupe sample checkpoints/gpt-shakespeare --prompt "ROMEO:" --count 3
        troupe sample checkpoints/gpt-shakespeare --prompt FILE:scene.txt --top-p 0.9
        troupe sample checkpoints/gpt-shakespeare --prompt "To be" --beam 4
        troupe sample checkpoints/reverse --source 12345 --greedy
        troupe sample checkpoints/reverse --source 12345 --attention attention.png

      Examples of a diffusion model:
        troupe sample checkpoints/ddpm-glyphs --guidance 2 --output digits.png
        troupe sample checkpoints/ddpm-glyphs --class 7 --count 16 --files sevens
        troupe sample checkpoints/text-to-shape --prompt "a red circle"
        troupe sample checkpoints/ddpm-glyphs --trajectory noise-to-digit.png

      A language model's prompt is cut at its beginning where it is longer than
      the context. A text that outgrows the context continues from the last half
      of it, which is read again. A text ends at <|endoftext|> where the tokenizer
      has it. --attention draws the attention while the model reads the prompt,
      and writes no text.

      A diffusion model draws its classes, or the captions of its data, in turns
      unless --class or --prompt select some. The same seed and batch give the
      same images, whatever their number and the number of lanes.
      """)

  @OptionGroup var source: RunSource

  @Option(
    help: """
      The text to continue, or FILE:path (default: a line break). For a diffusion model the caption to draw; may be \
      repeated.
      """)
  var prompt: [String] = []

  @Option(name: .customLong("source"), help: "The text that an encoder-decoder reads, or FILE:path.")
  var sourceText: String?

  @OptionGroup(title: "Options of language models") var options: SampleOptions

  @Option(
    help: "Draw the attention of the prompt's tokens into a PNG file.", completion: .file(extensions: ["png"]),
    transform: expandingTilde)
  var attention: String?

  @Option(help: "Of --attention: only this layer, counted from 0.")
  var layer: Int?

  @OptionGroup(title: "Options of diffusion models") var images: ImageOptions

  @OptionGroup var json: JSONOption

  static let separator = "---------------"

  func validate() throws {
    if attention == nil { try refuse([("--layer", layer != nil)], "without --attention") }
    if attention != nil, options.greedy || options.beam != nil || options.count != nil {
      throw ValidationError("--attention writes no text: drop --greedy, --beam and --count")
    }
  }

  func run() async throws {
    try await reportingFailures {
      let stored = try source.stored(say: Output.note)
      let draws = stored.configuration.data.diffusion != nil
      let ofText: [GivenOption] =
        [("--source", sourceText != nil), ("--attention", attention != nil)] + options.ofTextOnly
      if let option = (draws ? ofText : images.given).first(where: \.isGiven) {
        throw CommandFailure(
          "\(option.name) is for \(draws ? "language" : "diffusion") models, and \(stored.configuration.name) is "
            + (draws ? "a diffusion model" : "none"), 2)
      }
      if draws { try drawImages(stored) } else { try writeText(stored) }
    }
  }
}
