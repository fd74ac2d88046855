import Formats
import Tensors

extension Dataset {
  /// Training samples as images, one per row: first as evaluation sees it, then as the first epochs do.
  ///
  /// Standardization is undone, so that the colors are the image's own.
  package func preview(samples: Int, epochs: Int) throws(DataError) -> Image {
    let field = fields[inputField]
    guard field.type == .float32, let shape = ImageShape(field.shape), shape.channels == 1 || shape.channels == 3 else {
      throw DataError(
        name, expected: "gray or color images [height, width, channels] to show", found: "inputs \(field.shape)")
    }
    let tileCount = min(samples, splits.training.count) * (epochs + 1)
    guard tileCount * (shape.height + 2) * (shape.width + 2) <= Image.mostPixels else {
      throw DataError(
        name, expected: "an image of at most \(Image.mostPixels) pixels", found: "\(tileCount) images of \(shape)",
        advice: "show fewer samples or epochs")
    }
    let reader = SampleReader(self)
    let arena = Arena(byteCount: shape.count * field.type.byteCount)
    let output = arena.all(as: .float32)
    let readings = [.evaluation] + (0..<epochs).map { Reading.training(epoch: $0) }
    let tiles = (0..<min(samples, splits.training.count)).flatMap { position in
      readings.map { reading in
        reader.read(splits.training[position], reading, field: inputField, into: output)
        return Image(width: shape.width, height: shape.height, channels: shape.channels, bytes: levels(output))
      }
    }
    return Image(sheet: tiles, columns: readings.count)
  }

  /// Values 0…1 as bytes; others are cut off.
  private func levels(_ output: TensorSlice) -> [UInt8] {
    let values = output.floats
    return values.indices.map { index in
      var value = values[index]
      if let standardization {
        let pair = index % standardization.mean.count
        value = value * standardization.deviation[pair] + standardization.mean[pair]
      }
      return value.isNaN ? 0 : UInt8(min(max(value, 0), 1) * 255 + 0.5)
    }
  }
}
