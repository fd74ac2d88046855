import Files
import Formats
import Foundation
import SystemPackage
import TestSupport
import Testing

struct SheetTests {
  @Test func tilesGapsAndChannels() {
    let black = Image(width: 2, height: 2, channels: 1, filledWith: 0)
    let red = Image(width: 1, height: 1, channels: 3, bytes: [255, 0, 0])
    let sheet = Image(sheet: [black, red, black], columns: 2, gap: 1, background: 200)
    #expect(sheet.width == 7 && sheet.height == 7 && sheet.channels == 3)
    let firsts = (0..<7).map { row in (0..<7).map { Int(sheet[row, $0, 0]) } }
    #expect(
      firsts == [
        [200, 200, 200, 200, 200, 200, 200],
        [200, 0, 0, 200, 255, 200, 200],
        [200, 0, 0, 200, 200, 200, 200],
        [200, 200, 200, 200, 200, 200, 200],
        [200, 0, 0, 200, 200, 200, 200],
        [200, 0, 0, 200, 200, 200, 200],
        [200, 200, 200, 200, 200, 200, 200],
      ])
    #expect(sheet[1, 4, 1] == 0 && sheet[1, 5, 1] == 200)
    #expect(Image(sheet: [black], gap: 0) == black)
    let many = Image(sheet: [Image](repeating: black, count: 10))
    #expect(many.width == 2 + 4 * 4 && many.height == 2 + 3 * 4 && many.channels == 1)
  }

  @Test func magnification() {
    let image = Image(width: 2, height: 1, channels: 3, bytes: [1, 2, 3, 4, 5, 6])
    let line: [UInt8] = [1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6]
    #expect(image.magnified(by: 2) == Image(width: 4, height: 2, channels: 3, bytes: line + line))
    #expect(image.magnified(by: 1) == image)
  }

  @Test func filesAppearWhole() throws {
    let folder = try TemporaryFolder()
    for image in [sample(), sample(channels: 1)] {
      try image.writePNG(to: folder.path("image.png"))
      let file = [UInt8](try folder.bytes("image.png"))
      #expect(try decoded(file) == image)
    }
    #expect(try folder.names() == ["image.png"])
    #expect(throws: FileError(folder.path("missing/image.png"), "create", .noSuchFileOrDirectory)) {
      try sample().writePNG(to: folder.path("missing/image.png"))
    }
  }
}
