/// Texts as files, for commands that work on them without a configuration.
package enum TextFile {
  package static func bytes(of path: String) throws(DataError) -> [UInt8] {
    var input = try InputFile(path: path)
    return try input.rest(limit: IDXFile.defaultLimit)
  }

  /// Calls `body` with the content and the path of each file.
  ///
  /// - Parameters:
  ///   - paths: files, folders and patterns.
  ///   - pattern: of the files in folders.
  /// - Throws: also where all files are empty.
  package static func forEach(
    _ paths: [String], pattern: String, _ body: ([UInt8], String) throws(DataError) -> Void
  ) throws(DataError) {
    let corpus = try TextCorpus(paths, pattern: pattern, textKey: nil, maxBytes: IDXFile.defaultLimit)
    var isEmpty = true
    try corpus.forEachDocument { (document) throws(DataError) in
      isEmpty = isEmpty && document.text.isEmpty
      try body(document.text, document.file)
    }
    if isEmpty { throw corpus.emptyError }
  }
}
