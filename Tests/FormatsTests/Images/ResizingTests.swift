import Formats
import Testing

@Suite struct ResizingTests {
  private func resize(
    _ pixels: [UInt8], _ width: Int, _ height: Int, channels: Int = 1, to target: (width: Int, height: Int),
    _ mode: ImageResizing.Mode = .stretch
  ) -> [UInt8] {
    ImageResizing(width: target.width, height: target.height, mode: mode)
      .resized(pixels, width: width, height: height, channels: channels)
  }

  @Test func sameSizeIsTheSame() {
    let image = sample()
    for mode in ImageResizing.Mode.allCases {
      #expect(resize(image.bytes, 33, 21, channels: 3, to: (33, 21), mode) == image.bytes)
    }
  }

  /// Twice as large: ¼ and ¾ of neighbors, as by hand.
  @Test func enlargesBetweenNeighbors() {
    #expect(resize([0, 100], 2, 1, to: (4, 1)) == [0, 25, 75, 100])
    #expect(resize([0, 100], 1, 2, to: (1, 4)) == [0, 25, 75, 100])
    #expect(resize([0, 10, 20, 100, 110, 120], 2, 1, channels: 3, to: (4, 1))[3..<6] == [25, 35, 45])
  }

  /// Half as large: the weights are ⅛, ⅜, ⅜, ⅛, cut off at the edge.
  @Test func shrinkingIsAntialiased() {
    let row: [UInt8] = [0, 80, 160, 240, 0, 80, 160, 240]
    #expect(resize(row, 8, 1, to: (4, 1))[1] == 160)
    #expect(resize(row, 8, 1, to: (4, 1))[0] == 57)
    #expect(resize(row, 1, 8, to: (1, 4))[1] == 160)
    // A checkerboard becomes gray and not black or white.
    let board = (0..<64).map { UInt8(($0 / 8 + $0) % 2 * 255) }
    #expect(resize(board, 8, 8, to: (2, 2)).allSatisfy { (110...145).contains($0) })
  }

  @Test func constantsStayConstant() {
    for (width, height) in [(1, 1), (7, 13), (100, 3), (640, 480)] {
      let pixels = [UInt8](repeating: 255, count: width * height * 3)
      for target in [(1, 1), (31, 5), (224, 224)] {
        for mode in ImageResizing.Mode.allCases {
          let resized = resize(pixels, width, height, channels: 3, to: target, mode)
          #expect(resized.count == target.0 * target.1 * 3 && resized.allSatisfy { $0 == 255 })
        }
      }
    }
  }

  /// A crop is the middle of the image scaled as a whole.
  @Test func cropsTheMiddle() {
    let image = slope(width: 40, height: 20)
    let whole = resize(image.bytes, 40, 20, channels: 3, to: (20, 10))
    let crop = resize(image.bytes, 40, 20, channels: 3, to: (10, 10), .crop)
    for row in 0..<10 { #expect(crop[row * 30..<(row + 1) * 30] == whole[row * 60 + 15..<row * 60 + 45]) }
    let row: [UInt8] = [1, 2, 3, 4, 5, 6]
    #expect(resize(row, 6, 1, to: (2, 1), .crop) == [3, 4])
    #expect(resize(row, 1, 6, to: (1, 2), .crop) == [3, 4])
  }
}
