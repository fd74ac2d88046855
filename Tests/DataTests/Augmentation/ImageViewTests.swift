import Data
import Tensors
import Testing

/// The ways in which evaluation can show an image.
@Suite struct ImageViewTests {
  private let plain = #""augmentation": []"#

  @Test(arguments: [1, 2, 3, 4]) func imagesAreMirroredAndMoved(channels: Int) throws {
    let (height, width) = (5, 4)
    let set = try dataset(plain, images(3, height, width, channels))
    let image = set.values(2, 0)
    #expect(set.values(2, 0, .view(ImageView())) == image)
    let lists = [ImageView.flip, ImageView.tenCrop, [ImageView(down: 2, right: -3), ImageView(down: 9, right: -9)]]
    for view in lists.flatMap(\.self) {
      let expected = (0..<height * width * channels).map { element -> Float in
        let (row, column, channel) = (element / channels / width, element / channels % width, element % channels)
        let y = row - view.down
        let x = (view.isMirrored ? width - 1 - column : column) - view.right
        guard (0..<height).contains(y), (0..<width).contains(x) else { return 0 }
        return image[(y * width + x) * channels + channel]
      }
      #expect(set.values(2, 0, .view(view)) == expected, "\(view)")
      #expect(set.values(2, 1, .view(view)) == set.values(2, 1), "the label is the sample's")
    }
    #expect(Set(ImageView.tenCrop.map { set.values(2, 0, .view($0)) }).count == 10)
    #expect(Array(ImageView.tenCrop.prefix(2)) == ImageView.flip)
  }

  /// Views are of what transforms make of the image, and are standardized as it is.
  @Test func viewsComeAfterTransformsAndBeforeStandardization() throws {
    let transforms = #""augmentation": [{"type": "horizontal_flip"}, {"type": "center_crop", "size": [4, 3]}]"#
    let cropped = try dataset(transforms, images(3, 7, 6))
    let standardized = try dataset(transforms + #", "standardize": true"#, images(3, 7, 6))
    let means = try #require(standardized.standardization)
    let image = cropped.values(1, 0)
    let mirrored = cropped.values(1, 0, .view(ImageView(isMirrored: true)))
    for (index, value) in mirrored.enumerated() {
      let (row, column, channel) = (index / 9, index / 3 % 3, index % 3)
      #expect(value == image[row * 9 + (2 - column) * 3 + channel])
    }
    let (black, view) = (ImageView(down: 9), ImageView(isMirrored: true))
    let arena = Arena(byteCount: 2 * 36 * 4)
    for (index, values) in [[Float](repeating: 0, count: 36), mirrored].enumerated() {
      let output = arena.slice(offset: index * 36 * 4, count: 36, type: .float32)
      var floats = output.mutableFloats
      for i in 0..<36 { floats[i] = values[i] }
      means.apply(to: output)
      let expected = output.floats.indices.map { output.floats[$0] }
      #expect(standardized.values(1, 0, .view(index == 0 ? black : view)) == expected)
    }
    withExtendedLifetime(arena) {}
  }

  /// Outside the image is the border that training showed there.
  @Test(arguments: [#""padding_mode": "reflect""#, #""padding_mode": "edge""#, #""fill": 0.25"#])
  func theBorderIsThatOfTheRandomCrop(border: String) throws {
    let crop = #"{"type": "random_crop", "padding": 2, \#(border)}"#
    let set = try dataset(#""augmentation": [{"type": "horizontal_flip"}, \#(crop)]"#, images(2, 5, 4, 1))
    let image = set.values(0, 0)
    let moved = set.values(0, 0, .view(ImageView(down: 1, right: -1)))
    for row in 0..<5 {
      for column in 0..<4 {
        let isOutside = row == 0 || column == 3
        let isEdge = border.contains("edge")
        let (y, x) = isEdge ? (max(row - 1, 0), min(column + 1, 3)) : (abs(row - 1), 3 - abs(2 - column))
        let expected = isOutside && border.contains("fill") ? 0.25 : image[y * 4 + x]
        #expect(moved[row * 4 + column] == expected, "\(row), \(column)")
      }
    }
    // A mirror image cannot be longer than the image.
    let tiny = try dataset(#""augmentation": [\#(crop), {"type": "center_crop", "size": 1}]"#, images(2, 5, 4, 1))
    for view in ImageView.tenCrop {
      let isMoved = view.down != 0
      let expected = isMoved && border.contains("fill") ? [0.25] : tiny.values(0, 0)
      #expect(tiny.values(0, 0, .view(view)) == expected, "\(view)")
    }
  }
}
