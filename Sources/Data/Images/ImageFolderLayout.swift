/// The class and the split of every image, by its folders.
///
/// Either `class/…/image` or `train/class/…/image` and `test/class/…/image`; a single folder around all of it does not
/// matter. Labels are the positions of the classes' names in ascending order of their bytes, as
/// torchvision's `ImageFolder` has them.
struct ImageFolderLayout: Equatable {
  struct Item: Equatable {
    /// The position in the names given.
    var index: Int
    var label: Int
    /// The name without the folder around everything.
    var name: String
  }

  private(set) var classNames: [String] = []
  private(set) var training: [Item] = []
  private(set) var test: [Item] = []

  private static let trainingFolder: Substring = "train"
  private static let testFolder: Substring = "test"
  /// Names of splits, in small letters.
  private static let trainingWords: Set<String> = ["train", "training"]
  private static let heldOutWords: Set<String> = ["test", "testing", "val", "valid", "validation"]
  static let mostClasses = 1 << 20

  /// - Parameters:
  ///   - images: paths of images, in ascending order; `folders`: of folders, empty ones too.
  ///   - path: for messages.
  init(images: [String], folders: [String], path: String) throws(DataError) {
    var files = images.map { $0.split(separator: "/")[...] }
    var folders = folders.map { $0.split(separator: "/")[...] }
    guard !files.isEmpty else {
      throw DataError(
        path, expected: "a folder for each class with JPEG or PNG images in it", found: "no image",
        advice: "name the folder or the tar archive that holds the classes' folders")
    }
    while files.allSatisfy({ $0.count >= 3 }), Set((files + folders).map(\.first)).count == 1 {
      files = files.map { $0.dropFirst() }
      folders = folders.map { $0.dropFirst() }.filter { !$0.isEmpty }
    }
    let tops = Set(files.filter { $0.count >= 2 }.compactMap(\.first)).sorted()
    let hasSplits = Self.hasSplits(files, tops)
    if hasSplits, let stray = files.firstIndex(where: { $0.count < 3 }) {
      throw Self.outside(images[stray], path, orElse: "name the folder train alone as the path")
    }
    if !hasSplits, let training = tops.first(where: { Self.says($0, Self.trainingWords) }),
      let other = tops.first(where: { $0 != training && Self.says($0, Self.heldOutWords) })
    {
      throw DataError(
        path, expected: "the folders train and test with a folder for each class in both, or the classes' folders",
        found: "\(DataError.quoted(training)) and \(DataError.quoted(other))",
        advice: "rename them to train and test and sort what is in them by class, or name one of them as the path")
    }
    if hasSplits, let other = tops.first(where: { $0 != Self.trainingFolder && $0 != Self.testFolder }) {
      throw DataError(
        path, expected: "the folders train and test", found: DataError.quoted(other),
        advice: tops.contains(Self.testFolder)
          ? "take it out, or put its images into one of them"
          : "rename it to test, or name the folder train alone as the path")
    }
    func parts(_ split: Substring) -> (images: [(Int, ArraySlice<Substring>)], folders: [Substring]) {
      let own = files.enumerated().filter { !hasSplits || $0.element.first == split }
      let ownFolders = hasSplits ? folders.filter { $0.first == split }.map { $0.dropFirst() } : folders
      return (own.map { ($0.offset, hasSplits ? $0.element.dropFirst() : $0.element) }, ownFolders.compactMap(\.first))
    }
    let train = parts(Self.trainingFolder)
    for (index, file) in train.images where file.count < 2 { throw Self.outside(images[index], path) }
    // Names are compared by their bytes: to Swift, two ways of writing é are one.
    let filled = Set(train.images.compactMap(\.1.first).map { Array($0.utf8) })
    if let empty = train.folders.first(where: { !filled.contains(Array($0.utf8)) }) {
      throw DataError(
        path, at: String(empty), expected: "JPEG or PNG images in every class's folder", found: "none",
        advice: "fill or remove the folder")
    }
    let names = filled.sorted { $0.lexicographicallyPrecedes($1) }
    guard (2...Self.mostClasses).contains(names.count) else {
      throw DataError(
        path, expected: "2 to \(Self.mostClasses) folders, one per class", found: "\(names.count)",
        advice: "put the images of each class into a folder of the class's name")
    }
    let labels = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($0.element, $0.offset) })
    classNames = names.map { String(decoding: $0, as: UTF8.self) }
    training = train.images.compactMap { index, file in
      file.first.flatMap { labels[Array($0.utf8)] }.map {
        Item(index: index, label: $0, name: file.joined(separator: "/"))
      }
    }
    guard hasSplits else { return }
    for (index, file) in parts(Self.testFolder).images {
      guard file.count >= 2, let name = file.first else { throw Self.outside(images[index], path) }
      guard let label = labels[Array(name.utf8)] else {
        throw DataError(
          path, at: images[index], expected: "one of the \(names.count) classes in train",
          found: DataError.quoted(name),
          advice: "test images must be of classes that training has")
      }
      test.append(Item(index: index, label: label, name: file.joined(separator: "/")))
    }
  }

  /// Whether the top folders are splits and not classes, one of which may well be called train.
  private static func hasSplits(_ files: [ArraySlice<Substring>], _ tops: [Substring]) -> Bool {
    let training = files.filter { $0.first == trainingFolder }
    let deep = training.count { $0.count >= 3 }
    guard 2 * deep > training.count else { return false }
    let others = tops.filter { $0 != trainingFolder }
    return files.allSatisfy { $0.count >= 3 }
      || others.allSatisfy { says($0, trainingWords) || says($0, heldOutWords) }
  }

  /// Whether a folder's name has one of some words in it, such as `seg_train` and `test1`.
  private static func says(_ name: Substring, _ words: Set<String>) -> Bool {
    name.lowercased().split(whereSeparator: { !$0.isLetter }).contains { words.contains(String($0)) }
  }

  private static func outside(_ image: String, _ path: String, orElse other: String = "leave it out") -> DataError {
    DataError(
      path, at: image, expected: "images in folders, one per class", found: "an image beside them",
      advice: "move it into the folder of its class, or \(other)")
  }
}
