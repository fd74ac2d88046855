import Configuration
import Tensors

/// The color around or over an image: one level for all channels or one per channel, in 0…1.
struct Fill: Sendable {
  private let levels: [Float]

  static let black = Fill(levels: [0])

  private init(levels: [Float]) { self.levels = levels }

  /// Nil without the key.
  init?(from reader: SettingsReader) throws(ConfigurationError) {
    let levels = try reader.optionalPerChannel(
      "fill", in: 0...1, "color outside the image: a level for all channels or one per channel; black if absent")
    guard let levels else { return nil }
    self.levels = levels.map { Float($0) }
  }

  func level(_ channel: Int) -> Float { levels.count == 1 ? levels[0] : levels[channel] }

  func check(_ shape: ImageShape) throws(DataError) {
    guard levels.count == 1 || levels.count == shape.channels else {
      throw DataError("", expected: "1 or \(shape.channels) levels in \"fill\"", found: "\(levels.count)")
    }
  }

  /// Colors the columns `columns` of one row of pixels.
  func paint(_ row: TensorSlice, columns: Range<Int>, channels: Int) {
    var values = row.mutableFloats
    for channel in 0..<channels {
      let level = level(channel)
      for column in columns { values[column * channels + channel] = level }
    }
  }
}
