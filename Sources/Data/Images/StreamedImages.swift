import Formats
import Synchronization
import Tensors

/// Images that are decoded whenever they are read, from files or from a tar archive in place: for sets that do not fit
/// in memory.
///
/// Each was decoded once when the set was opened, so one that fails later has changed or become unreadable. Then the
/// sample is zero and `failure` says why, which ends the run before anything is learned from it.
final class StreamedImages: SampleSource {
  let name: String
  let fields: [SampleField]
  let fingerprint: String
  private let items: [ImageFolderLayout.Item]
  private let decoding: ImageDecoding
  /// Those that no thread is using.
  private let workspaces = Mutex<[ImageDecoding.Workspace]>([])
  private let firstFailure = Mutex<DataError?>(nil)

  private static let inputField = 0

  /// - Parameter fields: the image's, then the label's.
  init(
    _ items: [ImageFolderLayout.Item], _ decoding: ImageDecoding, fields: [SampleField], fingerprint: String
  ) {
    name = decoding.path
    self.items = items
    self.decoding = decoding
    self.fields = fields
    self.fingerprint = fingerprint
  }

  var count: Int { items.count }
  var readsFiles: Bool { true }
  var failure: DataError? { firstFailure.withLock { $0 } }

  /// Names and labels; the images stay where they are.
  var residentBytes: Int {
    items.reduce(0) { $0 + MemoryLayout<ImageFolderLayout.Item>.stride + $1.name.utf8.count }
  }

  func read(_ index: Int, _ reading: Reading, field: Int, into output: TensorSlice) {
    guard field == Self.inputField else {
      var label = output.mutableIntegers
      label[0] = Int32(truncatingIfNeeded: items[index].label)
      return
    }
    var workspace = workspaces.withLock { $0.popLast() } ?? ImageDecoding.Workspace()
    do throws(DataError) {
      try decoding.decode(items[index].index, in: &workspace)
      SampleField.write(workspace.pixels.span, into: output)
    } catch {
      output.zero()
      firstFailure.withLock { if $0 == nil { $0 = error } }
    }
    workspaces.withLock { $0.append(workspace) }
  }
}
