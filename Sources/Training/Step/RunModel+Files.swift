import Checkpoints
import Files
import Foundation
import Models
import Runs
import Tensors

extension RunModel {
  /// Every arena that a checkpoint holds, with its contents.
  var storedArenas: [StoredArena] {
    var arenas = [StoredArena(arena: state.parameters, contents: .parameters("parameters"))]
    for (name, arena) in zip(update.optimizer.stateNames, update.states) {
      arenas.append(StoredArena(arena: arena, contents: .parameters("optimizer/\(name)")))
    }
    if let average = update.average {
      arenas.append(StoredArena(arena: average.parameters, contents: .parameters("ema")))
      arenas.append(StoredArena(arena: average.buffers, contents: .buffers("ema")))
    }
    arenas.append(StoredArena(arena: state.buffers, contents: .buffers("buffers")))
    for (index, arena) in sequenceStates.enumerated() {
      arenas.append(StoredArena(arena: arena, contents: .sequenceState(microBatch: index)))
    }
    return arenas
  }

  /// The tensors of a stored arena, or of a copy of one.
  func checkpointTensors(_ contents: StoredArena.Contents, in arena: Arena) -> [CheckpointTensor] {
    switch contents {
    case .parameters(let group): return table.checkpointTensors(group, arena, isBuffers: false)
    case .buffers(let group): return table.checkpointTensors(group, arena, isBuffers: true)
    case .sequenceState(let microBatch):
      return plan.trainingPlan.sequenceState.compactMap { name, shape, tensor in
        guard case .sequenceState(let offset) = tensor.place else { return nil }
        return CheckpointTensor(
          path: "carried/\(microBatch)/\(name)", shape: shape,
          slice: arena.slice(offset: offset, count: tensor.count, type: tensor.type))
      }
    }
  }

  /// The tensors that a resumed run reads back.
  package var checkpointTensors: [CheckpointTensor] {
    storedArenas.flatMap { checkpointTensors($0.contents, in: $0.arena) }
  }

  /// Parameters and buffers.
  package var modelTensors: [CheckpointTensor] { table.evaluatedTensors(state, isAverage: false) }

  /// Reads parameters and buffers from a checkpoint, or from a safetensors file with PyTorch's names or GPT-2's.
  package func load(parametersFrom url: URL) throws {
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw RunError(.configuration, "\(url.relativePath): no such file to start from")
    }
    do {
      try read(parametersFrom: url)
    } catch let error as CheckpointError {
      throw RunError(.configuration, "cannot start from \(url.lastPathComponent): \(error)")
    }
    adoptParameters()
  }

  private func read(parametersFrom url: URL) throws {
    switch url.pathExtension {
    case "safetensors":
      let plain = modelTensors.map { tensor in
        CheckpointTensor(
          path: String(tensor.path.drop { $0 != "/" }.dropFirst()), shape: tensor.shape, slice: tensor.slice)
      }
      let contents = try Safetensors.contents(at: url)
      if GPT2Weights.areIn(contents) {
        try GPT2Weights.read(contents, at: url, into: plain)
      } else {
        _ = try Safetensors.read(at: url, into: plain)
      }
    case "h5":
      _ = try CheckpointFile.read(at: url, into: modelTensors, match: .subset)
    default: throw RunError(.configuration, "\(url.relativePath): expected a checkpoint (.h5) or a safetensors file")
    }
  }

  package var parametersDigest: String { state.digest }
}

/// An arena that a checkpoint holds.
struct StoredArena {
  enum Contents: Sendable {
    /// A number for each parameter, under a group.
    case parameters(String)
    /// A number for each element of the buffers, under a group.
    case buffers(String)
    /// The recurrent state of a micro-batch, for the next batch.
    case sequenceState(microBatch: Int)
  }

  let arena: Arena
  let contents: Contents
}
