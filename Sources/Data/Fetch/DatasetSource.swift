/// A public data set: the address of its files, and their digests.
package struct DatasetSource: Sendable {
  package struct File: Sendable {
    package var name: String
    package var md5: String

    package init(name: String, md5: String) {
      self.name = name
      self.md5 = md5
    }
  }

  /// The name on the command line, and of the folder.
  package var name: String
  /// Ends with "/".
  package var home: String
  package var files: [File]
  /// Names of files to unpack, without folders; then the files are tar archives packed with gzip.
  package var contents: [String]

  package init(name: String, home: String, files: [File], contents: [String] = []) {
    self.name = name
    self.home = home
    self.files = files
    self.contents = contents
  }

  package static let all = [
    DatasetSource(
      name: "mnist", home: "https://ossci-datasets.s3.amazonaws.com/mnist/",
      files: idx([
        "f68b3c2dcbeaaa9fbdd348bbdeb94873", "d53e105ee54ea40749a09fcbcd1e9432", "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c",
      ])),
    DatasetSource(
      name: "fashion-mnist", home: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
      files: idx([
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe", "bef4ecab320f06d8554ea6380940ec79",
        "bb300cfdad3c16e7a12a480ee83cd310",
      ])),
    DatasetSource(
      name: "cifar10", home: "https://www.cs.toronto.edu/~kriz/",
      files: [File(name: "cifar-10-binary.tar.gz", md5: "c32a1d4ab5d03f1284b67883e8d87530")],
      contents: (1...5).map { "data_batch_\($0).bin" } + ["test_batch.bin", "batches.meta.txt"]),
    DatasetSource(
      name: "tiny-shakespeare",
      home: "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/",
      files: [File(name: "input.txt", md5: "6fb458f1232090904fb40fe944165e91")]),
  ]

  private static func idx(_ digests: [String]) -> [File] {
    let names = ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"]
    return zip(names, digests).map { File(name: $0 + "-ubyte.gz", md5: $1) }
  }
}
